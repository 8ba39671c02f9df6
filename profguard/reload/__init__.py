"""Rules that follow their files: watched, read again beside the pipeline, and swapped whole."""

from profguard.reload.load import Load, Standing
from profguard.reload.reloader import Reloader

__all__ = ["Load", "Reloader", "Standing"]
