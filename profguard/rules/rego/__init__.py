"""Rules in Rego: Tracee's signatures, and policies of our own.

Policies run in a process of their own (worker.py, the only module that knows the engine), which
is started with nothing: no environment, no descriptors but its pipes, no network. What it does
not answer in time is killed, the rule that it was at is named, and the process started again.
"""
