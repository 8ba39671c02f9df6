"""From .rego files to policies: each loaded, checked and tried in the worker, with its helpers."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from profguard.errors import Problem
from profguard.events import REGISTRY
from profguard.rules.problems import MAX_PROBLEMS
from profguard.rules.rego import calls
from profguard.rules.rego.contract import METADOC, SELECTED, read_contract
from profguard.rules.rego.examples import example
from profguard.rules.rego.messages import problem_of
from profguard.rules.rego.metadata import read_metadata
from profguard.rules.rego.policy import About, Policy, entry_of
from profguard.rules.rego.process import Stop
from profguard.rules.rego.projection import projection
from profguard.rules.rego.service import Query, Service
from profguard.rules.rego.source import HELPER, OURS, Module, read_module
from profguard.rules.rego.syntax import Definition, definitions
from profguard.rules.source import told
from profguard.tracee import event_name

_UNDEFINED = '"<undefined>"'
_NOTHING = b"{}"


def read_modules(paths: Iterable[Path], problems: list[Problem]) -> list[Module]:
    """The readable ones of these files."""
    modules = [read_module(path, problems) for path in paths]
    return [module for module in modules if module is not None]


def load_policies(
    modules: Sequence[Module], service: Service, problems: list[Problem]
) -> dict[int, Policy]:
    """The good policies by their numbers in the service. What is wrong is told in `problems`.

    Test modules are left out; helpers that nobody uses are parsed, so that their errors show.
    """
    loader = _Loader(service)
    modules = [module for module in modules if not module.is_test]
    candidates = {
        number: with_helpers(module, modules) for number, module in enumerate(_to_parse(modules))
    }
    policies = loader.policies(candidates)
    for number in candidates.keys() - policies.keys():
        service.drop(number)
    problems += dict.fromkeys(loader.problems)
    return policies


def _to_parse(modules: Sequence[Module]) -> list[Module]:
    rules = [module for module in modules if module.kind != HELPER]
    used = {helper for rule in rules for helper in with_helpers(rule, modules)}
    return rules + [module for module in modules if module not in used]


def with_helpers(module: Module, modules: Sequence[Module]) -> tuple[Module, ...]:
    """The helpers that a module refers to, and theirs; the module itself last.

    Of several folders that have a helper's package the nearest counts.
    """
    found: dict[Module, None] = {}
    waiting = [module]
    while waiting:
        text, folder = waiting[-1].text, waiting.pop().path.parent
        packages: dict[str, list[Module]] = {}
        for other in modules:
            is_meant = other.package == module.package or f"data.{other.package}" in text
            if other.kind == HELPER and not other.is_test and is_meant and other is not module:
                packages.setdefault(other.package, []).append(other)
        for group in packages.values():
            near = min(_steps(folder, helper) for helper in group)
            fresh = [h for h in group if _steps(folder, h) == near and h not in found]
            found.update(dict.fromkeys(fresh))
            waiting += fresh
    return (*sorted(found, key=lambda helper: str(helper.path)), module)


def _steps(folder: Path, helper: Module) -> int:
    """How many folders up and down it is to a helper."""
    way = Path(os.path.relpath(helper.path.parent, folder))
    return len(way.parts)


def rules_of(
    modules: tuple[Module, ...], answer: dict[str, Any] | Stop, service: Service
) -> tuple[list[Definition] | None, list[Problem]]:
    """The rules of modules, from the worker's answer to loading them, and what is wrong with them.

    None where they could not be parsed.
    """
    if isinstance(answer, Stop):
        return None, [_stopped("parsing", answer, modules[-1], service)]
    if "error" in answer:
        said, file = answer["error"], answer["file"]
        at_fault = modules if file is None or "--> " in said else modules[int(file) :]
        return None, [problem_of(said, at_fault)]
    try:
        rules = definitions(answer["tree"])
        return rules, calls.problems_of(rules, modules, service.builtins)
    except (RecursionError, msgspec.DecodeError):
        said = "an expression is nested too deeply"
        return None, [told("PG151", said, modules[-1].place())]


class _Loader:
    def __init__(self, service: Service):
        self.service, self.problems = service, []
        self.trees: dict[int, list[Definition]] = {}

    def policies(self, candidates: dict[int, tuple[Module, ...]]) -> dict[int, Policy]:
        asked = {
            number: (modules, "" if modules[-1].kind == HELPER else entry_of(modules[-1]))
            for number, modules in candidates.items()
        }
        for number, answer in self.service.load(asked).items():
            self.parsed(number, candidates[number], answer)
        abouts = self.abouts({number: candidates[number] for number in self.trees})
        found = {}
        for number, about in abouts.items():
            modules, rules = candidates[number], self.trees[number]
            entry = entry_of(modules[-1])
            seen = projection(entry, rules)
            at = next(rule.span for rule in rules if rule.name == entry)
            place = modules[-1].place(at.line, at.column, at.length)
            found[number] = Policy(about, modules, seen, place)
        return self.tried(found)

    def parsed(self, number: int, modules: tuple[Module, ...], answer: dict | Stop) -> None:
        rules, wrong = rules_of(modules, answer, self.service)
        module = modules[-1]
        if rules is not None and module.kind != HELPER:
            entry = entry_of(module)
            if not any(rule.name == entry for rule in rules):
                said = f"there is no rule '{entry.rpartition('.')[2]}'"
                wrong.append(told("PG152", said, module.place()))
        self.problems += wrong[:MAX_PROBLEMS]
        if not wrong and module.kind != HELPER:
            self.trees[number] = rules

    def abouts(self, candidates: dict[int, tuple[Module, ...]]) -> dict[int, About]:
        """What each policy says of itself. A signature's two rules are values: it is asked."""
        found: dict[int, About | None] = {}
        ours = [number for number in candidates if candidates[number][-1].kind == OURS]
        for number in ours:
            found[number] = read_metadata(candidates[number][-1], self.problems)
        theirs = [number for number in candidates if number not in ours]
        queries = [self._contract(number, candidates[number][-1]) for number in theirs]
        for number, answer in zip(theirs, self.service.ask(queries), strict=True):
            modules = candidates[number]
            values = self.values("evaluation", answer, modules, modules[-1])
            if values is not None:
                found[number] = read_contract(modules[-1], *values, self.problems)
        return {number: about for number, about in sorted(found.items()) if about is not None}

    def _contract(self, number: int, module: Module) -> Query:
        names = {rule.name for rule in self.trees[number]}
        wanted = [f"data.{module.package}.{rule}" for rule in (METADOC, SELECTED)]
        # What is not there is an error to the engine; the rule itself is asked in its place.
        return Query(number, _NOTHING, tuple(w if w in names else entry_of(module) for w in wanted))

    def values(self, what: str, answer, modules: tuple[Module, ...], module: Module):
        """The values of an answer, None for what is undefined; None where one is an error."""
        if isinstance(answer, Stop):
            self.problems.append(_stopped(what, answer, module, self.service))
            return None
        wrong = [problem_of(text, modules, "PG153") for kind, text in answer if kind == "error"]
        self.problems += wrong[:1]
        if wrong:
            return None
        return [None if text == _UNDEFINED else msgspec.json.decode(text) for _, text in answer]

    def tried(self, policies: dict[int, Policy]) -> dict[int, Policy]:
        """The policies that bear an empty event and an example of each that they are asked of.

        What a builtin does not like about an example is only a warning: real events may differ.
        """
        good, warned = dict(policies), set()
        inputs = {number: [_NOTHING, *_examples(policy)] for number, policy in policies.items()}
        for turn in range(max(map(len, inputs.values()), default=0)):
            # In turns, so that one that takes long is not asked again.
            asked = [number for number in good if turn < len(inputs[number])]
            queries = [Query(n, inputs[n][turn], (policies[n].entry,)) for n in asked]
            for number, answer in zip(asked, self.service.ask(queries), strict=True):
                policy = policies[number]
                if isinstance(answer, Stop):
                    del good[number]
                    self.service.drop(number)
                    said = _stopped("evaluation", answer, policy.module, self.service)
                    self.problems.append(said)
                elif answer[0][0] == "error" and number not in warned:
                    severity = "warning" if turn else "error"
                    problem = problem_of(answer[0][1], policy.modules, "PG153", severity)
                    self.problems.append(problem)
                    warned.add(number)
                    if not turn:
                        del good[number]
        return good


def _examples(policy: Policy) -> list[bytes]:
    events = map(example, REGISTRY)
    return [
        policy.input(event)
        for event in events
        if policy.selects(event.spec.name, event_name(event))
    ]


def _stopped(what: str, stop: Stop, module: Module, service: Service) -> Problem:
    if stop.slow:
        said = f"{what} takes longer than {service.limit_s:g} s"
        hint = "loops over long ranges, deeply nested literals and cross products take that long"
    else:
        said = f"{what} ends the engine: it takes too much memory, or too deep a recursion"
        hint = None
    return told("PG151", said, module.place(), hint)
