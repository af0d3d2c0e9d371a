"""Filling in a document by any JSON Schema: the files that both are in, and the form of them.

The same for the interface, for plain prompts and for answer files.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Denied, HomeportError, InvalidInput, NotFound
from engine.files_explained import explained, not_there_yet, opened
from engine.private_files import read_private, write_private
from forms import FormModel
from forms.files import FileOnDisk, FileTrouble, Format, format_of, new_text, read, rewritten
from forms.files.disk import ChangedMeanwhile
from forms.schema.error import SchemaError
from forms.schema.known import known_schema
from forms.schema.load import SchemaDocument, load_schema
from forms.values import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Saved:
    """What became of a document that was to be written."""

    path: Path
    changed: bool
    """False where the file says all of it already."""
    kept_as: Path | None = None
    """The file as it was, where its comments could not be kept in the new one."""


class Filling:
    """One schema, one document, and the file that it goes to.

    values: the document's file; it need not be there yet. output: where to write it, if not
    to that file. target: the file that `save` writes; None until somebody names one.
    NotFound and InvalidInput say which file cannot be read, and why.
    """

    def __init__(
        self,
        schema: str,
        values: str = "",
        output: str = "",
        *,
        wanted: Format | None = None,
        drafts: Path | None = None,
    ) -> None:
        self.schema_name = schema
        self.schema = _read_schema(schema)
        if output and not values and Path(output).expanduser().exists():
            values, output = output, ""  # what is there already is what is being filled in
        self._source = opened(values, "the values") if values else None
        self.target = opened(output, "the file to write") if output else self._source
        if self._source is not None and self._source.is_new and output:
            raise NotFound(
                "the values are not there", on=values, do="Leave them out for a new file."
            )
        self.document = self._read_values()
        self.format = wanted or self._format()
        self.note = self._note()
        """What to know before anything is changed; empty where there is nothing."""
        self._drafts = drafts
        self.form = self._new_form()
        if self.target is not None and (why := self.target.why_not_writable()):
            raise Denied(
                "the file could not be written later",
                on=str(self.target.path),
                why=why,
                left="nothing was changed",
                do="Name another file with -o, or have its permissions changed.",
            )

    def _new_form(self) -> FormModel:
        return FormModel(
            self.schema,
            self.document,
            closed=False,
            assume_defaults=False,
            show_root=True,
            secret_note="This is a secret: it is not shown, and is written as it is.",
        )

    def _read_values(self) -> Any:
        source = self._source
        if source is None or source.is_new:
            return ABSENT
        with explained("the values cannot be read", str(source.path)):
            return read(source.text, format_of(source.path.name, source.text) or Format.YAML)

    def _note(self) -> str:
        source = self._source
        if source is None or "!" not in source.text or self._format() is not Format.YAML:
            return ""
        from forms.files.yaml_nodes import has_tags

        said = "The file has YAML tags (!...): values that you leave as they are keep theirs."
        return said if has_tags(source.text) else ""

    def _format(self) -> Format:
        for file in (self.target, self._source):
            found = format_of(file.path.name, file.text) if file is not None else None
            if found is not None:
                return found
        return Format.JSON

    # writing

    def name_target(self, name: str) -> None:
        """Write to that file from now on; Conflict where there is one already."""
        self.target = not_there_yet(
            name, "Name another, or open that one: homeport form SCHEMA FILE"
        )
        self.format = format_of(self.target.path.name) or self.format

    def text(self, document: Any) -> str:
        """The document as it would be written."""
        return self._made(document)[0]

    def _made(self, document: Any) -> tuple[str, bool]:
        base = self.target if self._is_own else self._source
        text = base.text if base is not None else ""
        with explained("the document cannot be written", self.format.upper()):
            if document is ABSENT:
                return text, True
            if text and format_of(base.path.name if base else "", text) is self.format:
                made = rewritten(text, self.format, document)
                return made.text, made.kept
            return new_text(document, self.format), True

    @property
    def _is_own(self) -> bool:
        """Is the target the file that the values came from?"""
        return self._source is None or self._source is self.target

    def save(self, document: Any, *, over: bool = False) -> Saved:
        """Write the document. Conflict where somebody else wrote the file meanwhile, unless
        `over` it; then theirs is kept beside it."""
        target = self.target
        if target is None:
            raise InvalidInput("no file is named to write to", do="Name one with -o FILE.")
        text, kept = self._made(document)
        if not target.is_new and text == target.text and not target.is_changed():
            return Saved(target.path, False)
        with explained("the file was not written", str(target.path)):
            kept_as = None
            if target.is_changed():
                if not over:
                    raise ChangedMeanwhile("somebody else has changed it since it was read")
                kept_as = (
                    FileOnDisk(target.path).keep_as("theirs") if target.path.exists() else None
                )
            elif not kept and not target.is_new:
                kept_as = target.keep_as("orig")
            target.write(text, private=self.form.holds_secrets(), over=over)
        self.document = document
        return Saved(target.path, True, kept_as)

    # drafts

    @property
    def _draft_file(self) -> Path | None:
        file = self.target or self._source
        names = [str(Path(self.schema_name).absolute()), str(file.path) if file else ""]
        key = hashlib.sha256("\0".join(names).encode()).hexdigest()[:24]
        return self._drafts / f"{key}.json" if self._drafts is not None else None

    def _opened_as(self) -> str:
        content = json.dumps(None if self.document is ABSENT else [self.document])
        return hashlib.sha256(content.encode()).hexdigest()

    def draft(self) -> tuple[dict[str, Any], bool] | None:
        """What was left half done the last time, and whether the document is still the one
        that it was begun with."""
        file = self._draft_file
        try:
            content = read_private(file) if file is not None else None
            kept = json.loads(content) if content else None
        except (HomeportError, ValueError, OSError):
            return None
        if not isinstance(kept, dict) or not isinstance(kept.get("form"), dict):
            return None
        return kept["form"], kept.get("opened") == self._opened_as()

    def keep_draft(self, draft: Mapping[str, Any]) -> None:
        """Keep what `FormModel.dump` gave, for its owner's eyes only."""
        if (file := self._draft_file) is not None:
            kept = {"schema": self.schema_name, "opened": self._opened_as(), "form": draft}
            write_private(file, json.dumps(kept).encode())

    def drop_draft(self) -> None:
        if (file := self._draft_file) is not None:
            file.unlink(missing_ok=True)

    def start_again(self) -> FormModel:
        """A form of the document as it was read."""
        self.form = self._new_form()
        return self.form


