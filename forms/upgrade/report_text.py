"""The report of an upgrade as plain text, for a mail or a ticket: 72 columns where it can be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WIDTH = 72
_MOST_NAMES = 60
"""Of options that nobody had set, their names; of more, their number."""


def report_text(data: Mapping[str, Any]) -> str:
    """data: of `forms.upgrade.report.report_data`."""
    return "\n".join(_lines(data)) + "\n"


def headline(data: Mapping[str, Any]) -> str:
    name = f"{data['deployment']}: " if data["deployment"] else ""
    return f"{name}{data['application']} {data['from']} -> {data['to']}".strip()


def state(data: Mapping[str, Any]) -> str:
    """How far the upgrade is, in a sentence."""
    if data["applied"]:
        return f"Carried out at {data['applied']}."
    if not data["ready"]:
        count = len(data["open"])
        return f"Not carried out: {count} option{'s' * (count != 1)} must still be decided."
    return "Everything is decided. Not carried out yet."


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"Upgrade of {headline(data)}"
    yield from _wrapped(f"{state(data)} Written at {data['written']}.", "")
    yield from _section("To be decided", data["open"], _entry)
    yield from _section("Decided", data["decisions"], _entry)
    yield from _section(
        "Your values that became others, without a decision", data["carried"], _entry
    )
    yield from _section("Kept in the archive", data["archived"], _archived)
    yield from _section("Your values that stay as they are", data["unchanged"], lambda one: [one])
    yield from _section("Not set, and the default is another now", data["defaults"], _default)
    yield from _names("New options", [one["option"] for one in data["new"]])
    for release in data["releases"]:
        if release["notes"]:
            yield from ("", f"Release {release['version']}")
            for note in release["notes"]:
                yield from _wrapped(note, "  ")


def _section(title: str, found: Sequence[Any], lines: Any) -> Iterator[str]:
    if found:
        yield from ("", f"{title} ({len(found)})")
        for one in found:
            first, *rest = lines(one)
            yield from _wrapped(first, "  ", "      ")
            for line in rest:
                yield from _wrapped(line, "      ")


def _names(title: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield from ("", f"{title} ({len(names)})")
        if len(names) <= _MOST_NAMES:
            yield from _wrapped(", ".join(names), "  ")


def _entry(one: Mapping[str, Any]) -> Iterator[str]:
    before, after = one.get("before", "(not set)"), one.get("after", "(not set)")
    yield f"{one['option']}: {before}" + (f" -> {after}" if after != before else "")
    if "was" in one:
        yield f"It was {one['was']}."
    if "decision" in one:
        who = f" by {one['by']}" if "by" in one else ""
        when = f" at {one['at']}" if "at" in one else ""
        why = f": {one['why']}" if "why" in one else ""
        yield f"Decided{who}{when}: {one['decision']}{why}"
    yield from one.get("reasons", ())


def _archived(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['option']}: {one['value']}"
    if one["why"]:
        yield one["why"]


def _default(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['option']}: {one['was'] or '(none)'} -> {one['is'] or '(none)'}"


def _wrapped(text: str, indent: str, further: str | None = None) -> list[str]:
    """Names and addresses are not broken, whatever their length."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if further is None else further,
        break_long_words=False,
        break_on_hyphens=False,
    )
