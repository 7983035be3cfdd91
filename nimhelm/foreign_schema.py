"""Check values with jsonschema, for a values.schema.json that nimhelm did not write or that was edited.

schema_check.py knows only the part of JSON Schema that nimhelm's own schemas use. Here any keyword counts, as in Helm.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nimhelm.errors import LoadError
from nimhelm.finding import ERROR, Finding
from nimhelm.wording import short
from nimhelm.yamlread import Document, Path

CODES = {"additionalProperties": "NH010", "unevaluatedProperties": "NH010", "required": "NH011", "type": "NH012"}
HINT = "the chart's values.schema.json asks for that"
_LONGEST = 300
LIMIT = 10.0
"""Seconds that a schema may take. Helm's patterns take linear time; those of Python, with nested repeats, may never end."""


def check_foreign(document: Document, schema: Any) -> list[Finding]:
    """Everything in the document that the schema does not allow. Raises LoadError for a schema that cannot be used.

    A schema without $schema is of draft 2020-12, as in Helm. Nothing is fetched: a $ref to another document is refused.
    """
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import Draft202012Validator, validator_for
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable

    try:
        with _time_limit():
            kind = validator_for(schema, default=Draft202012Validator)
            kind.check_schema(schema)
            errors = list(kind(schema, registry=REGISTRY).iter_errors(document.data))
            deepest = [best_match([error]) or error for error in errors]
            return [finding for error in deepest for finding in _findings(document, error)]
    except TimeoutError:
        raise _unusable(f"it takes more than {LIMIT:g} s, probably for a pattern with nested repeats") from None
    except SchemaError as error:
        raise _unusable(error.message) from None
    except Unresolvable as error:
        raise _unusable(f"{error.ref} is not part of it, and nothing is fetched") from None
    except RecursionError:
        raise _unusable("it refers to itself without end") from None
    except (re.error, TypeError, ValueError, AttributeError) as error:
        raise _unusable(str(error)) from None


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise TimeoutError after LIMIT seconds; a match of `re` looks for signals as it goes. Windows has no such timer."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise TimeoutError

    usual = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)


def _unusable(reason: str) -> LoadError:
    return LoadError(
        f"the chart's values.schema.json cannot be used: {short(reason, _LONGEST)}",
        "correct it, or build the chart anew",
    )


def _findings(document: Document, error: Any) -> list[Finding]:
    """One finding, or one for each key that is unknown."""
    field: Path = tuple(error.absolute_path)
    code = CODES.get(error.validator, "NH013")
    if error.validator == "additionalProperties" and error.validator_value is False:
        known, patterns = error.schema.get("properties", {}), error.schema.get("patternProperties", {})
        unknown = [
            key for key in error.instance if key not in known and not any(re.search(one, key) for one in patterns)
        ]
        return [document.finding(ERROR, code, (*field, key), f"unknown field {short(key)}", HINT) for key in unknown]
    return [document.finding(ERROR, code, field, short(error.message, _LONGEST), HINT)]
