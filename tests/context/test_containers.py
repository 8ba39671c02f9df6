"""Container and unit from the forms that cgroup paths really have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profguard.context.containers import container_id, parse, unit

ID = "4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796"
OUTER = "aaaa0000bbbb1111cccc2222dddd3333eeee4444ffff5555aaaa6666bbbb7777"
POD = "pod5f0a1b2c_3d4e_5f60_7182_93a4b5c6d7e8"
POD_DASHED = "pod5f0a1b2c-3d4e-5f60-7182-93a4b5c6d7e8"
KUBE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-{POD}.slice"

PATHS = [
    # path, container, unit
    ("/", None, None),
    ("/init.scope", None, "init.scope"),
    ("/system.slice/nginx.service", None, "nginx.service"),
    ("/system.slice/system-getty.slice/getty@tty1.service", None, "getty@tty1.service"),
    (r"/system.slice/dev-disk-by\x2duuid.swap", None, r"dev-disk-by\x2duuid.swap"),
    ("/system.slice/_cpu.service", None, "cpu.service"),
    ("/system.slice/dbus.socket", None, "dbus.socket"),
    ("/system.slice/services/worker", None, None),
    ("/user.slice/user-1000.slice/session-3.scope", None, "session-3.scope"),
    (
        "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-812.scope",
        None,
        "app-gnome-firefox-812.scope",
    ),
    ("/user.slice/user-1000.slice/user@1000.service/init.scope", None, "init.scope"),
    ("/user.slice/user-1000.slice/user@1000.service", None, "user@1000.service"),
    # docker
    (f"/docker/{ID}", ID, None),
    (f"/system.slice/docker-{ID}.scope", ID, f"docker-{ID}.scope"),
    (f"/system.slice/docker-{ID}.scope/init.scope", ID, "init.scope"),
    (
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{ID}.scope",
        ID,
        f"docker-{ID}.scope",
    ),
    (f"/docker/{OUTER}/docker/{ID}", ID, None),
    (f"/docker/{OUTER}/system.slice/sshd.service", OUTER, "sshd.service"),
    ("/system.slice/docker.service", None, "docker.service"),
    ("/docker/buildkit/xk2m4n6p8q0r1s3t5u7v9w1y2", "xk2m4n6p8q0r1s3t5u7v9w1y2", None),
    # containerd, nerdctl
    (f"/default/{ID}", ID, None),
    (f"/k8s.io/{ID}", ID, None),
    (f"/system.slice/nerdctl-{ID}.scope", ID, f"nerdctl-{ID}.scope"),
    ("/system.slice/containerd.service", None, "containerd.service"),
    # kubernetes
    (f"{KUBE}/cri-containerd-{ID}.scope", ID, f"cri-containerd-{ID}.scope"),
    (f"{KUBE}/docker-{ID}.scope", ID, f"docker-{ID}.scope"),
    (f"{KUBE}/crio-{ID}.scope", ID, f"crio-{ID}.scope"),
    (f"{KUBE}/crio-{ID}.scope/container", ID, f"crio-{ID}.scope"),
    (f"{KUBE}/crio-conmon-{ID}.scope", None, f"crio-conmon-{ID}.scope"),
    (f"/kubepods/burstable/{POD_DASHED}/{ID}", ID, None),
    (f"/kubepods/{POD_DASHED}/{ID}", ID, None),
    (f"/kubepods/besteffort/{POD_DASHED}", None, None),
    (
        f"/system.slice/containerd.service/kubepods-burstable-{POD}.slice:cri-containerd:{ID}",
        ID,
        "containerd.service",
    ),
    (f"/docker/{OUTER}/kubelet/kubepods/besteffort/{POD_DASHED}/{ID}", ID, None),
    # podman
    (f"/machine.slice/libpod-{ID}.scope", ID, f"libpod-{ID}.scope"),
    (f"/machine.slice/libpod-{ID}.scope/container", ID, f"libpod-{ID}.scope"),
    (f"/machine.slice/libpod-conmon-{ID}.scope", None, f"libpod-conmon-{ID}.scope"),
    (f"/libpod_parent/libpod-{ID}", ID, None),
    (f"/system.slice/shop.service/libpod-payload-{ID}", ID, "shop.service"),
    (
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container",
        ID,
        f"libpod-{ID}.scope",
    ),
    # lxc, incus
    ("/lxc/web", "web", None),
    ("/lxc.payload.web", "web", None),
    ("/lxc.payload/web-1/system.slice/cron.service", "web-1", "cron.service"),
    ("/lxc.payload.web/system.slice/docker-" + ID + ".scope", ID, f"docker-{ID}.scope"),
    ("/lxc.monitor.web", None, None),
    # systemd-nspawn; a virtual machine is no container
    ("/machine.slice/systemd-nspawn@deb.service/payload", "deb", "systemd-nspawn@deb.service"),
    (r"/machine.slice/machine-deb\x2d12.scope", r"deb\x2d12", r"machine-deb\x2d12.scope"),
    (r"/machine.slice/machine-qemu\x2d1\x2dvm.scope", None, r"machine-qemu\x2d1\x2dvm.scope"),
    # ecs, cloud foundry, mesos
    (f"/ecs/55091c13-b8cf-4801-b88f-527f4601742d/{ID}", ID, None),
    ("/ecs/" + "a" * 32 + "/" + "a" * 32 + "-4028320521", "a" * 32 + "-4028320521", None),
    ("/ecs/" + "a" * 32 + "-4028320521", "a" * 32 + "-4028320521", None),
    ("/garden/70eb4ea5-f1b5-4a2c-5d9e-1a2b3c4d", "70eb4ea5-f1b5-4a2c-5d9e-1a2b3c4d", None),
    (
        "/mesos/" + "1" * 8 + "-2222-3333-4444-" + "5" * 12,
        "11111111-2222-3333-4444-555555555555",
        None,
    ),
    # what only looks like one
    (
        "/system.slice/run-r0123456789abcdef0123456789abcdef.scope",
        None,
        "run-r0123456789abcdef0123456789abcdef.scope",
    ),
    (f"/{ID}0", None, None),
    (f"/jobs/x{ID}", None, None),
    (f"/jobs/{ID}.txt", None, None),
]


@pytest.mark.parametrize(("path", "container", "of_unit"), PATHS, ids=[row[0] for row in PATHS])
def test_container_and_unit_of_a_path(path, container, of_unit):
    assert container_id(path) == container
    assert unit(path) == of_unit


FILES = {
    "v2 alone": ("0::/system.slice/a.service\n", "/system.slice/a.service", True),
    "v2 root, nothing else": ("0::/\n", "/", True),
    "v1 alone": (
        f"11:memory:/docker/{ID}\n3:cpu,cpuacct:/docker/{ID}\n1:name=systemd:/docker/{ID}\n",
        f"/docker/{ID}",
        False,
    ),
    "both, v2 says it": (
        "5:pids:/user.slice\n1:name=systemd:/user.slice/s.scope\n0::/user.slice/s.scope\n",
        "/user.slice/s.scope",
        True,
    ),
    "both, v2 unused": (
        "5:pids:/system.slice\n1:name=systemd:/system.slice/a.service\n0::/\n",
        "/system.slice/a.service",
        False,
    ),
    "both, only a controller says more": (
        "9:name=systemd:/\n5:devices:/\n4:memory:/jobs/17\n1:cpu:/jobs\n0::/\n",
        "/jobs/17",
        False,
    ),
    "both, the engine left v2 behind": (
        f"4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/system.slice/containerd.service\n",
        f"/docker/{ID}",
        False,
    ),
    "a name that imitates a line": (
        "0::/user.slice/x\u20280::/docker\x0b1:name=systemd:/x",
        None,
        True,
    ),
    "a path with colons": ("0::/a:b:c\n", "/a:b:c", True),
    "seen from a cgroup namespace": ("0::/../other.scope\n", "/../other.scope", True),
}


@pytest.mark.parametrize(("text", "path", "unified"), FILES.values(), ids=FILES)
def test_one_path_is_chosen_of_all_hierarchies(text, path, unified):
    cgroup = parse(text)
    path = path or text.removeprefix("0::")
    assert (cgroup.path, cgroup.unified) == (path, unified)
    assert (cgroup.container_id, cgroup.unit) == (container_id(path), unit(path))


@pytest.mark.parametrize("text", ["", "\n\n", "nonsense", "0:"])
def test_what_is_no_cgroup_file_has_no_place(text):
    assert parse(text) is None


@given(st.text("0:/\n-.abcdef") | st.text())
def test_any_text_gives_a_place_or_none(text):
    cgroup = parse(text)
    assert cgroup is None or any(cgroup.path in line for line in text.split("\n"))
