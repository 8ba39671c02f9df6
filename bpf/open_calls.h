/* Opens by the tracepoints of their system calls, where a return probe of a function that all opens
 * pass would cost more. They miss the 32-bit entry, and io_uring.
 */
#include "on_tracepoint.h"

PG_TRACED_RETURN(opens__openat, openat)
{
	return pg_open_end(PG_OPENAT, ret);
}

PG_TRACED_RETURN(opens__openat2, openat2)
{
	return pg_open_end(PG_OPENAT2, ret);
}

#if defined(__TARGET_ARCH_x86) /* elsewhere there are only the others */
PG_TRACED_RETURN(opens__open, open)
{
	return pg_open_end(PG_OPEN, ret);
}

PG_TRACED_RETURN(opens__creat, creat)
{
	return pg_open_end(PG_CREAT, ret);
}
#endif
