"""TOML by `tomlkit`, which keeps comments and layout; read back by the standard library.

Dates and times, which JSON has not, are texts in the form of RFC 3339; a file's own stay what
they are. TOML has no null.
"""

from __future__ import annotations

import datetime
import math
import tomllib
from typing import Any

from forms.files.splice import CannotSplice
from forms.files.trouble import FileTrouble
from forms.paths import Path, path_text
from forms.values import ABSENT, identical, written


def read_toml(text: str) -> Any:
    """The value of a text. FileTrouble where it cannot be read."""
    try:
        return _as_json(tomllib.loads(text.replace("\r\n", "\n")))
    except tomllib.TOMLDecodeError as error:
        raise FileTrouble(str(error)) from None
    except RecursionError:
        raise FileTrouble("it is nested too deeply") from None


def new_toml(value: Any) -> str:
    """FileTrouble for a value that TOML cannot hold."""
    import tomlkit

    _refuse_null(value, ())
    if not isinstance(value, dict):
        raise FileTrouble("a TOML file holds options under names, and this is none")
    return tomlkit.dumps(value)


def edited_toml(text: str, before: Any, after: Any) -> str:
    """The text, changed so that it should read as `after`. CannotSplice where that cannot be
    done in place; FileTrouble for a value that TOML cannot hold."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    _refuse_null(after, ())
    if not isinstance(after, dict):
        raise FileTrouble("a TOML file holds options under names, and this is none")
    try:
        document = tomlkit.parse(text)
        _update(document, before, after)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, LookupError, AttributeError):
        raise CannotSplice from None


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # shown as a text, and wrong by most schemas; kept as it is
    return value


def _refuse_null(value: Any, path: Path) -> None:
    if value is None:
        raise FileTrouble(f"{path_text(path) or 'the document'} is null, which TOML cannot say")
    items = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else items:
        _refuse_null(inner, (*path, key))


def _update(container: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in before:
        if key not in after:
            container.remove(key)
    for key, value in after.items():
        old = before.get(key, ABSENT)
        if old is not ABSENT and identical(old, value):
            continue
        if isinstance(old, dict) and isinstance(value, dict):
            _update(container[key], old, value)
        elif isinstance(old, list) and isinstance(value, list):
            _update_list(container, key, old, value)
        elif old is ABSENT:
            container.add(key, _item(value))
        else:
            _replace(container, key, _item(value))


def _replace(container: Any, key: Any, item: Any) -> None:
    """Put another item in a place; a comment on its line stays."""
    old = getattr(container[key], "trivia", None)
    container[key] = item
    if old is not None and old.comment and not isinstance(item, dict):
        trivia = container[key].trivia
        trivia.comment_ws, trivia.comment = old.comment_ws, old.comment


def _update_list(container: Any, key: str, old: list[Any], new: list[Any]) -> None:
    items = container[key]
    tables = bool(old) and all(isinstance(item, dict) for item in (*old, *new))
    if not tables:
        _replace(container, key, _item(new))
        return
    olds = [written(item) for item in old]
    news = [written(item) for item in new]
    head = 0
    while head < min(len(old), len(new)) and olds[head] == news[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and olds[-1 - tail] == news[-1 - tail]:
        tail += 1
    shared = min(len(old), len(new)) - head - tail
    for i in range(head, head + shared):
        _update(items[i], old[i], new[i])
    for i in reversed(range(head + shared, len(old) - tail)):
        del items[i]
    for i in range(head + shared, len(new) - tail):
        if i < len(items):
            items.insert(i, _item(new[i]))
        else:
            items.append(_item(new[i]))


def _item(value: Any) -> Any:
    import tomlkit

    return tomlkit.item(value)
