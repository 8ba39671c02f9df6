/* All that the probes do, however they are attached. A tier's file says which tier it is, includes
 * this, and attaches: nothing else is in it.
 */
#ifndef PG_PROBE_H
#define PG_PROBE_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "events.h"
#include "maps.h"
#include "task.h"
#include "emit.h"
#include "perf.h"
#include "prof.h"
#include "perf_calls.h"
#include "timers.h"
#include "access.h"
#include "process.h"

char LICENSE[] SEC("license") = "GPL";

#endif
