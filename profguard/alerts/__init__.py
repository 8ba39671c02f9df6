"""Alerts: who is told of a finding, the durable outbox, and the threads that deliver it."""
