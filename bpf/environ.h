/* The environment that a program is started with. */
#ifndef PG_ENVIRON_H
#define PG_ENVIRON_H

enum { PG_ENVIRON_PIECES = 256, PG_VARIABLE_SIZE = 32 };

/* A part of the environment, as long as the stack has room for it; a key of the map of names. */
struct pg_piece {
	struct pg_name name;
	char more[64];
};

enum { PG_PIECE_SIZE = sizeof(struct pg_piece) - __builtin_offsetof(struct pg_name, text) };

/* The string at this address of the current process, or as much of it as a piece takes: gives its size
 * with the NUL. Where a string begins there, it is told if it is one of the variables.
 */
PG_GLOBAL int pg_environ_piece(__u64 at, int begins)
{
	struct pg_piece piece = {.name = {.bits = PG_NAME_BITS, .kind = PG_NAME_VARIABLE}};
	struct pg_profiler_env *out;
	__u32 *found;
	int size;

	size = bpf_probe_read_user_str(piece.name.text, PG_PIECE_SIZE, (void *)at);
	if (size <= 0 || !begins)
		return size;
	found = bpf_map_lookup_elem(&names, &piece.name);
	if (!found)
		return size;
	out = PG_RESERVE(pg_profiler_env, PG_EVENT_PROFILER_ENV, PG_ROUTINE);
	if (!out)
		return size;
	pg_task_fill(&out->process, pg_current());
	out->target = out->process;
	__builtin_memcpy(out->variable, piece.name.text, sizeof(out->variable));
	out->variable[*found & (PG_VARIABLE_SIZE - 1)] = 0;
	bpf_probe_read_user_str(out->value, sizeof(out->value), (void *)at + *found + 1);
	pg_submit(out);
	return size;
}

/* profiler_env: what a program is given that has just been put in place of the current one. */
static __always_inline void pg_environ(void)
{
	struct task_struct *task = pg_current();
	__u64 at, end;
	int begins = 1;

	if (!pg_is_wanted(PG_EVENT_PROFILER_ENV) || pg_is_quiet(task))
		return;
	at = PG_READ(task, mm, env_start);
	end = PG_READ(task, mm, env_end);
	for (int i = 0; i < PG_ENVIRON_PIECES && at < end; i++) {
		int size = pg_environ_piece(at, begins);

		if (size <= 0)
			return;
		begins = size < PG_PIECE_SIZE;
		at += begins ? size : size - 1;
	}
}

#endif
