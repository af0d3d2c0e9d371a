"""How options are shown line by line."""

from __future__ import annotations

from forms.model.form import FormModel
from forms.model.row import Row
from forms.paths import path_text

HELP = (
    "N            open or set the option of row N (N TEXT sets it at once)",
    "s WHICH TEXT set an option; WHICH is a row's number or a path like server.port",
    "h WHICH      all that is known of an option",
    "l [N]        list the rows, from row N on; n and p go a page on and back",
    "/ WORDS      search names, help and values; f all shows all rows again",
    "f WHAT       show only: all, mine, changed, invalid, advanced",
    "o WHICH      fold or unfold a section",
    "d WHICH      back to the default, or remove an entry",
    "z WHICH      set to null;   e WHICH  set to empty",
    "t [WHICH]    edit as text, YAML or JSON; without WHICH the whole document",
    "b WHICH      choose among the forms that an option can take",
    "a WHICH [KEY]  add an entry;   c WHICH [KEY]  copy one;   k WHICH KEY  rename one",
    "m WHICH POS  move an entry of a list to that position",
    "u, r         undo, and do again",
    "v [WHICH]    show a value, or the document",
    "g            check everything",
    "w [FILE]     check and write;   q  leave",
)
_MARKS = {"x": "wrong", "*": "needed", "#": "fixed", "~": "changed", "=": "set"}


def listed(number: int, row: Row) -> str:
    """A row of the list: number, what is the matter, name and value, in words."""
    fold = (" [+]" if row.folded else " [-]") if row.foldable else ""
    value = row.text or ("" if row.kind == "section" else f"({row.origin.value})")
    if row.origin.value == "default" and row.text:
        value = f"{row.text} (default)"
    unit = f" {row.unit}" if row.unit and row.text else ""
    said = _MARKS.get(row.mark, "")
    notes = [said] if said else []
    notes += ["deprecated"] if row.deprecated else []
    notes += [row.problem] if row.problem else []
    tail = f"  <{'; '.join(notes)}>" if notes else ""
    name = "  " * row.depth + row.label + fold
    return f"{number:>4}  {name}{f': {value}{unit}' if value else ''}{tail}"


def described(form: FormModel, row: Row) -> list[str]:
    """All that is known of an option."""
    known = form.help(row.path)
    lines = [f"{known.path or known.label} ({known.type})"]
    lines += known.description.splitlines()
    if known.problem:
        lines.append(f"x {known.problem}{f'; {known.hint}' if known.hint else ''}")
    lines.append(f"value: {known.value}" if known.value else f"value: ({row.origin.value})")
    if known.default:
        lines.append(f"default: {known.default}")
    if known.choices and row.kind not in ("enum", "const"):
        lines.append("suggested: " + ", ".join(choice for choice, _ in known.choices))
    if known.examples:
        lines.append("like: " + ", ".join(known.examples))
    lines += known.notes
    if row.path and known.path != path_text(row.path):
        lines.append(f"path: {path_text(row.path)}")
    return lines
