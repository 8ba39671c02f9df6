"""A real container, made by runc from busybox: no image, no network."""

import json
import shutil
import subprocess
from pathlib import Path

from tests.live.harness import needs, wait_for

APPLETS = ("cat", "ls", "sh", "sleep")
# What container engines refuse by default, among much else.
SECCOMP = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": ["perf_event_open", "bpf", "keyctl", "add_key"], "action": "SCMP_ACT_ERRNO"}
    ],
}


class Container:
    """Exists from `create` to `delete`. Its control group is named by `id`, as engines do it."""

    def __init__(self, folder: Path, id: str):
        self.id, self._bundle = id, folder
        self._runc = [needs("runc"), "--root", str(folder / "state")]
        self.root = folder / "rootfs"
        (self.root / "bin").mkdir(parents=True)
        shutil.copy(needs("busybox"), self.root / "bin/busybox")
        for name in APPLETS:
            (self.root / "bin" / name).symlink_to("busybox")
        self._run("spec", "--bundle", str(folder))
        path = folder / "config.json"
        spec = json.loads(path.read_text())
        spec["process"] |= {"terminal": False, "args": ["/bin/sleep", "600"]}
        spec["root"]["readonly"] = False
        spec["linux"] |= {"cgroupsPath": f"/{id}", "seccomp": SECCOMP}
        path.write_text(json.dumps(spec))

    def add_mounts(self, *paths: str) -> None:
        """Show these folders of the host in it, where they exist."""
        path = self._bundle / "config.json"
        spec = json.loads(path.read_text())
        spec["mounts"] += [
            {"destination": each, "type": "bind", "source": each, "options": ["rbind", "ro"]}
            for each in paths
            if Path(each).is_dir()
        ]
        path.write_text(json.dumps(spec))

    def start(self) -> int:
        """The pid of its first process, as the host numbers it."""
        # Its processes inherit what is written to, and would keep a pipe open.
        with (self._bundle / "log").open("w") as log:
            command = self.command("create", "--bundle", str(self._bundle), self.id)
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        assert done.returncode == 0, (self._bundle / "log").read_text()
        self._run("start", self.id)
        return json.loads(self._run("state", self.id))["pid"]

    def execute(self, *command: str) -> str:
        return self._run("exec", self.id, *command)

    def stop(self) -> None:
        self._run("kill", self.id, "KILL")
        wait_for(lambda: json.loads(self._run("state", self.id))["status"] == "stopped")

    def delete(self) -> None:
        subprocess.run(self.command("delete", "--force", self.id), check=True)

    def command(self, *arguments: str) -> list[str]:
        return [*self._runc, *arguments]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
