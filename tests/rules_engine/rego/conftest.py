import os

import pytest

from profguard.rules.rego.pack import load_pack


@pytest.fixture
def pack_of(tmp_path):
    """A function: the RegoPack of texts by file name, and what is wrong with them."""
    packs = []

    def build(files, **options):
        if isinstance(files, str):
            files = {"rule.rego": files}
        paths = []
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths.append(path)
        problems = []
        packs.append(load_pack(paths, problems, **options))
        return packs[-1], problems

    yield build
    for pack in packs:
        pack.close()


@pytest.fixture
def descriptors():
    """A function: how many descriptors this process has open."""
    return lambda: len(os.listdir("/proc/self/fd"))
