"""Process context: turns the bare tasks of an event into processes, and says how they relate."""

from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable

__all__ = ["Enricher", "Labeler", "ProcessTable"]
