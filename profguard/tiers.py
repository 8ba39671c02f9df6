"""The ways a probe can be attached."""

# The numbers go on the wire: never reuse one.
TIERS = {1: "tracepoint", 2: "fentry", 3: "kprobe", 4: "lsm"}

MEANINGS = {
    "fentry": "functions of the kernel call the probe (fentry, fexit)",
    "kprobe": "breakpoints at functions of the kernel (kprobe, kretprobe)",
    "lsm": "security hooks name the object, tracepoints tell the result",
    "tracepoint": "tracepoints: on every kernel with type information",
}
