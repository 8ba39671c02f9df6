"""The secrets that sign webhooks: read from a file or the environment, never shown."""

import base64
import binascii
import os
from pathlib import Path

from profguard.alerts.sinks import Locate
from profguard.config.spec import Alert
from profguard.errors import ConfigError, Place

_PREFIX = "whsec_"
_BYTES = range(24, 65)  # as Standard Webhooks asks
_HOW = "a secret is `whsec_` and 24 to 64 random bytes in base64: "
_MAKE = _HOW + '`echo "whsec_$(openssl rand -base64 32)"` makes one'


def read_secret(alert: Alert, locate: Locate) -> bytes | None:
    """The secret of a destination; None where it has none. Raises ConfigError PG601."""
    if alert.secret_file is not None and alert.secret_env is not None:
        raise ConfigError.of(
            "PG601",
            f"alert destination {alert.name!r} has both secret_file and secret_env",
            "leave one out",
            locate("secret_env"),
        )
    if alert.secret_file is not None:
        return parse_secret(_file_text(alert, locate), Place(alert.secret_file, 1))
    if alert.secret_env is not None:
        text = os.environ.get(alert.secret_env)
        if text is None:
            raise ConfigError.of(
                "PG601",
                f"environment variable {alert.secret_env} is not set",
                "secret_file names a file instead",
                locate("secret_env"),
            )
        return parse_secret(text, Place(f"${alert.secret_env}"))
    return None


def _file_text(alert: Alert, locate: Locate) -> str:
    try:
        return Path(alert.secret_file).read_text(encoding="ascii")
    except OSError as error:
        raise ConfigError.of(
            "PG601",
            f"{alert.secret_file}: {error.strerror}",
            _MAKE,
            locate("secret_file"),
        ) from None
    except UnicodeDecodeError:
        raise ConfigError.of(
            "PG601", "the secret is not ASCII text", _MAKE, Place(alert.secret_file, 1)
        ) from None


def parse_secret(text: str, place: Place) -> bytes:
    """The bytes of `whsec_<base64>`, the prefix being optional. Raises ConfigError PG601."""
    encoded = text.strip().removeprefix(_PREFIX)
    try:
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError.of("PG601", "the secret is not base64", _MAKE, place) from None
    if len(secret) not in _BYTES:
        raise ConfigError.of(
            "PG601",
            f"the secret has {len(secret)} bytes, not {_BYTES.start} to {_BYTES.stop - 1}",
            _MAKE,
            place,
        )
    return secret
