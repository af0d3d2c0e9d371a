"""A dialogue over the form model: a numbered list of options, and commands that change them.

Everything that the full screen can do to a document can be done here; the same model says what
a text means, what is wrong, and what can be undone.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from forms.model.form import FormModel
from forms.model.row import Change, Filter, Row
from forms.paths import Path, path_text
from forms.plain.lines import HELP, described, listed
from forms.schema.shape import CONTAINERS

Read = Callable[[str, bool], str]
"""Asks with a prompt; the flag: do not show what is typed. EOFError where nobody answers."""


class Dialogue:
    """read: asks. say: shows a line. save: writes the document to its file, or to the file
    named, and says so; empty where no file is named yet; ValueError where it cannot be.
    once: writing ends the dialogue."""

    def __init__(
        self,
        form: FormModel,
        read: Read,
        say: Callable[[str], None],
        save: Callable[[str], str],
        page: int = 20,
        *,
        once: bool = False,
    ) -> None:
        self._form = form
        self._read = read
        self._say = say
        self._save = save
        self._page = page
        self._once = once
        self._filter = Filter()
        self._first = 0
        self._saved = False
        self._commands: dict[str, Callable[[str], bool | None]] = {
            "?": self._help,
            "h": self._explain,
            "l": self._list,
            "n": self._next,
            "p": self._previous,
            "/": self._search,
            "f": self._narrow,
            "s": self._set,
            "d": self._unset,
            "z": self._null,
            "e": self._empty,
            "t": self._as_text,
            "b": self._branch,
            "a": self._add,
            "c": self._copy,
            "k": self._rename,
            "m": self._move,
            "o": self._fold,
            "u": self._undo,
            "r": self._redo,
            "v": self._value,
            "g": self._problems,
            "w": self._write,
            "q": self._quit,
        }

    def run(self) -> bool:
        """Until somebody leaves; was the document written, or nothing changed?"""
        self._say("A number opens that option; ? lists the commands.")
        self._list("")
        while True:
            try:
                line = self._read("> ", False).strip()
            except EOFError:
                if self._form.dirty:
                    self._say("Nobody answers any more; what was changed is not written.")
                return not self._form.dirty
            if line and self._obey(line):
                return self._saved or not self._form.dirty

    def ask_missing(self) -> None:
        """Ask for each option that needs a value and has none, one after the other. EOFError
        where nobody answers."""
        self._form.validate()
        for row in [row for row in self._form.rows() if row.missing]:
            try:
                self._change(row, "")
            except ValueError as refusal:
                self._say(f"x {refusal.args[0] if refusal.args else refusal}")

    def _obey(self, line: str) -> bool:
        """Carry out one line; should the dialogue end?"""
        try:
            if line[0].isdigit():
                number, _, rest = line.partition(" ")
                self._open(self._row(number), rest.strip())
                return False
            name, rest = line[0], line[1:].strip()
            command = self._commands.get(name)
            if command is None or (name.isalpha() and line[1:2].strip()):
                self._say(f"There is no command {line.split()[0]!r}; ? lists them.")
                return False
            return bool(command(rest))
        except KeyError:
            self._say("There is no such option.")
        except ValueError as refusal:
            self._say(f"x {refusal.args[0] if refusal.args else refusal}")
        return False

    # options by number or by path

    def _row(self, said: str) -> Row:
        """The option that a number on the list, or a written path, stands for."""
        if not said:
            raise ValueError("of which option? Give its number or its path")
        if said.isdigit():
            rows = self._form.rows(self._filter)
            if not 0 < int(said) <= len(rows):
                raise ValueError(f"there is no row {said}")
            return rows[int(said) - 1]
        return self._form.row(self._form.find(said))

    def _one(self, rest: str) -> tuple[Row, str]:
        said, _, more = rest.partition(" ")
        return self._row(said), more.strip()

    def _open(self, row: Row, text: str) -> None:
        """Set an option, or unfold what has options in it."""
        if row.kind in CONTAINERS and not row.inline and not text:
            if row.foldable:
                self._form.reveal(row.path)
                self._form.rows(self._filter)
                self._form.fold(row.id, not row.folded)
                self._list("")
            else:
                self._explain(path_text(row.path))
        else:
            self._change(row, text)

    def _change(self, row: Row, text: str) -> None:
        if row.readonly:
            raise ValueError(f"{row.label} cannot be changed here")
        if not text:
            for line in described(self._form, row):
                self._say(line)
            if row.kind == "raw" or row.multiline:
                self._text(row)
                return
            choices = self._form.choices(row.path)
            for number, (choice, title) in enumerate(choices, 1):
                self._say(f"  {number}) {choice}{f'  {title}' if title else ''}")
            prompt = f"{row.label} [{row.text or row.origin.value}]: "
            text = self._read(prompt, row.secret)
            if not text:
                self._say("Left as it is.")
                return
            offered = [choice for choice, _ in choices]
            if row.kind in ("enum", "bool", "const") and text.isdigit() and text not in offered:
                text = offered[int(text) - 1] if 0 < int(text) <= len(offered) else text
        self._take(row.path, text)

    def _take(self, path: Path, text: str) -> None:
        parsed = self._form.set_text(path, text)
        if not parsed.ok:
            raise ValueError(parsed.problem.message if parsed.problem else "this cannot be read")
        self._told(path)

    def _told(self, path: Path) -> None:
        """Say how an option stands now."""
        row = self._form.row(path)
        held = "set" if row.secret else row.text or f"({row.origin.value})"
        self._say(f"{path_text(path) or row.label} = {held}")
        if row.problem:
            self._say(f"x {row.problem}{f'; {row.hint}' if row.hint else ''}")

    def _done(self, change: Change | None, otherwise: str = "") -> None:
        self._say(f"Done: {change.label}." if change else otherwise)

    # what is shown

    def _help(self, _: str) -> None:
        for line in HELP:
            self._say(line)

    def _list(self, rest: str) -> None:
        rows = self._form.rows(self._filter)
        if rest.isdigit():
            self._first = int(rest) - 1
        self._first = max(0, min(self._first, len(rows) - 1))
        last = min(len(rows), self._first + self._page)
        for number in range(self._first, last):
            self._say(listed(number + 1, rows[number]))
        if not len(rows):
            self._say("No option matches; f all shows all of them.")
        elif last < len(rows):
            self._say(f"-- {self._first + 1} to {last} of {len(rows)}; n goes on --")

    def _next(self, _: str) -> None:
        self._first += self._page
        self._list("")

    def _previous(self, _: str) -> None:
        self._first -= self._page
        self._list("")

    def _search(self, words: str) -> None:
        self._filter, self._first = Filter(text=words), 0
        self._list("")

    def _narrow(self, name: str) -> None:
        filters = {
            "all": Filter(),
            "mine": Filter(mine=True),
            "changed": Filter(changed=True),
            "invalid": Filter(invalid=True),
            "advanced": Filter(advanced=True),
        }
        if name not in filters:
            raise ValueError(f"show which? One of: {', '.join(filters)}")
        self._filter, self._first = filters[name], 0
        self._list("")

    def _explain(self, rest: str) -> None:
        for line in described(self._form, self._row(rest)):
            self._say(line)

    def _value(self, rest: str) -> None:
        row = self._row(rest) if rest else self._form.row(())
        if row.secret:
            raise ValueError("a secret is not shown")
        for line in self._form.edit_text(row.path).splitlines() or ["(nothing)"]:
            self._say(line)

    def _problems(self, _: str) -> None:
        problems = self._form.validate()
        for problem in problems:
            hint = f"; {problem.hint}" if problem.hint else ""
            self._say(f"x {path_text(problem.path) or 'the document'} {problem.message}{hint}")
        if not problems:
            self._say("Nothing is wrong.")

    # what is changed

    def _set(self, rest: str) -> None:
        row, text = self._one(rest)
        self._change(row, text)

    def _unset(self, rest: str) -> None:
        row = self._row(rest)
        entry = row.is_item or row.is_entry
        self._done(self._form.remove_item(row.path) if entry else self._form.unset(row.path))

    def _null(self, rest: str) -> None:
        self._done(self._form.set_null(self._row(rest).path))

    def _empty(self, rest: str) -> None:
        self._done(self._form.set_empty(self._row(rest).path))

    def _as_text(self, rest: str) -> None:
        row = self._row(rest) if rest else self._form.row(())
        if row.secret or row.heading or row.readonly:
            raise ValueError(f"{row.label} cannot be edited as text")
        self._text(row)

    def _text(self, row: Row) -> None:
        for line in self._form.edit_text(row.path).splitlines():
            self._say(f"  {line}")
        self._say("Type the new text; a line with just a dot ends it (at once: leave it as it is).")
        lines: list[str] = []
        while (line := self._read("", False)) != ".":
            lines.append(line)
        if lines:
            self._take(row.path, "\n".join(lines))

    def _branch(self, rest: str) -> None:
        row, chosen = self._one(rest)
        if len(row.branches) < 2:
            raise ValueError(f"{row.label} has one form only")
        if not chosen:
            for number, title in enumerate(row.branches, 1):
                now = " (now)" if number - 1 == row.branch else ""
                self._say(f"  {number}) {title}{now}")
            chosen = self._read("Which form? ", False).strip()
        if not chosen.isdigit():
            raise ValueError("give the number of a form")
        self._done(self._form.choose_branch(row.path, int(chosen) - 1))

    def _add(self, rest: str) -> None:
        row, key = self._one(rest)
        if not row.can_add:
            raise ValueError("entries can be added to a list or map")
        if row.kind != "list" and not key:
            key = self._read("Name of the entry: ", False).strip()
        change = self._form.add_item(row.path, None if row.kind == "list" else key)
        self._done(change)
        self._form.reveal(change.path)

    def _copy(self, rest: str) -> None:
        row, key = self._one(rest)
        if row.is_entry and not key:
            key = self._read("Name of the copy: ", False).strip()
        self._done(self._form.duplicate_item(row.path, key if row.is_entry else None))

    def _rename(self, rest: str) -> None:
        row, key = self._one(rest)
        self._done(self._form.rename_key(row.path, key or self._read("New name: ", False).strip()))

    def _move(self, rest: str) -> None:
        row, to = self._one(rest)
        if not to.isdigit():
            raise ValueError("to which position? m ROW POSITION")
        self._done(self._form.move_item(row.path, int(to) - 1))

    def _fold(self, rest: str) -> None:
        row = self._row(rest)
        self._form.rows(self._filter)
        self._form.fold(row.id, not row.folded)
        self._list("")

    def _undo(self, _: str) -> None:
        self._done(self._form.undo(), "There is nothing to undo.")

    def _redo(self, _: str) -> None:
        self._done(self._form.redo(), "There is nothing to do again.")

    # leaving

    def _write(self, rest: str) -> bool:
        if self._form.validate():
            self._problems("")
            raise ValueError("nothing was written: correct these first")
        name = shlex.split(rest)[0] if rest else ""
        said = self._save(name) or self._save(self._read("File to write: ", False).strip())
        self._saved = bool(said)
        self._say(said or "Nothing was written.")
        return self._once and self._saved

    def _quit(self, _: str) -> bool:
        if not self._form.dirty:
            return True
        return self._read("Leave without writing what was changed? [y/N] ", False).strip() in "yY"
