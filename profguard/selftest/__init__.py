"""Every way that the probes see, done on purpose: what is seen of it on this kernel?

`acts` says what is done and what must be told of it, `calls` has the system calls, `child` is the
process that does it all to a child of its own, and `watch` compares it with what the sensor tells.
"""
