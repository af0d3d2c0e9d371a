"""The upgrade of an invented chat server, for pictures and tests of the review: something of every
kind, two releases apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forms.migrations import read_migrations
from forms.upgrade import Release, Review
from tui.screenshots.example_values import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES: dict[str, Any] = {
    "server": {"name": "chat.harbour-a.lab", "workers": 8},
    "limits": {"upload_size": "100M", "idle_timeout": 300},
    "tls": {"lowest": "1.1"},
    "federation": {"allow": ["example.org", "example.net"]},
    "legacy_identity": "https://id.example.org",
}
NOTHING_TO_DECIDE: dict[str, Any] = {"server": {"name": "chat.harbour-a.lab"}}

_SERVER: dict[str, dict[str, Any]] = {
    "name": {"type": "string", "description": "The name that users see behind their own."},
    "workers": {
        "type": "integer",
        "minimum": 1,
        "default": 4,
        "description": "Processes that answer requests, side by side.",
    },
}


def _section(**options: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": options}


_OLD = _section(
    server=_section(**_SERVER, verbose={"type": "boolean", "default": False}),
    limits=_section(
        upload_size={
            "type": "string",
            "default": "50M",
            "description": "The largest file that may be sent.",
        },
        idle_timeout={
            "type": "integer",
            "minimum": 1,
            "default": 60,
            "description": "Seconds after which a connection without traffic is closed.",
        },
    ),
    tls=_section(lowest={"enum": ["1.0", "1.1", "1.2"], "default": "1.0"}),
    federation=_section(
        allow={"type": "array", "items": {"type": "string"}, "default": []},
    ),
    legacy_identity={
        "type": "string",
        "description": "A server that finds people by their mail address.",
    },
)
_NEW = _section(
    server=_section(
        **_SERVER | {"workers": _SERVER["workers"] | {"default": 2}},
        log=_section(verbose={"type": "boolean", "default": False}),
    ),
    limits=_section(
        upload_size={
            "type": "string",
            "default": "50M",
            "description": "The largest file that may be sent.",
        },
        timeout_idle={
            "type": "integer",
            "minimum": 1,
            "default": 60,
            "description": "Seconds after which a connection without traffic is closed.",
        },
        presence={"type": "integer", "default": 30, "description": "Seconds between two signs."},
    ),
    tls=_section(
        lowest={
            "enum": ["1.2", "1.3"],
            "default": "1.2",
            "description": "The lowest TLS version that is accepted.",
        }
    ),
    federation=_section(
        allow={"type": "array", "items": {"type": "string"}, "default": []},
    ),
)
_DECLARED = """\
format: 1
migrations:
  - version: "2.0"
    note: Logging has a section of its own.
    changes:
      - move: {from: server.verbose, to: server.log.verbose}
      - drop:
          path: legacy_identity
          reason: Servers of that kind are not asked any more, for the sake of privacy.
"""


def example_review(values: Mapping[str, Any] = VALUES, who: str = "kim") -> Review:
    """A new review of the chat server, from 1.0 to 2.0."""
    import yaml

    return Review(
        [
            Release("1.0", _OLD),
            Release("2.0", _NEW, ("TLS 1.0 and 1.1 are refused now: lowest is 1.2.",)),
        ],
        values,
        application="chat",
        migrations=read_migrations(yaml.safe_load(_DECLARED)),
        who=who,
        clock=lambda: NOW,
    )
