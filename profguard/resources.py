"""Where the files that travel with the program are: in the installed package, or in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent
BUILT = _PACKAGE / "_built"  # what the build makes: the BPF object and the ring reader


def folder(name: str) -> Path:
    """The folder `rules`, `schemas` or `captures`, wherever this program was started from."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _CHECKOUT / name
