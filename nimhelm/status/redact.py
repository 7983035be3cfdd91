"""Takes out of objects and texts what may be secret, before they leave a machine.

Of objects: values of environment variables and of headers, commands and arguments, the data of Secrets, and values under
a key that is named like a secret. Of texts, logs among them: passwords in URLs, tokens of well-known shapes, and what
stands behind `password=`, `Authorization:` and the like.
"""

from __future__ import annotations

import json
import re
from typing import Any

HIDDEN = "[redacted]"

_SECRET_WORD = (
    r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature|sig)"
)
_KEY = re.compile(rf"(?:^|[-_.]){_SECRET_WORD}$|^(?:ngc|nvidia|hf)[-_](?:api[-_]key|token)$", re.IGNORECASE)
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s\"'&,;}\]]+)"
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"']+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\bnvapi-[\w-]{4,}|\bhf_\w{8,}|\bgh[pousr]_\w{16,}|\bglpat-[\w-]{8,}|\bsk-[\w-]{16,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(\b(?:proxy-)?authorization\b[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|token)\s+)?[^\s\"',]+", re.IGNORECASE),
     rf"\1{HIDDEN}"),
    (re.compile(r"(\b(?:bearer|basic)\s+)(?=\S*\d)[A-Za-z0-9+/_.=~-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"((?:\b|_|-){_SECRET_WORD}[\"']?\s*=\s*){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"((?:\b|_|-){_SECRET_WORD}(?:[\"']\s*:\s*|:\s*(?=[\"']))){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"((?:\b|_|-)pass(?:word|wd|phrase)?:\s*){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    # After a colon prose goes on as well: "fetching the token: unexpected status".
    (re.compile(rf"((?:\b|_|-){_SECRET_WORD}:\s*)(?=\S*\d)[^\s\"'&,;}}\]]{{6,}}", re.IGNORECASE), rf"\1{HIDDEN}"),
)  # fmt: skip

_NAMES_OF_SECRETS = ("authSecret", "pullSecret", "imagePullSecrets", "pullSecrets", "secretName", "tokenSecret")
"""Fields that hold the name of a Secret, which is none."""


def redacted(value: Any, key: str = "") -> Any:
    """A copy of an object, or of any data, without what may be secret."""
    if isinstance(value, dict):
        data = {name: redacted(item, str(name)) for name, item in value.items()}
        if data.get("kind") == "Secret":
            data |= {
                name: dict.fromkeys(data[name], HIDDEN)
                for name in ("data", "stringData")
                if isinstance(data.get(name), dict)
            }
        return data
    if isinstance(value, list):
        if key in ("command", "args"):
            return [HIDDEN] if value else []
        if key in ("env", "httpHeaders"):
            return [_without_value(item) for item in value]
        return [redacted(item, key) for item in value]
    if isinstance(value, str):
        return HIDDEN if value and _is_secret(key) else _redacted_string(value)
    return value


def _redacted_string(text: str) -> str:
    """A string of an object. One that holds JSON, as the graph does, is redacted as data: it has to stay JSON."""
    if text.startswith(("{", "[")):
        try:
            return json.dumps(redacted(json.loads(text)), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return redacted_text(text)


def redacted_text(text: str) -> str:
    """A text without passwords, tokens and keys: "https://me:pw@host" -> "https://[redacted]@host"."""
    for pattern, instead in _TEXTS:
        text = pattern.sub(instead, text)
    return text


def _is_secret(key: str) -> bool:
    """Whether a key is named like a secret: `apiKey`, `HF_TOKEN`, `db-password`."""
    return key not in _NAMES_OF_SECRETS and bool(_KEY.search(_CAMEL.sub("_", key)))


def _without_value(entry: Any) -> Any:
    """One variable or header, with a mark in the place of its value."""
    if not isinstance(entry, dict):
        return HIDDEN
    return {name: HIDDEN if name == "value" else redacted(item, str(name)) for name, item in entry.items()}
