"""MITRE ATT&CK as Sigma's tags name it: `attack.execution`, `attack.t1055.008`."""

import re

TACTICS = frozenset(
    (
        "reconnaissance", "resource-development", "initial-access", "execution", "persistence",
        "privilege-escalation", "defense-evasion", "credential-access", "discovery",
        "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
    )
)  # fmt: skip
TECHNIQUE = re.compile(r"t\d{4}(?:\.\d{3})?", re.IGNORECASE)
