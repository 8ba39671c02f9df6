/* All that the probes do, however they are attached. A tier's file says which tier it is, includes
 * this, and attaches: nothing else is in it.
 */
#ifndef PG_PROBE_H
#define PG_PROBE_H

#ifdef PG_BCC
#include "bcc.h"
#include "registers.h"
#include "bcc_layout.h"
#else
#include "core.h"
#include "read.h"
#include "registers.h"
#include "layout.h"
#include "path.h"
#endif
#include "events.h"
#include "maps.h"
#include "task.h"
#include "choose.h"
#include "emit.h"
#include "lookout.h"
#include "calls.h"
#include "perf.h"
#include "prof.h"
#ifdef PG_BCC
#include "bcc_dynamic.h"
#else
#include "dynamic_layout.h"
#endif
#include "dynamic.h"
#include "perf_calls.h"
#include "timers.h"
#include "access.h"
#include "descriptors.h"
#include "environ.h"
#include "runtimes.h"
#include "opens.h"
#include "libraries.h"
#include "process.h"
#include "programs.h"

PG_LICENSE

#endif
