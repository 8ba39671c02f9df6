"""The sources of events in this kernel: what attaches, and how its records arrive."""
