"""A document as text, in one of the formats that people keep their configuration in.

Whatever way a text was changed, it is read again by other code than changed it, and must say
what was wanted: a mistake in finding a place costs comments, never values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from forms.files.splice import CannotSplice
from forms.files.trouble import FileTrouble
from forms.values import ABSENT, written


class Format(StrEnum):
    JSON = "json"
    YAML = "yaml"
    TOML = "toml"


_BY_ENDING = {
    "json": Format.JSON,
    "jsonc": Format.JSON,
    "json5": Format.JSON,
    "yaml": Format.YAML,
    "yml": Format.YAML,
    "toml": Format.TOML,
}


def format_of(name: str, text: str = "") -> Format | None:
    """The format of a file by its name, or else by what it begins with; None where neither
    says it."""
    known = _BY_ENDING.get(PurePath(name).suffix.lower().removeprefix("."))
    if known is not None:
        return known
    start = text.lstrip()[:1]
    if not start:
        return None
    return Format.JSON if start in "{[" else Format.YAML


def read(text: str, form: Format) -> Any:
    """The value of a text; ABSENT where it has none (an empty file, only comments).
    FileTrouble, with the place, where it cannot be read."""
    # each format's own code is imported when it is needed: a form opens without the others'
    match form:
        case Format.JSON:
            from forms.files.json_text import read_json

            return read_json(text)
        case Format.TOML:
            from forms.files.toml_text import read_toml

            return read_toml(text)
        case Format.YAML:
            from forms.files.yaml_nodes import read_yaml

            return read_yaml(text)


def new_text(value: Any, form: Format) -> str:
    """A value as a new text. FileTrouble for what the format cannot hold."""
    match form:
        case Format.JSON:
            from forms.files.json_text import new_json

            return new_json(value)
        case Format.TOML:
            from forms.files.toml_text import new_toml

            return new_toml(value)
        case Format.YAML:
            from forms.files.yaml_write import block_lines

            return "\n".join(block_lines(value)) + "\n"


@dataclass(frozen=True)
class Rewritten:
    text: str
    kept: bool
    """The layout and the comments of the text that it was made from are still there."""


def rewritten(text: str, form: Format, after: Any) -> Rewritten:
    """A text changed to say `after`. The very same text where it says so already.
    FileTrouble for what the format cannot hold, or a text that cannot be read."""
    before = read(text, form)
    if written(before) == written(after) if before is not ABSENT else after is ABSENT:
        return Rewritten(text, True)
    if before is not ABSENT or form is not Format.JSON:
        for expand in (False, True):
            changed = _changed(text, form, before, after, expand)
            if changed is not None:
                return Rewritten(changed, True)
    return Rewritten(new_text(after, form), not text.strip())


def _changed(text: str, form: Format, before: Any, after: Any, expand: bool) -> str | None:
    """The text changed in place, if that came out right."""
    try:
        match form:
            case Format.JSON:
                from forms.files.json_text import edited_json

                changed = edited_json(text, before, after)
            case Format.TOML:
                from forms.files.toml_text import edited_toml

                changed = edited_toml(text, before, after)
            case Format.YAML:
                from forms.files.yaml_edit import edited_yaml

                changed = edited_yaml(text, after, expand=expand)
        return changed if _says(read(changed, form), after) else None
    except (CannotSplice, FileTrouble, LookupError, ValueError):
        if form is Format.TOML:
            new_text(after, form)  # what the format cannot hold is said, not worked around
        return None


def _says(found: Any, wanted: Any) -> bool:
    """The same values; where keys stand is nothing that a document says."""
    return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)
