"""What holds for every schema, every document and every sequence of commands."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forms import Filter, FormModel, Origin, Row
from tests.unit.forms_strategies import DOCUMENTS, SCHEMAS, TEXTS, VALUES

ROOMY = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def written(form: FormModel) -> str:
    return json.dumps(form.document())


def shown(form: FormModel, filter: Filter = Filter()) -> list[Row]:  # noqa: A002, B008
    return list(form.rows(filter))


@ROOMY
@given(SCHEMAS, DOCUMENTS)
def test_looking_at_a_form_changes_nothing(schema: dict[str, Any], document: Any) -> None:
    before = json.dumps(document)
    form = FormModel(schema, document)
    form.rows()
    form.fold_all(False)
    for row in shown(form):
        assert form.row(row.path).id == row.id
        form.help(row.path)
        form.edit_text(row.path)
        form.choices(row.path)
        assert row.text.isprintable()
        assert row.label.isprintable()
    form.validate()
    shown(form, Filter(text="a"))
    shown(form, Filter(invalid=True))
    assert written(form) == before == json.dumps(document)
    assert not form.dirty


@ROOMY
@given(SCHEMAS, DOCUMENTS)
def test_every_value_of_the_document_is_on_a_row(schema: dict[str, Any], document: Any) -> None:
    form = FormModel(schema, document)
    paths = set(form.paths())
    for key in document:
        assert (key,) in paths


@ROOMY
@given(SCHEMAS, DOCUMENTS)
def test_problems_of_an_invalid_document_stand_on_rows(
    schema: dict[str, Any], document: Any
) -> None:
    form = FormModel(schema, document, closed=False)
    if form.validate():
        placed = form.problems()
        assert placed
        form.rows()
        for problem in placed:
            if problem.path:
                assert form.rows().position(form.reveal(problem.path)) is not None


@ROOMY
@given(SCHEMAS, DOCUMENTS)
def test_text_of_an_option_reads_back_as_its_value(schema: dict[str, Any], document: Any) -> None:
    form = FormModel(schema, document)
    form.validate()
    for path in list(form.paths())[:30]:
        row, text = form.row(path), form.edit_text(path)
        if row.problems or row.secret or row.origin not in (Origin.SET, Origin.EMPTY):
            continue
        if "(secret)" not in text:
            assert form.parse(path, text).value == form.value(path)


def command(form: FormModel, data: st.DataObject) -> None:
    """Do something to the form, anything; what is refused is refused with a ValueError."""
    paths = list(form.paths())[:40]
    path = data.draw(st.sampled_from(paths))
    key = data.draw(st.sampled_from(["new", "a", "other"]))
    number = data.draw(st.integers(0, 3))
    doing = data.draw(st.sampled_from(_COMMANDS))
    try:
        match doing:
            case "set":
                form.set(path, data.draw(VALUES))
            case "set_text":
                form.set_text(path, data.draw(TEXTS))
            case "add_item":
                form.add_item(path, key)
            case "rename_key":
                form.rename_key(path, key)
            case "duplicate_item":
                form.duplicate_item(path, key)
            case "move_item":
                form.move_item(path, number)
            case "choose_branch":
                form.choose_branch(path, number)
            case "undo":
                form.undo()
            case "redo":
                form.redo()
            case "fold":
                row_id = form.reveal(path)
                form.toggle(row_id)
            case "validate":
                form.validate()
            case _:
                getattr(form, doing)(path)
    except ValueError as refusal:
        if not str(refusal):
            raise


_COMMANDS = [
    "set",
    "set",
    "set_text",
    "unset",
    "set_null",
    "set_empty",
    "add_item",
    "remove_item",
    "move_item",
    "duplicate_item",
    "rename_key",
    "choose_branch",
    "undo",
    "redo",
    "fold",
    "validate",
]


@settings(ROOMY, max_examples=200)
@given(SCHEMAS, DOCUMENTS, st.data())
def test_commands_can_be_undone_to_the_byte_and_redone(
    schema: dict[str, Any], document: Any, data: st.DataObject
) -> None:
    form = FormModel(schema, document)
    form.rows()
    for _ in range(data.draw(st.integers(1, 8))):
        command(form, data)
    while form.redo():
        pass
    after = written(form)
    while form.undo():
        pass
    assert written(form) == json.dumps(document)
    assert not form.dirty
    while form.redo():
        pass
    assert written(form) == after


@settings(ROOMY, max_examples=200)
@given(SCHEMAS, DOCUMENTS, st.data())
def test_live_rows_are_what_a_new_form_shows(
    schema: dict[str, Any], document: Any, data: st.DataObject
) -> None:
    form = FormModel(schema, document)
    live = form.rows()
    for _ in range(data.draw(st.integers(1, 6))):
        command(form, data)
        seen = list(live)
        live = form.rows()
        assert seen == list(live)
        assert len({row.id for row in seen}) == len(seen)
        assert [live.position(row.id) for row in seen] == list(range(len(seen)))


@ROOMY
@given(SCHEMAS, DOCUMENTS, VALUES, st.data())
def test_setting_and_unsetting_leaves_no_trace(
    schema: dict[str, Any], document: Any, value: Any, data: st.DataObject
) -> None:
    form = FormModel(schema, document)
    unset = []
    for path in list(form.paths())[:40]:
        try:
            form.value(path)
        except KeyError:
            unset.append(path)
    if not unset:
        return
    paths = data.draw(st.lists(st.sampled_from(unset), min_size=1, max_size=3, unique=True))
    for path in paths:
        with contextlib.suppress(KeyError):  # an option may be gone with another value above it
            form.set(path, value)
            assert form.value(path) == value
    for path in data.draw(st.permutations(paths)):
        try:
            form.unset(path)
        except KeyError:
            return
        except ValueError:
            continue
    assert written(form) == json.dumps(document)


@ROOMY
@given(SCHEMAS, DOCUMENTS, st.data())
def test_unknown_keys_survive_all_edits_elsewhere(
    schema: dict[str, Any], document: Any, data: st.DataObject
) -> None:
    form = FormModel(schema, {**document, "kept": {"deep": [1, None, {"": ""}]}})
    for _ in range(data.draw(st.integers(1, 6))):
        paths = [path for path in form.paths() if path[0] != "kept"][:40]
        if not paths:
            return
        path = data.draw(st.sampled_from(paths))
        try:
            form.set(path, data.draw(VALUES))
        except ValueError:
            continue
    assert form.document()["kept"] == {"deep": [1, None, {"": ""}]}


@ROOMY
@given(SCHEMAS, DOCUMENTS, st.data())
def test_draft_brings_back_all_but_secrets(
    schema: dict[str, Any], document: Any, data: st.DataObject
) -> None:
    form = FormModel(schema, document)
    form.rows()
    for _ in range(data.draw(st.integers(0, 5))):
        command(form, data)
    draft = json.loads(json.dumps(form.dump()))
    other = FormModel(schema, document)
    other.load(draft)
    if not draft["left_out"]:
        assert written(other) == written(form)
    assert other.dump()["document"] == draft["document"]
    other.load(draft)
    assert other.dirty
