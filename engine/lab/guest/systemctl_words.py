"""What a `systemctl` command line asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

_IGNORED = frozenset(
    {"--no-pager", "--no-ask-password", "--no-legend", "--plain", "--full", "--system", "--all"}
)


@dataclass
class Asked:
    verb: str = ""
    units: list[str] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    now: bool = False
    quiet: bool = False
    value: bool = False
    lines: int = 10
    signal: str = "TERM"


def parse(words: list[str]) -> Asked:
    """ValueError for an option that is not known."""
    asked = Asked()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, separator, value = word.partition("=")
        if not word.startswith("-"):
            if asked.verb:
                asked.units.append(word if "." in word else f"{word}.service")
            else:
                asked.verb = word
        elif word == "--now":
            asked.now = True
        elif word in ("-q", "--quiet"):
            asked.quiet = True
        elif word == "--value":
            asked.value = True
        elif name in ("-p", "--property", "-n", "--lines", "-s", "--signal"):
            value = value if separator else rest.pop(0)
            if name in ("-p", "--property"):
                asked.properties += value.split(",")
            elif name in ("-n", "--lines"):
                asked.lines = int(value)
            else:
                asked.signal = value
        elif (
            word not in _IGNORED
            and word not in ("-l", "-a", "--")
            and name
            not in (
                "--type",
                "--state",
                "--no-block",
            )
        ):
            raise ValueError(f"unrecognized option '{word}'")
    return asked
