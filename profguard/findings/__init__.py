"""Findings at rest: the SQLite store, its one writer, the queries, and what is redacted before."""