def _read_quickly(text: str) -> Any:
    """A schema as most are written; None where it is written otherwise."""
    try:
        return json.loads(text) if text[:1] == "{" else None
    except ValueError:
        return None


def _read_schema(name: str) -> SchemaDocument:
    file = opened(name, "the schema")
    if file.is_new:
        raise NotFound("the schema is not there", on=name, do="Give the path of a JSON Schema.")
    schema = _read_quickly(file.text)
    with explained("the schema cannot be read", name):
        if schema is None:
            schema = read(file.text, format_of(file.path.name, file.text) or Format.JSON)
    if not isinstance(schema, dict | bool):
        raise InvalidInput("this is no JSON Schema", on=name, why="a schema is an object")
    try:
        return load_schema(schema, partial(_schema_beside, file.path, _own_address(schema)))
    except SchemaError as error:
        raise InvalidInput("the schema cannot be used", on=name, why=str(error)) from error


def _own_address(schema: Any) -> str:
    said = schema.get("$id") or schema.get("id") if isinstance(schema, dict) else ""
    return said if isinstance(said, str) else ""


def _schema_beside(file: Path, own: str, address: str) -> Any:
    """Another schema that a schema's file refers to: one of JSON Schema's own, or a file of
    the name beside it. None where there is none: nothing is fetched from elsewhere."""
    known = known_schema(address)
    if known is not None:
        return known
    beside = address
    if "://" in address:
        home = own.rpartition("/")[0]
        if not home or not address.startswith(home + "/"):
            return None
        beside = address.removeprefix(home + "/")
    try:
        other = FileOnDisk(file.parent / beside)
        return None if other.is_new else read(other.text, format_of(beside) or Format.JSON)
    except FileTrouble:
        return None
