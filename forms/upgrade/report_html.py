"""The report of an upgrade as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from forms.page import page, table
from forms.upgrade.report_text import headline, state


def report_html(data: Mapping[str, Any]) -> str:
    """data: of `forms.upgrade.report.report_data`."""
    told = f"{state(data)} Written at {data['written']}."
    return page(f"Upgrade of {headline(data)}", told, _sections(data))


def _sections(data: Mapping[str, Any]) -> Iterator[str]:
    changed = ("Option", "Before", "After", "Why")
    yield from table("To be decided", changed, map(_entry, data["open"]))
    yield from table("Decided", changed, map(_entry, data["decisions"]))
    title = "Your values that became others, without a decision"
    yield from table(title, changed, map(_entry, data["carried"]))
    yield from table(
        "Kept in the archive",
        ("Option", "Value", "Why"),
        (
            [_code(one["option"]), _code(one["value"]), escape(one["why"])]
            for one in data["archived"]
        ),
    )
    yield from _list("Your values that stay as they are", data["unchanged"])
    yield from table(
        "Not set, and the default is another now",
        ("Option", "Default before", "Default now"),
        ([_code(one["option"]), _code(one["was"]), _code(one["is"])] for one in data["defaults"]),
    )
    yield from _list("New options", [one["option"] for one in data["new"]])
    for release in data["releases"]:
        if release["notes"]:
            notes = "".join(f"<li>{escape(note)}</li>\n" for note in release["notes"])
            yield f"<h2>Release {escape(release['version'])}</h2>\n<ul>\n{notes}</ul>"


def _list(title: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"<h2>{escape(title)} ({len(names)})</h2>\n<p>{', '.join(map(_code, names))}</p>"


def _entry(one: Mapping[str, Any]) -> list[str]:
    was = f'<p class="note">was {_code(one["was"])}</p>' if "was" in one else ""
    said = []
    if "decision" in one:
        words = [f"{name} {one[key]}" for name, key in (("by", "by"), ("at", "at")) if key in one]
        said.append(f"Decided {' '.join(words)}: {one['decision']}")
        said += [one["why"]] if "why" in one else []
    said += one.get("reasons", ())
    why = "".join(f'<p class="note">{escape(text)}</p>' for text in said)
    return [_code(one["option"]) + was, _code(one.get("before")), _code(one.get("after")), why]


def _code(text: str | None) -> str:
    return f"<code>{escape(text)}</code>" if text else "<i>not set</i>"
