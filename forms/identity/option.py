"""An option as a listing shows it: what identity is told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forms.values import ABSENT

Name = tuple[str, ...]
"""Components of an option's path. Keys that users choose stand as `<name>` or `*`."""


@dataclass(frozen=True)
class Option:
    """One option of one release.

    type: shaped like a JSON Schema as far as it is known ({"type": "integer"}); {}: unknown.
    type_text: the source's own words for it. default: ABSENT where none is declared.
    """

    path: Name
    type: Mapping[str, Any] = field(default_factory=dict)
    type_text: str = ""
    default: Any = ABSENT
    description: str = ""
