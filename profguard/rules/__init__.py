"""The rule language: Sigma rules read, checked and compiled to one function for each event.

`load` gives a RuleSet; `compile_selection` the labels of the configuration.
"""

from profguard.rules.labels import Label, compile_selection, environ_names
from profguard.rules.pack import RuleSet, load
from profguard.rules.rule import Detection, Match, Rule

__all__ = [
    "Detection",
    "Label",
    "Match",
    "Rule",
    "RuleSet",
    "compile_selection",
    "environ_names",
    "load",
]
