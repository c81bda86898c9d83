"""JSON from strangers: every key once, whole numbers only, no deeper and no longer than a policy can be."""

import json
import re
from typing import Any, NoReturn

from hub.mais.errors import NotJson

MAX_BYTES = 1 << 20
MAX_DEPTH = 12
_MAX_DIGITS = 9
_SHOWN_KEY = re.compile(r"[A-Za-z0-9:@_.-]{1,60}")


def shown_key(key: str) -> str:
    """A key as an error may repeat it: a stranger's text stays out of terminals and logs."""
    return key if _SHOWN_KEY.fullmatch(key) else "(a key that is no word)"


def read_object(raw: bytes) -> dict[str, Any]:
    """The document's one object. Raises NotJson with the rule and, where there is one, the line."""
    if len(raw) > MAX_BYTES:
        raise NotJson("is larger than 1 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotJson("is not UTF-8 text") from None
    _check_depth(text)
    try:
        found = json.loads(
            text,
            object_pairs_hook=_each_key_once,
            parse_constant=_no_such_number,
            parse_float=_no_such_number,
            parse_int=_small,
        )
    except json.JSONDecodeError as error:
        # Its message names the fault alone; the text around it is kept out.
        raise NotJson(f"is not JSON: {error.msg}", error.lineno) from None
    if not isinstance(found, dict):
        raise NotJson("must be one object in braces")
    return found


def _check_depth(text: str) -> None:
    """Before parsing: the parser's own depth is the machine's stack."""
    depth, line, quoted, escaped = 0, 1, False, False
    for character in text:
        if character == "\n":
            line += 1
        if quoted:
            quoted = escaped or character != '"'
            escaped = not escaped and character == "\\"
        elif character == '"':
            quoted = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise NotJson(f"is nested deeper than {MAX_DEPTH} levels", line)
        elif character in "]}":
            depth -= 1


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            # Which of the two would count? Parsers differ, so neither does.
            raise NotJson(f"holds the key {shown_key(key)} twice in one object")
        found[key] = value
    return found


def _no_such_number(_: str) -> NoReturn:
    raise NotJson("holds a number that is not whole")


def _small(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise NotJson(f"holds a number of more than {_MAX_DIGITS} digits")
    return int(digits)
