"""Policies for tests: a body with the head that its contract asks for."""

import textwrap

HELPERS = """\
package tracee.helpers

get_tracee_argument(arg_name) = arg_value {
    arg := input.args[_]
    arg.name == arg_name
    arg_value := arg.value
}
"""


def ours(body: str, name: str = "rule", events: str = "ptrace") -> str:
    """A policy of ours with this body."""
    head = f"# METADATA\n# title: Title of {name}\n# custom:\n#   events: [{events}]\n"
    return f"{head}package profguard.{name}\n\n{textwrap.dedent(body)}"


def tracee(body: str, name: str = "TRC_1", events: tuple = ("ptrace",), **metadoc) -> str:
    """A signature of Tracee's contract, in its old syntax, with this body."""
    fields = {"id": name.replace("_", "-"), "name": f"Signature {name}"} | metadoc
    documented = ", ".join(
        f'"{key}": {value if key == "properties" else repr(value)}' for key, value in fields.items()
    ).replace("'", '"')
    selectors = ", ".join(f'{{"source": "tracee", "name": "{event}"}}' for event in events)
    return (
        f"package tracee.{name}\n\nimport data.tracee.helpers\n\n"
        f"__rego_metadoc__ := {{{documented}}}\n\n"
        f"selectors := [{selectors}]\n\n"
        "tracee_selected_events[selector] {\n    selector := selectors[_]\n}\n\n"
        + textwrap.dedent(body)
    )
