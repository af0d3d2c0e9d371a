"""`journalctl` of the guest."""

from __future__ import annotations

from engine.lab.guest.control import Reply
from engine.lab.guest.journal import Journal, shown

_STYLES = ("short", "short-iso", "cat")


class Journalctl:
    def __init__(self, journal: Journal, hostname: str) -> None:
        self._journal = journal
        self._hostname = hostname

    async def command(self, words: list[str], reply: Reply) -> int:
        """-u UNIT (again for more), -n N, -o short|short-iso|cat, -r; paging is never done."""
        units: list[str] = []
        count: int | None = None
        style, reverse = "short", False
        rest = list(words)
        while rest:
            word = rest.pop(0)
            name, separator, value = word.partition("=")
            if name in ("-u", "--unit", "-n", "--lines", "-o", "--output"):
                value = value if separator else rest.pop(0) if rest else ""
            elif word[:2] in ("-u", "-n", "-o"):
                name, value = word[:2], word[2:]
            if name in ("-u", "--unit"):
                units.append(value if "." in value else f"{value}.service")
            elif name in ("-n", "--lines"):
                count = None if value == "all" else int(value)
            elif name in ("-o", "--output"):
                style = value
            elif word in ("-r", "--reverse"):
                reverse = True
            elif word in ("-e", "--pager-end"):
                count = count or 1000
            elif not set(word.lstrip("-")) <= set("xqabe") and word not in _SILENT:
                reply.err(f"journalctl: {word}: not supported in the lab\n")
                return 1
        if style not in _STYLES:
            reply.err(f"Unknown output format '{style}'.\n")
            return 1
        entries = self._journal.entries(units or self._journal.units(), count)
        for entry in reversed(entries) if reverse else entries:
            reply.out(shown(entry, self._hostname, style) + "\n")
        if not entries:
            reply.out("-- No entries --\n")
        await reply.drain()
        return 0


_SILENT = ("--no-pager", "--no-hostname", "--quiet", "--no-full", "--full", "--all", "--boot")
