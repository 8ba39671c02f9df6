"""Sigma rules for tests, as YAML."""


def detection(name: str, category: str, selection: str, more: str = "") -> str:
    """A document of five lines: a rule that asks one thing, and what parts it from the next.

    `more` are further lines.
    """
    return (
        f"title: {name.capitalize()}\nname: {name}\n{more}"
        f"logsource: {{product: linux, service: profguard, category: {category}}}\n"
        f"detection: {{s: {{{selection}}}, condition: s}}\n---\n"
    )
