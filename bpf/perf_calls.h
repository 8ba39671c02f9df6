/* What calls do to perf events, from the entry of each to its return. */
#ifndef PG_PERF_CALLS_H
#define PG_PERF_CALLS_H

/* perf_event_open(attr, pid, cpu, group_fd, flags) */
static __always_inline int pg_perf_open_begin(const __u64 *args)
{
	struct pg_call call = {.args = {args[1], args[2], args[4]}};
	int pid = args[1];

	if (pg_is_self())
		return 0;
	if (!(args[4] & PG_PID_CGROUP))
		call.target = pid ? (void *)pg_task_by_pid(pid) : pg_current();
	pg_call_begin(PG_EVENT_PERF, &call);
	return 0;
}

/* The kernel has made the event that the call asked for. Where a hook tells this one, it is no
 * question of what a descriptor means later.
 */
static __always_inline int pg_perf_open_made(struct perf_event *event)
{
	struct pg_call *call = pg_call_now(PG_EVENT_PERF);

	if (call)
		call->event = event;
	return 0;
}

static __always_inline int pg_perf_open_end(__s64 ret)
{
	struct perf_event *event = NULL;
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PERF, &call))
		return 0;
	if (ret >= 0)
		event = call.event ?: pg_perf_of_file((void *)pg_file_of_fd(ret));
	if (event && pg_perf_owner(event) != pg_current())
		event = NULL; /* another thread has closed it already */
	pg_perf_opened(&call, event, ret);
	if (event)
		pg_probe_opened(event, ret);
	if (event && pg_perf_is_on(event))
		pg_prof_group((__u64)event, PG_ACTION_ENABLE, PG_CAUSE_OPEN, 0);
	return 0;
}

/* Of perf's own commands all but the one that asks for an event's id do something to it. */
static __always_inline bool pg_ioctl_is_told(__u32 cmd)
{
	enum { TYPE = '$', ID = 7 };

	return (cmd >> 8 & 0xff) == TYPE && (cmd & 0xff) != ID && !pg_is_self() &&
	       (pg_is_wanted(PG_EVENT_PROF) || pg_is_among(&pg_config.ioctl_cmds, cmd));
}

static __always_inline int pg_perf_ioctl_begin(struct perf_event *event, __u32 cmd, __u64 arg)
{
	struct pg_call call = {.args = {cmd, arg}, .event = event};

	if (!event || !pg_ioctl_is_told(cmd))
		return 0;
	call.state = PG_READ(event, state);
	call.on = pg_perf_is_on(event);
	pg_call_begin(PG_EVENT_PERF_IOCTL, &call);
	return 0;
}

/* ioctl(fd, cmd, arg) on any file */
static __always_inline int pg_ioctl_begin(const __u64 *args)
{
	if (!pg_ioctl_is_told(args[1]))
		return 0;
	return pg_perf_ioctl_begin(pg_perf_of_file((void *)pg_file_of_fd(args[0])), args[1], args[2]);
}

/* The same, where a hook tells the file later. */
static __always_inline int pg_ioctl_expect(const __u64 *args)
{
	struct pg_call call = {.args = {(__u32)args[1], args[2]}};

	if (pg_ioctl_is_told(args[1]))
		pg_call_begin(PG_EVENT_PERF_IOCTL, &call);
	return 0;
}

/* The kernel asks whether the call may do that to this file. It asks for a call by the 32-bit entry
 * too, whose end no tracepoint tells: that one was not expected.
 */
static __always_inline int pg_ioctl_asked(struct file *file)
{
	struct perf_event *event = pg_perf_of_file(file);
	struct pg_call *call = event ? pg_call_now(PG_EVENT_PERF_IOCTL) : NULL;

	if (!call)
		return 0;
	call->event = event;
	call->state = PG_READ(event, state);
	call->on = pg_perf_is_on(event);
	return 0;
}

static __always_inline int pg_perf_ioctl_end(__s64 ret)
{
	enum { REFRESH = 2 };
	struct pg_call call;
	__u32 flags;
	bool on;

	if (!pg_call_end(PG_EVENT_PERF_IOCTL, &call) || !call.event)
		return 0;
	pg_perf_ioctled(&call, ret);
	on = pg_perf_is_on(call.event);
	if (on == call.on)
		return 0;
	flags = (call.args[0] & 0xff) == REFRESH ? PG_PROF_REFRESH : 0;
	return pg_prof_group((__u64)call.event, on ? PG_ACTION_ENABLE : PG_ACTION_DISABLE,
			     PG_CAUSE_IOCTL, flags);
}

/* prctl(option): switches all events that the calling thread opened. */
static __always_inline int pg_prctl_begin(const __u64 *args)
{
	enum { DISABLE = 31, ENABLE = 32 };
	struct pg_call call = {};

	if ((args[0] != DISABLE && args[0] != ENABLE) || pg_is_self())
		return 0;
	call.args[0] = args[0] == ENABLE ? PG_ACTION_ENABLE : PG_ACTION_DISABLE;
	pg_call_begin(PG_EVENT_PROF, &call);
	return 0;
}

static __always_inline int pg_prctl_end(__s64 ret)
{
	struct pg_call call;

	if (!pg_call_end(PG_EVENT_PROF, &call) || ret)
		return 0;
	return pg_prof_owned(pg_current(), call.args[0]);
}

/* close(fd): the end of an event that nothing else holds. */
static __always_inline int pg_perf_close_fd(const __u64 *args)
{
	struct file *file = (void *)pg_file_of_fd(args[0]);
	struct perf_event *event = pg_perf_of_file(file);

	if (!event || !pg_file_is_last(file) || !pg_perf_is_on(event) || pg_is_self())
		return 0;
	return pg_prof_group((__u64)event, PG_ACTION_DISABLE, PG_CAUSE_CLOSE, 0);
}

/* The last that held an event's file lets go, however it does: by close, dup2, exec, io_uring, or as
 * the receiver of a passed descriptor. What an exit closes, the exit tells.
 */
static __always_inline int pg_perf_released(struct file *file)
{
	enum { EXITING = 4 }; /* PF_EXITING */
	struct perf_event *event = PG_READ(file, private_data);

	if (!event || !pg_perf_is_on(event) || pg_is_self() ||
	    PG_READ(pg_current(), flags) & EXITING)
		return 0;
	return pg_prof_group((__u64)event, PG_ACTION_DISABLE, PG_CAUSE_CLOSE, 0);
}

#endif
