"""An option as a listing shows it: what identity is told from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from forms.values import ABSENT

Name = tuple[str, ...]
"""Components of an option's path. Keys that users choose stand as `<name>` or `*`."""


_UNKNOWN: Mapping[str, Any] = MappingProxyType({})


class Option(NamedTuple):
    """One option of one release. A tuple, since listings of tens of thousands are made of them
    and a frozen dataclass takes several times as long to make.

    type: shaped like a JSON Schema as far as it is known ({"type": "integer"}); {}: unknown.
    type_text: the source's own words for it. default: ABSENT where none is declared.
    """

    path: Name
    type: Mapping[str, Any] = _UNKNOWN
    type_text: str = ""
    default: Any = ABSENT
    description: str = ""
