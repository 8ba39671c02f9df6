/* Settings of the kernel that are written: the files below /proc/sys, and sysctl(8). */
#ifndef PG_SETTINGS_H
#define PG_SETTINGS_H

enum { PG_SYSCTL_VALUE = 64 };

/* The number that a setting begins with, by the kernel's own reading: " 0x1" is 1, and "1 x", too.
 * PG_NO_NUMBER for another text, and for one that was cut. `length` is that of the text, or an error.
 */
#define PG_NO_NUMBER ((__s64)(1ull << 63))

static __always_inline __s64 pg_sysctl_number(char (*text)[PG_SYSCTL_VALUE], long length)
{
	enum { MASK = PG_SYSCTL_VALUE - 1 };
	long number = 0, end;
	char after;

	if (length <= 0 || length >= PG_SYSCTL_VALUE)
		return PG_NO_NUMBER;
	if ((*text)[(length - 1) & MASK] == '\n')
		(*text)[(length - 1) & MASK] = 0;
	end = bpf_strtol(*text, PG_SYSCTL_VALUE, 0, &number);
	if (end <= 0)
		return PG_NO_NUMBER;
	after = (*text)[end & MASK];
	return !after || after == ' ' || after == '\t' || after == '\n' ? number : PG_NO_NUMBER;
}

static __always_inline __u8 pg_sysctl_change(__s64 before, __s64 after)
{
	if (before == PG_NO_NUMBER || after == PG_NO_NUMBER)
		return 0;
	if (before == after)
		return PG_CHANGE_UNCHANGED;
	return after > before ? PG_CHANGE_RAISED : PG_CHANGE_LOWERED;
}

/* sysctl_write: a setting is about to be written. Programs of this kind are called for nothing else,
 * and must give 1, or it is refused. They may not ask for the current pid before 6.10.
 */
static __always_inline int pg_sysctl(struct bpf_sysctl *ctx)
{
	struct task_struct *task = pg_current();
	struct pg_sysctl_write *out;
	long length;

	if (!ctx->write || PG_READ(task, tgid) == pg_config.self_tgid ||
	    !pg_admits(PG_EVENT_SYSCTL_WRITE, NULL, 0))
		return 1;
	out = PG_RESERVE(pg_sysctl_write, PG_EVENT_SYSCTL_WRITE, PG_ROUTINE);
	if (!out)
		return 1;
	pg_task_fill(&out->process, task);
	bpf_sysctl_get_name(ctx, out->name, sizeof(out->name), 0);
	length = bpf_sysctl_get_current_value(ctx, out->old_value, sizeof(out->old_value));
	out->old_number = pg_sysctl_number(&out->old_value, length);
	length = bpf_sysctl_get_new_value(ctx, out->new_value, sizeof(out->new_value));
	out->new_number = pg_sysctl_number(&out->new_value, length);
	out->change = pg_sysctl_change(out->old_number, out->new_number);
	pg_submit(out);
	return 1;
}

#endif
