"""Who may import whom: the contracts in pyproject.toml."""

import subprocess
import sys
from pathlib import Path


def test_every_import_goes_downwards(pytestconfig):
    """The layers hold, one module knows SQLite, and only the command line speaks to people."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
