"""Builds a pipeline from a configuration."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from profguard.config import Config
from profguard.context.enrich import Enricher
from profguard.context.labels import Labeler
from profguard.context.processes import ProcessTable
from profguard.context.tools import Tools
from profguard.engine import Engine
from profguard.lookout import Lookout
from profguard.pipeline import Output, Pipeline
from profguard.reload import Load
from profguard.resources import rules_at
from profguard.rules.pack import RuleSet, load
from profguard.sensor.clock import measure_boot_to_wall_ns
from profguard.sessions import Sessions


@dataclass(frozen=True)
class Assembly:
    """A pipeline, ready to be driven, and the table of processes that a live one fills first."""

    pipeline: Pipeline
    table: ProcessTable
    engine: Engine
    enricher: Enricher

    def put_in_force(self, load: Load) -> RuleSet | None:
        """Swap the rules, between two events; returns those that were in force."""
        if load.rules is None:
            return None
        if load.environ is not None:
            self.table.collect(load.environ)
        return self.pipeline.replace_rules(load.rules)


def rule_paths(config: Config, paths: Sequence[Path] = ()) -> list[Path]:
    """Where rules are: `paths`, or else what the configuration names.

    The path `shipped` means the rules that come with the program, wherever those are.
    """
    return [rules_at(path) for path in paths or map(Path, config.rule_paths)]


def load_rules(config: Config, paths: Sequence[Path] = ()) -> RuleSet:
    """The rules of `rule_paths`. Raises RuleError."""
    return load(
        rule_paths(config, paths),
        skip_bad=config.rules.skip_bad,
        placeholders=config.rules.placeholders,
        data=config.rules.data,
    )


def assemble(config: Config, rules: RuleSet, outputs: Sequence[Output]) -> Assembly:
    """The stations of a configuration, in front of `outputs`.

    Raises ConfigError for labels and tools.
    """
    labeler = Labeler(config.labels, config.rules.placeholders)
    table = ProcessTable(
        labeler,
        boot_to_wall_ns=measure_boot_to_wall_ns(),
        max_processes=config.sensor.max_processes,
        environ_names=rules.environ_names,
    )
    tools = Tools(config.tools, config.rules.placeholders)
    engine = Engine(rules, tools.name)
    enricher = Enricher(table, labeler, platform.node(), Lookout(config.sensor.agents))
    pipeline = Pipeline(enricher, engine, outputs, Sessions(tools.name))
    return Assembly(pipeline, table, engine, enricher)
