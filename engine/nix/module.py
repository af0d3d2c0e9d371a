"""Values as the text of a NixOS module, or as JSON that a module reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.nix.literals import attribute, write_literal


def module_text(values: Mapping[str, Any], prefix: Sequence[str]) -> str:
    """`{ services.mastodon = { ... }; }`: a module that sets the values below the prefix."""
    path = ".".join(attribute(name) for name in prefix)
    body = write_literal(values, 1)
    return f"{{\n  {path} = {body};\n}}\n" if path else write_literal(values) + "\n"


def module_json(values: Mapping[str, Any], prefix: Sequence[str]) -> str:
    """The same as JSON, for a module that says `config = builtins.fromJSON (readFile ...)`."""
    document: Any = dict(values)
    for name in reversed(prefix):
        document = {name: document}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
