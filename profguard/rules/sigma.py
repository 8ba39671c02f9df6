"""A Sigma detection rule: from a YAML document to a Detection, or to all that is wrong with it."""

from typing import Any

from profguard.errors import Problem
from profguard.rules.body import Body, fields_in
from profguard.rules.extension import KEY, Extension, ExtensionReader
from profguard.rules.heading import heading, plain_message
from profguard.rules.rule import Detection
from profguard.rules.source import Document
from profguard.rules.transforms import Placeholders

# Without these there is nothing more to be said of a rule ("" is a missing key).
ESSENTIAL = {"", "title", "logsource", "detection"}


def read_detection(
    document: Document,
    value: dict[str, Any],
    name: str,
    placeholders: Placeholders,
    problems: list[Problem],
) -> Detection:
    """The rule of a document; it is only whole where no error is reported.

    `value` is the document without the keys that do not fit the schema.
    """
    body = Body(document, value, placeholders, problems)
    body.read_logsource()
    extension, root, selections = Extension(), None, {}
    if body.event is not None:
        selections = body.selections("detection")
        root = body.condition("detection", selections)
        extension = ExtensionReader(document, problems, body.field_at).read(value.get(KEY, {}))
    return Detection(
        **heading(document, value, name),
        logsource=body.source,
        events=() if body.event is None else (body.event,),
        category=body.category,
        condition=root,
        selections=selections,
        fields=fields_in(root) if root else (),
        message=extension.message or plain_message(value["title"]),
        message_fields=extension.message_fields,
        suppress_by=extension.suppress_by,
        suppress_fields=extension.suppress_fields,
        suppress_for_ns=extension.suppress_for_ns,
        enabled=extension.enabled,
    )
