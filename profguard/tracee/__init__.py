"""Tracee's event JSON, both ways: our events for its signatures, its events for our rules.

The shape is that of its `--output json` with parsed arguments, as of its releases since 2023.
"""

from profguard.tracee.read import from_tracee
from profguard.tracee.write import FIELDS, event_name, to_tracee

__all__ = ["FIELDS", "event_name", "from_tracee", "to_tracee"]
