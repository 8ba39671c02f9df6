"""The ways a probe can be attached, best first in what they see and cost."""

# The numbers go on the wire: never reuse one.
TIERS = {1: "tracepoint", 2: "fentry", 3: "kprobe", 4: "lsm"}
