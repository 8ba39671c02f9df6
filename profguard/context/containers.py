"""What a control group's path says: which container and which systemd unit it belongs to."""

import re
from functools import lru_cache
from typing import NamedTuple


class Cgroup(NamedTuple):
    """A process's place in the control groups. `unified`: the path is that of cgroup v2."""

    path: str
    container_id: str | None
    unit: str | None
    unified: bool


# The ways in which runtimes write a container's id into a path; group 1 is the id. A process that
# watches a container (conmon, lxc.monitor) is not in it.
_CONTAINER_FORMS = tuple(
    re.compile(form)
    for form in (
        # docker, containerd, cri-o, podman, nerdctl, kubernetes, ecs: 64 hex digits, bare or as
        # docker-ID.scope, cri-containerd-ID.scope, libpod-payload-ID, slice:cri-containerd:ID
        r"(?:(?<=/)|(?<=[-:])(?<!conmon-))([0-9a-f]{64})(?:\.scope)?(?=/|$)",
        r"/lxc(?:/|\.payload[./])([^/]+)",
        r"/ecs/(?:[^/]+/)?([0-9a-f]{32}-\d+)(?=/|$)",
        r"/systemd-nspawn@([^/]+)\.service(?=/|$)",
        r"/machine\.slice/machine-(?!qemu)([^/]+)\.scope(?=/|$)",
        r"/garden/([0-9a-z-]{11,36})(?=/|$)",
        r"/mesos/([0-9a-f-]{36})(?=/|$)",
        r"/buildkit/([0-9a-z]{25})(?=/|$)",
    )
)
_UNIT = re.compile(r"/([^/]+\.(?:service|scope|socket|mount|swap))(?=/|$)")


def container_id(path: str) -> str | None:
    """The id of the innermost container that a cgroup path names."""
    found = [match for form in _CONTAINER_FORMS for match in form.finditer(path)]
    return max(found, key=lambda match: match.start(1))[1] if found else None


def unit(path: str) -> str | None:
    """The innermost systemd unit that a cgroup path names, also a user's."""
    units = _UNIT.findall(path)
    # systemd puts one underscore before a unit that is called like a file of the cgroup.
    return units[-1].removeprefix("_") if units else None


@lru_cache(4096)  # a handful of texts, asked for each process
def parse(text: str) -> Cgroup | None:
    """The one place that /proc/PID/cgroup amounts to, on cgroup v2, v1 and both together.

    A path that names a container wins: where both versions are mounted, container engines may
    leave the v2 path of the process that started them. Then v2, systemd's own hierarchy, and the
    deepest of the v1 controllers. None for text that is not such a file.
    """
    unified, systemd, others = None, None, []
    for line in text.split("\n"):  # not splitlines: a cgroup's name may hold other line breaks
        number, _, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon:
            continue
        if number == "0":
            unified = path
        elif controllers == "name=systemd":
            systemd = path
        else:
            others.append(path)
    others.sort(key=lambda path: path.count("/"), reverse=True)
    paths = [path for path in (unified, systemd, *others) if path is not None]
    if not paths:
        return None
    inside = next((path for path in paths if container_id(path)), None)
    path = inside or next((path for path in paths if path != "/"), "/")
    return Cgroup(path, container_id(path), unit(path), unified == path)
