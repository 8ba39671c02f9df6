"""Secrets in command lines, arguments and environments, masked before they are stored or sent.

What is masked by default: values of names that end in password, secret, token, api-key and the like
(`NAME=value`, `NAME: value`, `--name value`), `Authorization` headers and bearer tokens,
credentials in URLs, `curl -u user:password`, keys with a known prefix (AWS, GitHub, GitLab, Slack,
Stripe), JSON Web Tokens, private keys, and environment variables whose name ends in TOKEN, SECRET,
KEY, PASSWORD, PASSWD, PASS or CREDENTIALS.

A command line is its arguments joined by spaces, so of a secret that itself has spaces only the
first word is masked there; in `argv`, where arguments are apart, it is masked whole.
"""

import re
from collections.abc import Iterable

from msgspec import structs

from profguard.errors import ConfigError
from profguard.events import Arg
from profguard.model import Event, Finding, Process

MASK = "[redacted]"

_NAME = (
    r"[\w.-]*(?:password|passwd|passphrase|secret|token|credentials?|"
    r"api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key)"
)
_VALUE = r"""(?:\[redacted\]|"[^"]*"|'[^']*'|[^\s&;,"']+)"""

# Of each match the group `secret` is masked, or the whole where there is no such group. A pattern
# that begins with a repetition may begin at the start of a word only: hostile text stays cheap.
DEFAULT_PATTERNS = (
    rf"(?i:(?<![\w.-]){_NAME}[\"']?\s?[=:]\s?)(?P<secret>{_VALUE})",
    rf"(?i:(?:^|\s)--?{_NAME}\s+)(?P<secret>(?!-){_VALUE})",
    r"\b[A-Z][A-Z0-9_]*_(?:KEY|PASS)=(?P<secret>\S+)",
    r"(?i:\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token|digest)\s+)?)(?P<secret>[^\s\"']+)",
    r"(?i:\bbearer\s+)(?P<secret>[\w.~+/-]{8,}=*)",
    r"(?i:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://[^/\s:@]*:)(?P<secret>[^/\s@]+)(?=@)",
    r"(?:^|\s)(?:-u|--user|--proxy-user)[ =](?P<secret>[^\s:]+:\S+)",
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abpsr]-|[sr]k_live_|whsec_)[\w+/=-]{10,}",
    r"(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
)
# No default pattern matches a text in which this finds nothing: one quick look for most texts.
_SUSPICIOUS = re.compile(
    r"(?i:passw|passphrase|secret|token|credential|key|_PASS=|authorization|bearer)|@|(?:^|\s)-u|"
    r"--(?:proxy-)?user|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abpsr]-|k_live_|whsec_|eyJ"
)
# One argument or variable of a list: there its value has an end.
_ASSIGNED = re.compile(
    rf"(?s:\A(?:(?i:-{{0,2}}{_NAME})|[A-Z][A-Z0-9_]*_(?:KEY|PASS))=(?P<secret>.+)\Z)"
)
_SECRET_OPTION = re.compile(rf"(?i:--?{_NAME}|-u|--user|--proxy-user)")
_SECRET_VARIABLE = re.compile(r"(?i:.*(?:TOKEN|SECRET|KEY|PASSWORD|PASSWD|PASS|CREDENTIALS?))")


def _masked(match: re.Match) -> str:
    if "secret" not in match.re.groupindex:
        return MASK
    start, end = match.span("secret")
    if start < 0:
        return match.group()
    offset = match.start()
    whole = match.group()
    return whole[: start - offset] + MASK + whole[end - offset :]


class Redactor:
    """Masks secrets by the default patterns and `patterns`, regular expressions of the user.

    Raises ConfigError for a pattern that is no regular expression.
    """

    def __init__(self, patterns: Iterable[str] = ()):
        self._own = tuple(_compiled(pattern) for pattern in patterns)
        self._defaults = tuple(re.compile(pattern) for pattern in DEFAULT_PATTERNS)

    def text(self, text: str) -> str:
        """`text` itself, or a copy with every secret masked."""
        if _SUSPICIOUS.search(text):
            for pattern in self._defaults:
                text = pattern.sub(_masked, text)
        for pattern in self._own:
            text = pattern.sub(_masked, text)
        return text

    def arguments(self, arguments: Iterable[str]) -> tuple[str, ...]:
        """An argv: as `text`, and the argument after an option that takes a secret."""
        out = []
        secret_follows = False
        for argument in arguments:
            takes_value = secret_follows and not argument.startswith("-")
            out.append(MASK if takes_value else self.text(_ASSIGNED.sub(_masked, argument)))
            secret_follows = _SECRET_OPTION.fullmatch(argument) is not None
        return tuple(out)

    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {
            name: MASK if value and _SECRET_VARIABLE.fullmatch(name) else self.text(value)
            for name, value in environ.items()
        }

    def process(self, process: Process) -> Process:
        """The process itself where it has no secret, else a copy."""
        changes = {}
        for attr in ("command_line", "parent_command_line"):
            value = getattr(process, attr)
            if value is not None and (masked := self.text(value)) != value:
                changes[attr] = masked
        if process.environ and (masked := self.environ(process.environ)) != process.environ:
            changes["environ"] = masked
        return structs.replace(process, **changes) if changes else process

    def event(self, event: Event) -> Event:
        """The event itself where it has no secret, else a copy."""
        changes = {}
        for attr in ("process", "target"):
            value = getattr(event, attr)
            if value is not None and (masked := self.process(value)) is not value:
                changes[attr] = masked
        args = [self._argument(value) for value in event.args]
        if event.spec.sensor is not None:
            args = self._by_name(event.spec.public_args, args)
        if args != event.args:
            changes["args"] = args
        return structs.replace(event, **changes) if changes else event

    @staticmethod
    def _by_name(declared: Iterable[Arg], args: list) -> list:
        """Texts whose name says that they are secret: another sensor may tell any."""
        return [
            MASK
            if value and isinstance(value, str) and _SECRET_VARIABLE.fullmatch(arg.name)
            else value
            for arg, value in zip(declared, args, strict=True)
        ]

    def _argument(self, value):
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple) and value and isinstance(value[0], str):
            return self.arguments(value)
        return value

    def finding(self, finding: Finding) -> Finding:
        """The finding itself where it has no secret, else a copy."""
        event, message = self.event(finding.event), self.text(finding.message)
        if event is finding.event and message == finding.message:
            return finding
        return structs.replace(finding, event=event, message=message)


def _compiled(pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError.of(
            "PG204",
            f"redaction pattern {pattern!r} is no regular expression: {error}",
            "a group named secret, (?P<secret>...), limits what is masked",
        ) from None


DEFAULT = Redactor()
redact = DEFAULT.event
