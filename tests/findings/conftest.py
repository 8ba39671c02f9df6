import os
import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", path], check=True)
    yield path
    subprocess.run(["umount", "-l", path], check=True)
