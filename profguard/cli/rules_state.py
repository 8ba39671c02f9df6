"""The rules part of `profguard doctor`: what a sensor has in force, and what is on disk."""

from pathlib import Path
from typing import Any

from profguard.cli.output import number, say
from profguard.config import Config
from profguard.errors import RuleError, StoreError


def examine(settings: Config, db: Path | None) -> tuple[dict[str, Any], RuleError | None]:
    """What is known of the rules, and why those on disk would be refused.

    On disk are looked up the paths of the latest run, if it goes on, else the configuration's.
    """
    from profguard.assembly import load_rules
    from profguard.findings import loads
    from profguard.findings.store import Store

    report: dict[str, Any] = {"sensor": None, "unknown": None}
    path = db or Path(settings.store.path)
    try:
        report["sensor"] = loads.latest(Store(path, readonly=True)) if path.exists() else None
    except StoreError as error:
        report["unknown"] = error.problems[0].message
    sensor = report["sensor"]
    goes_on = sensor and not sensor["run"]["stopped"]
    refusal, count = None, None
    try:
        found = load_rules(settings, [Path(p) for p in sensor["paths"]] if goes_on else ())
        count, problems = found.in_force, found.problems
    except RuleError as error:
        refusal, problems = error, error.problems
    errors = [problem.as_dict() for problem in problems if problem.is_error]
    report["on_disk"] = {"rules": count, "refused": refusal is not None, "problems": errors}
    return report, refusal


def show(report: dict[str, Any]) -> None:
    """Lines for people."""
    say("")
    if report["unknown"]:
        say(f"What the sensor has in force is not known: {report['unknown']}")
    if report["sensor"]:
        _show_sensor(report["sensor"])
    disk = report["on_disk"]
    if disk["refused"]:
        say(f"The rules on disk would be refused: {number(len(disk['problems']), 'errors')}.")
    else:
        say(f"{number(disk['rules'], 'rules')} on disk, which would be put in force.")


def _show_sensor(sensor: dict[str, Any]) -> None:
    run, good, refused = sensor["run"], sensor["in_force"], sensor["refused"]
    state = f"stopped at {run['stopped']}" if run["stopped"] else "not ended"
    say(f"The latest run of the sensor began at {run['started']}, {state}.")
    if good:
        say(f"{number(good['rules'], 'rules')} in force since {good['since']}.")
    if refused:
        say(f"The files are refused since {refused['since']}, and the rules before them in force:")
        for problem in refused["problems"]:
            place = ":".join(str(problem[k]) for k in ("path", "line", "column") if problem[k])
            say(f"  {place}: {problem['message']}  ({problem['code']})")
