"""Where the files that travel with the program are: in the installed package, or in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent
BUILT = _PACKAGE / "_built"  # what the build makes: the BPF object and the ring reader


SHIPPED = "shipped"  # what stands for the rules of the program, where paths of rules are given


def is_shipped(path: Path) -> bool:
    """Whether a path of rules is no path, but the word for those of the program."""
    return path.name == SHIPPED and not path.exists()


def rules_at(path: Path) -> Path:
    """`path` itself, or where the shipped rules are if it is the word for them."""
    return folder("rules") if is_shipped(path) else path


def folder(name: str) -> Path:
    """The folder `rules`, `schemas`, `captures` or `bpf`, wherever this program is run from."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _CHECKOUT / name
