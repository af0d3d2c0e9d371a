"""The form: a schema and a document, seen as rows and changed by commands.

This is the face of the package for views. It brings the parts together: the tree of nodes, the
rows that show it, the commands that change the document, their history, and the problems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from forms.model.appearance import Appearance
from forms.model.commands import Commands
from forms.model.document import Document, plain
from forms.model.draft import dump_draft, load_draft
from forms.model.editing import Editing
from forms.model.folding import Folding
from forms.model.node import Node, Role
from forms.model.problems import Problems
from forms.model.row import Change, Filter, Help, Parsed, Problem, Row
from forms.model.rows import Rows, matcher
from forms.model.search import Search, reachable_children
from forms.model.text import choice_texts, editable, parse
from forms.model.tree import Tree
from forms.paths import Path, parse_path, path_text
from forms.schema.error import SchemaError
from forms.schema.load import Schema, SchemaDocument, load_schema
from forms.schema.shape import Kind
from forms.schema.shapes import Shapes
from forms.values import ABSENT
from forms.walk import is_secret, secret_paths

_ALL = Filter()


class FormModel:
    """A document being edited by its schema. Owns a copy of the document.

    base: the document that "changed" compares with; by default the document itself.
    defaults: a document of values that go before the schema's own defaults.
    readonly: paths that are shown but cannot be edited, with all below them.
    held: paths of secrets that have a value elsewhere: shown as set, never missing.
    closed: a key that the schema does not know is a problem, unless it allows other keys.
    assume_defaults: a required option that has a default may be left out.
    secret_note: what help says of secrets.
    show_root: the whole document has a row too, above all others.
    With neither closed nor assume_defaults, valid is what JSON Schema calls so.

    Commands return the Change they made. They raise ValueError, in words for the user, where
    a view lets somebody do what cannot be done (edit a readonly row, remove what is not there),
    and KeyError for a path that is no option. SchemaError if the schema is none.
    """

    def __init__(
        self,
        schema: Mapping[str, Any] | bool | SchemaDocument,
        document: Any = ABSENT,
        *,
        base: Any = None,
        defaults: Any = None,
        readonly: Collection[Path] = (),
        held: Collection[Path] = (),
        closed: bool = True,
        assume_defaults: bool = True,
        show_root: bool = False,
        secret_note: str = "This is a secret: what you type is kept in the secrets backend.",
    ) -> None:
        loaded = schema if isinstance(schema, SchemaDocument) else load_schema(schema)
        self._shapes = Shapes(loaded, assume_defaults=assume_defaults)
        self._closed = closed
        self._assume_defaults = assume_defaults
        self._show_root = show_root
        self._secret_note = secret_note
        self._held = frozenset(held)
        if document is ABSENT:
            kind = self._shapes.shape(loaded.root).kind
            document = {} if kind in (Kind.SECTION, Kind.MAP) else ABSENT
        self._document = Document(plain(document))
        self._tree = Tree(self._shapes, self._document, ABSENT if defaults is None else defaults)
        self._folding = Folding(self._tree)
        self._opened = Document(plain(document))
        compared = self._opened if base is None else Document(plain(base))
        self._appearance = Appearance(
            self._tree, self._folding, compared, readonly, self._held, assume_defaults
        )
        self._commands = Commands(self._tree, self._document, self._appearance)
        self._search = Search(self._tree, self._appearance)
        self._problems = Problems(self._tree)
        self._rows: Rows | None = None
        self._editing = Editing(
            self._tree, self._problems, self._search, self._check, lambda: self._rows
        )

    # what there is

    def rows(self, filter: Filter = _ALL) -> Rows:  # noqa: A002
        """The rows that `filter` shows. Only the Rows asked for last stay live."""
        matches = matcher(self._tree, self._appearance, self._search, filter)
        self._rows = Rows(self._tree, self._folding, self._appearance, matches, self._show_root)
        return self._rows

    @property
    def refusals(self) -> tuple[SchemaError, ...]:
        """The places of the schema that could not be followed: shown as text, not checked."""
        return self._shapes.document.refusals

    def prepare_search(self) -> None:
        """Do now what the first search after an edit would have to wait for."""
        self._search.prepare()

    def row(self, path: Path) -> Row:
        """The row of one option, shown or not. KeyError if there is no such option."""
        return self._appearance.row(self._commands.node(path))

    def help(self, path: Path) -> Help:
        """All that is known of an option or heading."""
        from forms.model.help import help_of

        node = self._commands.node(path)
        known = help_of(self._tree, self._appearance, node, self._secret_note)
        kinds = self._commands.discriminated(node)
        if not kinds:
            return known
        told = "says which of the forms of its section is meant"
        return replace(known, type=told, choices=tuple((text, "") for text in kinds))

    def choices(self, path: Path) -> list[tuple[str, str]]:
        """Texts to choose among, each with a title (may be empty): all that an enum or yes/no
        option allows, or what is suggested for a text."""
        node = self._commands.node(path)
        kinds = self._commands.discriminated(node)
        return [(text, "") for text in kinds] or choice_texts(self._tree.shape(node))

    def edit_text(self, path: Path) -> str:
        """What to put into the editor: the value, or the default, as text that `set_text`
        takes. Empty for secrets. YAML for raw rows and for sections, their secrets hidden."""
        node = self._commands.node(path)
        if node.role is not Role.OPTION or is_secret(self._appearance.words(node)):
            return ""
        value = self._tree.value(node)
        if value is ABSENT:
            value = self._tree.default(node)
        value = plain(self._commands.masked(node, value))
        return editable(self._tree.shape(node), value, self._tree.items_shape(node))

    def value(self, path: Path) -> Any:
        """A copy of what the user set there; KeyError if unset."""
        value = self._document.get(path)
        if value is ABSENT:
            raise KeyError(path_text(path))
        return plain(value)

    def has(self, path: Path) -> bool:
        """Is there such an option or entry?"""
        return self._tree.find(path) is not None

    def is_set(self, path: Path) -> bool:
        """Did the user set it, be it to null?"""
        return self._document.get(path) is not ABSENT

    def holds_secrets(self) -> bool:
        """Is a secret in the document?"""
        schema = self._shapes.document.root
        return any(secret_paths(self._shapes, schema, self._document.root))

    def document(self) -> Any:
        """A copy of what the user set, and only that; key order kept. ABSENT if nothing is set
        where the document is not an object."""
        return plain(self._document.root)

    def find(self, text: str) -> Path:
        """The path that a written path (`server.port`) means in this form; KeyError if none."""
        for path in _readings(text):
            if self._tree.find(path) is not None:
                return path
        raise KeyError(text)

    def paths(self) -> Iterator[Path]:
        """Every option the form can show, in order; sections before what is in them."""
        todo = [self._tree.root]
        while todo:
            node = todo.pop()
            if node.role is Role.OPTION and node.parent is not None:
                yield node.path
            todo += reversed(reachable_children(self._tree, node))

    @property
    def made(self) -> int:
        """How many nodes were made so far: what the form has cost."""
        return self._tree.made

    # folding

    def toggle(self, row_id: int) -> None:
        self.fold(row_id, not self._folding.is_folded(self._shown(row_id)))

    def fold(self, row_id: int, folded: bool = True) -> None:
        """Fold or unfold a row. Nothing happens where nothing can be folded."""
        node = self._shown(row_id)
        if node.folded != folded and self._tree.is_foldable(node):
            node.folded = folded
            if self._rows is not None and not self._rows.filtered:
                self._rows.replace_below(node)

    def fold_all(self, folded: bool = True) -> None:
        """Fold or unfold all sections that were made so far, the advanced options excepted."""
        todo = list(self._tree.children(self._tree.root))
        while todo:
            node = todo.pop()
            if node.role is not Role.ADVANCED and self._tree.may_unfold(node):
                if self._tree.is_foldable(node) and self._tree.items_shape(node) is None:
                    node.folded = folded
                todo += node.children or ()
        if self._rows is not None:
            self._rows.rebuild()

    def reveal(self, path: Path) -> int:
        """Unfold whatever hides an option, and give its row's id (or that of the nearest row
        above it, where the option itself has none)."""
        node = self._tree.root
        for key in path:
            found = self._tree.find((*node.path, key))
            if found is None:
                break
            node = found
        top: Node | None = None
        above = node.parent
        while above is not None:
            if self._folding.is_folded(above):
                above.folded, top = False, above
            above = above.parent
        if top is not None and self._rows is not None and not self._rows.filtered:
            self._rows.replace_below(top)
        return node.id

    def _shown(self, row_id: int) -> Node:
        node = self._rows.node(row_id) if self._rows is not None else None
        if node is None:
            raise KeyError(row_id)
        return node

    # commands

    def parse(self, path: Path, text: str) -> Parsed:
        """What `text` would mean there; changes nothing. Cheap enough for every key."""
        try:
            node = self._commands.editable(path)
        except ValueError as refusal:
            return Parsed(False, problem=Problem(path, str(refusal)))
        shape, items = self._tree.shape(node), self._tree.items_shape(node)
        kinds = self._commands.discriminated(node)
        if text.strip() in kinds:
            return Parsed(True, kinds[text.strip()][1])
        try:
            value = parse(shape, text, items)
        except ValueError as error:
            return Parsed(False, problem=Problem(path, str(error)))
        return Parsed(True, value, next(iter(self._check(node, value)), None))

    def set_text(self, path: Path, text: str) -> Parsed:
        """Set an option from typed text. Nothing changes where the text cannot be read or the
        option not be changed; a value that breaks a bound is kept, with its problem on the
        row. An empty text unsets everything but texts and lists, which it empties; it leaves a
        secret as it is."""
        node = self._commands.node(path)
        if not text and is_secret(self._appearance.words(node)):
            return Parsed(True)
        if not text.strip() and not self._takes_empty(node):
            return self._cleared(path)
        parsed = self.parse(path, text)
        kinds = self._commands.discriminated(node)
        if text.strip() in kinds and not self._appearance.is_readonly(node):
            self.choose_branch(path[:-1], kinds[text.strip()][0])
        elif parsed.ok:
            self.set(path, parsed.value)
        return parsed

    def _cleared(self, path: Path) -> Parsed:
        try:
            if self._document.get(path) is not ABSENT:
                self.unset(path)
        except ValueError as refusal:
            return Parsed(False, problem=Problem(path, str(refusal)))
        return Parsed(True)

    def _takes_empty(self, node: Node) -> bool:
        """Is an empty text a value there, or at least not a wish to unset the option?"""
        if isinstance(node.key, int) or self._appearance.is_entry(node):
            return True
        shape = self._tree.shape(node)
        if shape.kind is Kind.TEXT:
            return "string" in shape.types
        if shape.kind is Kind.ENUM:
            return any(choice == "" for choice, _ in shape.choices)
        return self._tree.items_shape(node) is not None

    def set(self, path: Path, value: Any) -> Change:
        return self._editing.do(self._commands.set(path, value))

    def unset(self, path: Path) -> Change:
        return self._editing.do(self._commands.unset(path))

    def set_null(self, path: Path) -> Change:
        return self._editing.do(self._commands.set_null(path))

    def set_empty(self, path: Path) -> Change:
        """Empty text, list or map, as the option's kind has it."""
        return self._editing.do(self._commands.set_empty(path))

    def add_item(self, path: Path, key: str | None = None) -> Change:
        """Add an entry to a list (at its end) or a map (under `key`, which maps need).
        The Change's path is the new entry's."""
        return self._editing.do(self._commands.add(path, key))

    def remove_item(self, path: Path) -> Change:
        return self._editing.do(self._commands.remove(path))

    def move_item(self, path: Path, to: int) -> Change:
        """Move a list's entry to another position."""
        return self._editing.do(self._commands.move(path, to))

    def duplicate_item(self, path: Path, key: str | None = None) -> Change:
        """Put a copy behind a list's entry, or a map's (under `key`, which maps need)."""
        return self._editing.do(self._commands.duplicate(path, key))

    def rename_key(self, path: Path, key: str) -> Change:
        """Rename a map's entry, which keeps its place."""
        return self._editing.do(self._commands.rename(path, key))

    def choose_branch(self, path: Path, branch: int) -> Change:
        """Choose among `Row.branches`. Values that fit the new branch stay."""
        return self._editing.do(self._commands.choose(path, branch))

    def set_required_defaults(self) -> Change | None:
        """Set all that has to be there and has a default, as one step; None if there is none."""
        since = self.undoable
        while missing := self._missing_with_default():
            for path in missing:
                self.set(path, plain(self._tree.default(self._commands.node(path))))
        if self.undoable == since:
            return None
        label = f"set {self.undoable - since} required options to their defaults"
        self._editing.history.join(since, label, ())
        return Change((), True, label)

    def _missing_with_default(self) -> list[Path]:
        problems = self.check(self.document())
        paths = [problem.path for problem in problems if not self.is_set(problem.path)]
        nodes = [(path, self._tree.find(path)) for path in paths]
        return [
            path
            for path, node in nodes
            if node is not None
            and self._tree.required(node)
            and self._tree.default(node) is not ABSENT
            and not self._appearance.is_readonly(node)
        ]

    def undo(self) -> Change | None:
        """Take back the last command; None if there is none."""
        return self._editing.undo()

    def redo(self) -> Change | None:
        return self._editing.redo()

    @property
    def undoable(self) -> int:
        """How many commands can be undone."""
        return self._editing.history.done

    @property
    def dirty(self) -> bool:
        """Has anything changed since the form was opened or `mark_saved` called?"""
        return self._editing.history.dirty

    def mark_saved(self) -> None:
        """The document was written as it is now: from here on it is what was opened."""
        self._editing.history.mark_saved()
        self._opened.root = self.document()

    # problems

    def validate(self, path: Path = ()) -> list[Problem]:
        """Check the whole document, or one section, and put the problems on their rows."""
        node = self._commands.node(path)
        if node.role is not Role.OPTION:
            node = node.owner or node
            path = node.path
        problems = self._check(node, self._tree.value(node))
        self._problems.place(problems, path)
        return problems

    def problems(self) -> list[Problem]:
        """The problems that are on rows now, in the order of the rows."""
        return self._problems.listed()

    def check(self, document: Any) -> list[Problem]:
        """Problems of a copy made by `document()`; touches nothing of the form, so it may run
        in another thread. Give the result to `show_problems`."""
        shapes = Shapes(self._shapes.document, assume_defaults=self._assume_defaults)
        root = shapes.document.root
        return self._without_held(_check(shapes, root, document, (), self._closed))

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Let these be the problems on the form's rows."""
        self._problems.place(problems)

    def _check(self, node: Node, value: Any) -> list[Problem]:
        found = _check(self._shapes, node.schema, value, node.path, self._closed)
        return self._without_held(found)

    def _without_held(self, problems: list[Problem]) -> list[Problem]:
        """A secret that is held elsewhere is not in the document, and not missing."""
        return [
            problem
            for problem in problems
            if problem.path not in self._held or self._document.get(problem.path) is not ABSENT
        ]

    # drafts

    def dump(self) -> dict[str, Any]:
        """The state to come back to, as JSON values. Secrets are left out. The paths of those
        that were typed in this form are listed under "left_out", so that a view can say what
        must be typed again."""
        chosen: dict[Path, int] = {}
        todo = [self._tree.root]
        while todo:
            node = todo.pop()
            if node.chosen is not None:
                chosen[node.path] = node.chosen
            todo += node.children or ()
        root = self._shapes.document.root
        return dump_draft(self._shapes, root, self._document.root, self._opened, chosen)

    def load(self, draft: Mapping[str, Any]) -> None:
        """Take up a state that `dump` gave to a form opened with the same document. ValueError
        if it is not one. What was done before cannot be undone any more."""
        taken = load_draft(draft)
        self._search.forget()
        self._document.root = taken.document
        for path in taken.kept:
            if self._document.get(path) is not ABSENT:
                secret = self._opened.get(path)
                self._document.apply(self._document.replacing(path, secret))
        self._tree.refresh(())
        for path, branch in taken.chosen.items():
            node = self._tree.find(path)
            if node is not None:
                node.chosen = branch
                self._tree.refresh(path)
        self._problems.place(())
        self._editing.history.clear()
        self._editing.history.mark_dirty()
        if self._rows is not None:
            self._rows.rebuild()


def _check(shapes: Shapes, schema: Schema, value: Any, path: Path, closed: bool) -> list[Problem]:
    # what checks is imported when something is checked: a form opens without it
    from forms.validation import check

    if value is ABSENT:
        return [] if path else [Problem((), "needs a value")]
    return check(shapes, schema, value, path, closed=closed)


def _readings(text: str) -> list[Path]:
    """The paths that a text can mean: one with dots, or a single key that has dots in it."""
    try:
        return [parse_path(text), (text,)]
    except ValueError:
        return [(text,)]
