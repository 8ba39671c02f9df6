"""profguard sees who profiles, traces or debugs which process, and decides whether they should."""

__version__ = "0.1.0"
