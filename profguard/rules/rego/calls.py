"""What a policy calls: functions that exist, that look at nothing outside and end."""

from collections.abc import Collection, Iterable, Sequence

from profguard.errors import Place, Problem, did_you_mean
from profguard.rules.rego.source import Module
from profguard.rules.rego.syntax import Call, Definition
from profguard.rules.source import told

# Known to the engine beside those that it lists.
_FURTHER = ("print", "set")
_SAME_ANSWER = "a rule's answer must be the same in a replay: use the event's time and values"
REFUSED = {
    "http.send": "rules have no network; put what they need into data documents",
    "net.lookup_ip_addr": "rules have no network; put what they need into data documents",
    "opa.runtime": "rules do not see the environment",
    "time.now_ns": _SAME_ANSWER,
    "rand.intn": _SAME_ANSWER,
    "uuid.rfc4122": _SAME_ANSWER,
}


def problems_of(
    rules: Iterable[Definition], modules: Sequence[Module], builtins: Collection[str]
) -> list[Problem]:
    """Every call that cannot be allowed, at its place."""
    rules = list(rules)
    functions = {rule.name for rule in rules if rule.parameters is not None}
    found = []
    for rule in rules:
        for call in rule.calls:
            if call.name is None or call.name in _FURTHER:
                continue
            place = _place(modules[rule.module], call)
            if call.name in REFUSED:
                said = f"function '{call.name}' is not for rules"
                found.append(told("PG151", said, place, REFUSED[call.name]))
            elif call.name not in builtins and rule.full(call.name) not in functions:
                short = [name.removeprefix(f"{rule.package}.") for name in functions]
                hint = did_you_mean(call.name, [*builtins, *short])
                found.append(told("PG151", f"unknown function '{call.name}'", place, hint))
    return found + _recursions(rules, modules)


def _recursions(rules: list[Definition], modules: Sequence[Module]) -> list[Problem]:
    """Functions that call themselves, by whichever way: the language has no recursion."""
    calls: dict[str, dict[str, tuple[Definition, Call]]] = {}
    for rule in rules:
        if rule.parameters is not None:
            for call in rule.calls:
                if call.name is not None:
                    calls.setdefault(rule.name, {})[rule.full(call.name)] = (rule, call)
    found = []
    for name, own in calls.items():
        seen, waiting = set(), [*own]
        while waiting:
            called = waiting.pop()
            if called not in seen:
                seen.add(called)
                waiting += calls.get(called, ())
        if name in seen:
            rule, call = next(each for called, each in own.items() if called in seen)
            short = name.rpartition(".")[2]
            said = f"function '{short}' calls itself"
            hint = "Rego has no recursion; walk() and graph.reachable() go through nested values"
            found.append(told("PG151", said, _place(modules[rule.module], call), hint))
    return found


def _place(module: Module, call: Call) -> Place:
    """The call's own span is that of its bracket; its name stands right before."""
    line, column = call.span["line"], call.span["col"]
    name = call.name or ""
    text = module.text.split("\n")[line - 1]
    start = text.rfind(name, 0, column)
    return module.place(line, start + 1 if start >= 0 else column, max(1, len(name)))
