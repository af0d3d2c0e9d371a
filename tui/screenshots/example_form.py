"""A schema and a document of somebody's own, for the pictures of `homeport form`."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.filling import Filling

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Reverse proxy",
    "type": "object",
    "required": ["domain"],
    "properties": {
        "domain": {"type": "string", "format": "hostname", "description": "The public name."},
        "listen": {
            "type": "array",
            "description": "Where it listens, an entry for each address.",
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {
                    "address": {"type": "string", "format": "ipv4", "default": "0.0.0.0"},
                    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                    "tls": {"type": "boolean", "default": False},
                },
            },
        },
        "timeout": {
            "type": ["integer", "null"],
            "minimum": 1,
            "default": 60,
            "x-unit": "s",
            "description": "How long a backend may take to answer. Null waits for ever.",
        },
        "balance": {
            "default": "round-robin",
            "oneOf": [
                {"const": "round-robin", "title": "each in turn"},
                {"const": "least-busy", "title": "the one with the fewest requests"},
            ],
        },
        "token": {"type": "string", "writeOnly": True, "description": "For the admin API."},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "cache": {
            "type": "object",
            "required": ["kind"],
            "oneOf": [
                {"properties": {"kind": {"const": "memory"}, "size": {"type": "string"}}},
                {"properties": {"kind": {"const": "disk"}, "path": {"type": "string"}}},
            ],
        },
        "workers": {"type": "integer", "deprecated": True},
    },
}
DOCUMENT = """\
# The proxy of the harbour
domain: www.example.org
listen:
  - port: 80        # redirects only
  - port: 99443
    tls: true
timeout: null
headers:
  X-Frame-Options: DENY
"""


def example_filling() -> Filling:
    """A form of them. Its files are gone again: it can be looked at, but not written."""
    from engine.filling import Filling

    with TemporaryDirectory() as directory:
        schema, document = Path(directory) / "proxy.schema.json", Path(directory) / "proxy.yaml"
        schema.write_text(json.dumps(SCHEMA), encoding="utf-8")
        document.write_text(DOCUMENT, encoding="utf-8")
        return Filling(str(schema), str(document))
