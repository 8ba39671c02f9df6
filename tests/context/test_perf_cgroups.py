"""The path of a control group from the id that the kernel has."""

import pytest

from profguard.context.perf_cgroups import PerfCgroups


@pytest.fixture
def tree(tmp_path):
    """A hierarchy, and where the text of /proc/self/mounts and /proc/cgroups is."""
    root = tmp_path / "cgroup"
    (root / "shop.slice" / "web.service").mkdir(parents=True)
    (root / "other.slice").mkdir()
    mounts, controllers = tmp_path / "mounts", tmp_path / "cgroups"
    mounts.write_text(f"proc /proc proc rw 0 0\ncgroup2 {root} cgroup2 rw 0 0\n")
    controllers.write_text("#subsys_name hierarchy num_cgroups enabled\nperf_event 0 3 1\n")
    return root, mounts, controllers


def test_a_group_is_found_by_its_inode(tree):
    root, mounts, controllers = tree
    cgroups = PerfCgroups(mounts, controllers)
    web = root / "shop.slice" / "web.service"
    assert cgroups.path(root.stat().st_ino) == "/"
    assert cgroups.path(web.stat().st_ino) == "/shop.slice/web.service"
    inode = web.stat().st_ino
    web.rmdir()
    assert cgroups.path(inode) == "/shop.slice/web.service"  # as it was
    assert PerfCgroups(mounts, controllers).path(inode) is None


def test_ids_of_another_hierarchy_are_not_taken_for_its_own(tree, tmp_path):
    """The controller has a v1 hierarchy: mounted, its groups are found there, else nowhere."""
    root, mounts, controllers = tree
    controllers.write_text("perf_event 7 3 1\n")
    inode = (root / "other.slice").stat().st_ino
    assert PerfCgroups(mounts, controllers).path(inode) is None
    old = tmp_path / "perf_event"
    (old / "batch").mkdir(parents=True)
    mounts.write_text(mounts.read_text() + f"cgroup {old} cgroup rw,relatime,perf_event 0 0\n")
    cgroups = PerfCgroups(mounts, controllers)
    assert cgroups.path((old / "batch").stat().st_ino) == "/batch"
    assert cgroups.path(inode) is None


def test_a_kernel_without_v1_has_one_hierarchy(tree):
    root, mounts, controllers = tree
    controllers.unlink()
    inode = (root / "other.slice").stat().st_ino
    assert PerfCgroups(mounts, controllers).path(inode) == "/other.slice"
