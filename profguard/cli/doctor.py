"""`profguard doctor`: what this machine allows, and what the sensor makes of it."""

import platform
from pathlib import Path

import click

from profguard import __version__
from profguard.cli import options, rules_state
from profguard.cli.output import emit, json_option, say, table
from profguard.config import load
from profguard.errors import ProfguardError, SensorError
from profguard.sensor import kinds, libbpf, rights, tiers
from profguard.sensor.live import Sensor

# Settings that decide who may profile; root is not bound by the first two.
_SETTINGS = {
    "perf_event_paranoid": Path("/proc/sys/kernel/perf_event_paranoid"),
    "ptrace_scope": Path("/proc/sys/kernel/yama/ptrace_scope"),
    "kptr_restrict": Path("/proc/sys/kernel/kptr_restrict"),
    "unprivileged_bpf_disabled": Path("/proc/sys/kernel/unprivileged_bpf_disabled"),
    "lockdown": Path("/sys/kernel/security/lockdown"),
    "lsm": Path("/sys/kernel/security/lsm"),
}


@click.command()
@options.config
@options.db
@options.tier
@options.loader
@json_option
def doctor(config, db, tier, loader, as_json) -> None:
    """Say what this kernel allows, which tier each probe gets, and which rules are in force.

    Every answer is found out by trying: programs are loaded, attached and taken away again, rules
    are read. Ends with 4 where the sensor cannot run, with 3 where its rules would be refused.

    \b
    Examples:
      profguard doctor
      profguard doctor --json
      profguard doctor --tier kprobe    what would become of each probe with it
      profguard doctor --loader bcc     the same, with probes that are compiled here
      profguard doctor --db ./my.db     about the sensor that writes to that database
    """
    options.check_loader(loader, tier)
    settings = load(config)
    report = _machine() | {"limits": _limits(settings)}
    trouble: ProfguardError | None = None
    try:
        report["libbpf"] = libbpf.version()
        rights.check(types=loader == tiers.LIBBPF)
        refused = kinds.refusals(kinds.KINDS)
        report["kinds"] = {kind: refused.get(kind) for kind in kinds.KINDS}
        probes = _probes(options.sensor(settings, tier, loader))
        report["probes"] = [_probe(probe) for probe in probes]
        report["unseen"] = [
            {"what": what, "events": events} for what, events in tiers.unseen(probes).items()
        ]
    except SensorError as error:
        trouble = error
    report["rules"], refusal = rules_state.examine(settings, db)
    trouble = trouble or refusal
    if as_json:
        emit({"type": "doctor", **report})
    else:
        _show(report)
    if trouble:
        raise trouble


def _machine() -> dict:
    return {
        "profguard": __version__,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "btf": rights.BTF.exists(),
        "capabilities": sorted(rights.capabilities()),
        "tracefs": rights.tracefs_is_mounted(),
        "settings": {name: _read(path) for name, path in _SETTINGS.items()},
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _limits(settings) -> dict:
    return {
        "ring_mb": settings.sensor.ring_mb,
        "max_processes": settings.sensor.max_processes,
        "calls_in_flight": 16384,
    }


def _probes(sensor: Sensor) -> list[tiers.Probe]:
    sensor.open()
    sensor.close()
    return sensor.probes


def _probe(probe: tiers.Probe) -> dict:
    return {
        "probe": probe.name,
        "tier": probe.tier,
        "hooks": probe.hooks,
        "events": probe.events,
        "refusals": probe.refusals,
    }


def _show(report: dict) -> None:
    say(f"profguard {report['profguard']} on Linux {report['kernel']} ({report['machine']})\n")
    facts = [
        ("type information (BTF)", "yes" if report["btf"] else "no"),
        ("capabilities", ", ".join(report["capabilities"]) or "none of those needed"),
        ("libbpf", report.get("libbpf", "missing")),
        ("tracefs", "mounted" if report["tracefs"] else "not mounted (the sensor mounts it)"),
        *report["settings"].items(),
        *report["limits"].items(),
    ]
    table(("machine", ""), facts)
    rules_state.show(report["rules"])
    if "kinds" in report:
        say("")
        rows = [
            (kind, refusal or "yes", kinds.KINDS[kind]) for kind, refusal in report["kinds"].items()
        ]
        table(("program kind", "attaches", "used for"), rows)
    if "probes" in report:
        say("")
        rows = [
            (
                probe["probe"],
                probe["tier"],
                probe["hooks"],
                probe["events"],
                "; ".join(f"{tier}: {why}" for tier, why in probe["refusals"].items()),
            )
            for probe in report["probes"]
        ]
        table(("probe", "tier", "attached to", "for the events", "refused"), rows)
        missing = sum(1 for probe in report["probes"] if probe["tier"] is None)
        if report["unseen"]:
            rows = [(each["what"], each["events"]) for each in report["unseen"]]
            say("")
            table(("what no probe sees here", "for the events"), rows)
        say(f"\n{len(report['probes']) - missing} of {len(report['probes'])} probes attach here.")
