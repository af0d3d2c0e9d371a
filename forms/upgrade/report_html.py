"""The report of an upgrade as one HTML page: no scripts, nothing from elsewhere, fit for paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from forms.upgrade.report_text import headline, state

_STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { border-bottom: 1px solid #ccc; padding: .35rem .5rem; text-align: left;
         vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 600; } code { font-family: ui-monospace, monospace; font-size: .93em; }
p.note { color: #555; margin: .2rem 0 0; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""


def report_html(data: Mapping[str, Any]) -> str:
    """data: of `forms.upgrade.report.report_data`."""
    title = escape(f"Upgrade of {headline(data)}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{escape(state(data))} Written at {escape(data['written'])}.</p>\n"
        + "\n".join(_sections(data))
        + "\n</body>\n</html>\n"
    )


def _sections(data: Mapping[str, Any]) -> Iterator[str]:
    changed = ("Option", "Before", "After", "Why")
    yield from _table("To be decided", changed, map(_entry, data["open"]))
    yield from _table("Decided", changed, map(_entry, data["decisions"]))
    title = "Your values that became others, without a decision"
    yield from _table(title, changed, map(_entry, data["carried"]))
    yield from _table(
        "Kept in the archive",
        ("Option", "Value", "Why"),
        (
            [_code(one["option"]), _code(one["value"]), escape(one["why"])]
            for one in data["archived"]
        ),
    )
    yield from _list("Your values that stay as they are", data["unchanged"])
    yield from _table(
        "Not set, and the default is another now",
        ("Option", "Default before", "Default now"),
        ([_code(one["option"]), _code(one["was"]), _code(one["is"])] for one in data["defaults"]),
    )
    yield from _list("New options", [one["option"] for one in data["new"]])
    for release in data["releases"]:
        if release["notes"]:
            notes = "".join(f"<li>{escape(note)}</li>\n" for note in release["notes"])
            yield f"<h2>Release {escape(release['version'])}</h2>\n<ul>\n{notes}</ul>"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Cells are HTML already."""
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    if lines:
        head = "".join(f"<th>{escape(name)}</th>" for name in heads)
        yield f"<h2>{escape(title)} ({len(lines)})</h2>\n<table>\n<tr>{head}</tr>"
        yield "\n".join([*lines, "</table>"])


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
