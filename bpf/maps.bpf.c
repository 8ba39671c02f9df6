/* The maps alone, for programs that are compiled elsewhere. */
#include "core.h"
#include "events.h"
#include "maps.h"

PG_LICENSE
