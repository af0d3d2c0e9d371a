"""A report as one HTML page: no scripts, nothing from elsewhere, fit for paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

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


def page(title: str, told: str, sections: Iterable[str]) -> str:
    """told: a paragraph below the title. sections are HTML already."""
    title = escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{escape(told)}</p>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, counted: bool = True
) -> Iterator[str]:
    """Nothing where there are no rows. Cells are HTML already. counted: the title says how many."""
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    if lines:
        head = "".join(f"<th>{escape(name)}</th>" for name in heads)
        count = f" ({len(lines)})" if counted else ""
        yield f"<h2>{escape(title)}{count}</h2>\n<table>\n<tr>{head}</tr>"
        yield "\n".join([*lines, "</table>"])
