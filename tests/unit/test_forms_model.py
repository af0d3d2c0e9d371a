"""What people can see and do in a form."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from forms import Filter, FormModel, Kind, Origin, Row

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 1},
        "server": {
            "type": "object",
            "properties": {
                "port": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 65535,
                    "default": 8080,
                    "description": "Where it listens.",
                    "x-restart": True,
                },
                "timeout": {"type": "integer", "default": 5400, "x-unit": "s", "x-advanced": True},
                "hosts": {"type": "array", "items": {"type": "string"}, "default": ["::1"]},
            },
        },
        "level": {"enum": ["debug", "info"], "default": "info"},
        "limit": {"type": ["integer", "null"]},
        "password": {"type": "string", "x-secret": True, "x-group": "Security"},
        "mode": {"type": "string", "x-group": "Security", "default": "strict"},
        "listen": {"type": "string", "x-managed": True, "readOnly": True},
        "old": {"type": "string", "deprecated": True},
        "env": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": "^[A-Z]+$"},
        },
        "listeners": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {"port": {"type": "integer"}, "name": {"type": "string"}},
            },
        },
        "auth": {
            "oneOf": [
                {
                    "title": "Nobody",
                    "required": ["kind"],
                    "properties": {"kind": {"const": "none"}, "realm": {"type": "string"}},
                },
                {
                    "title": "From a file",
                    "required": ["kind", "file"],
                    "properties": {
                        "kind": {"const": "file"},
                        "file": {"type": "string"},
                        "realm": {"type": "string"},
                    },
                },
            ]
        },
    },
}


@pytest.fixture
def form() -> FormModel:
    return FormModel(SCHEMA, {"env": {"A": "1"}, "listeners": [{"port": 1}, {"port": 2}]})


def labels(rows: Iterator[Row] | Any) -> list[str]:
    return [("  " * row.depth) + row.label for row in rows]


def test_rows_show_sections_groups_and_folds_in_their_order(form: FormModel) -> None:
    assert labels(form.rows()) == [
        "Name",
        "server",
        "  port",
        "  hosts",
        "  Advanced",
        "level",
        "limit",
        "listen",
        "env",
        "  A",
        "listeners",
        "  1.",
        "    port",
        "    name",
        "  2.",
        "    port",
        "    name",
        "auth",
        "  kind",
        "  realm",
        "Security",
        "  password",
        "  mode",
        "Advanced",
    ]


def test_x_order_goes_before_the_order_of_the_schema() -> None:
    form = FormModel(
        {"properties": {"a": {"x-order": 3}, "b": {"x-order": 1}, "c": {"x-order": 2}}}
    )
    assert labels(form.rows()) == ["b", "c", "a"]


def test_four_absences_are_told_apart() -> None:
    form = FormModel(SCHEMA, {"limit": None, "env": {}})
    assert form.row(("name",)).origin is Origin.UNSET
    assert form.row(("level",)).origin is Origin.DEFAULT
    assert form.row(("level",)).text == "info"
    assert form.row(("limit",)).origin is Origin.NULL
    assert form.row(("env",)).origin is Origin.EMPTY
    form.set_text(("name",), "x")
    assert form.row(("name",)).origin is Origin.SET
    assert form.document() == {"limit": None, "env": {}, "name": "x"}


def test_value_equal_to_its_default_is_still_set_by_the_user(form: FormModel) -> None:
    form.set_text(("level",), "info")
    assert form.row(("level",)).origin is Origin.SET
    form.unset(("level",))
    assert form.row(("level",)).origin is Origin.DEFAULT


def test_defaults_given_to_the_form_go_before_those_of_the_schema() -> None:
    form = FormModel(SCHEMA, {}, defaults={"server": {"port": 9000}, "name": "given"})
    assert form.row(("server", "port")).text == "9000"
    assert form.row(("name",)).origin is Origin.DEFAULT
    assert form.document() == {}


def test_default_of_a_section_shows_on_its_options_and_is_kept_when_one_is_set() -> None:
    schema = {
        "properties": {
            "db": {
                "type": "object",
                "default": {"name": "psycopg2", "pool": 5},
                "properties": {"name": {"type": "string"}, "pool": {"type": "integer"}},
            }
        }
    }
    form = FormModel(schema, {})
    assert form.row(("db", "pool")).text == "5"
    form.set_text(("db", "pool"), "9")
    assert form.document() == {"db": {"name": "psycopg2", "pool": 9}}
    form.unset(("db", "pool"))
    assert form.document() == {}


def test_marks_say_what_matters_most(form: FormModel) -> None:
    marks = {row.path: row.mark for row in form.rows()}
    assert marks[("name",)] == "*"
    assert marks[("listen",)] == "#"
    assert marks[("env", "A")] == "="
    assert marks[("level",)] == " "
    form.set_text(("server", "port"), "70000")
    assert form.row(("server", "port")).mark == "x"
    form.set_text(("server", "port"), "8081")
    assert form.row(("server", "port")).mark == "~"


def test_option_that_homeport_decides_cannot_be_changed(form: FormModel) -> None:
    row = form.row(("listen",))
    assert row.managed
    assert row.readonly
    assert row.text == "set by Homeport"
    with pytest.raises(ValueError, match="cannot be changed here"):
        form.set(("listen",), "x")
    assert not form.set_text(("listen",), "x").ok
    assert "listen" not in form.document()


def test_readonly_paths_cover_what_is_below_them() -> None:
    form = FormModel(SCHEMA, {"server": {"port": 1}}, readonly=[("server",)])
    with pytest.raises(ValueError, match="cannot be changed here"):
        form.unset(("server", "port"))
    assert form.set_text(("name",), "x").ok


def test_heading_refuses_commands_so_that_nothing_above_it_is_lost(form: FormModel) -> None:
    before = form.document()
    for row in form.rows():
        if row.heading:
            for command in (form.unset, form.set_null, form.set_empty, form.remove_item):
                with pytest.raises(ValueError, match="heading"):
                    command(row.path)
            assert not form.set_text(row.path, "{}").ok
            assert form.help(row.path).type == "section"
    assert form.document() == before


def test_secret_is_on_no_row_and_in_no_editor_help_search_or_draft() -> None:
    secret = "correct-horse"
    schema = {
        "properties": {
            **SCHEMA["properties"],
            "tokens": {"type": "array", "items": {"type": "string", "x-secret": True}},
            "tree": {"type": ["object", "string"], "properties": {"key": {"x-secret": True}}},
            "bad": {
                "type": "object",
                "properties": {"key": {"x-secret": True}},
                "allOf": [{"type": "string"}],
            },
        }
    }
    document = {
        "password": secret,
        "tokens": [secret],
        "tree": {"key": secret},
        "bad": {"key": secret, "other": 1},
    }
    form = FormModel(schema, document)
    form.validate()
    form.fold_all(False)
    shown = [repr(row) for row in form.rows()]
    for path in form.paths():
        shown += [repr(form.row(path)), repr(form.help(path)), form.edit_text(path)]
    shown.append(repr(form.problems()))
    shown.append(json.dumps(FormModel(schema, document).dump()))
    assert secret not in "".join(shown)
    assert len(form.rows(Filter(text=secret))) == 0
    assert form.row(("password",)).text == "set"
    assert form.document() == document


def test_text_with_hidden_secrets_comes_back_with_them_in_place() -> None:
    schema = {
        "properties": {
            "a": {"properties": {"key": {"type": "string", "x-secret": True}, "n": {}}},
        }
    }
    form = FormModel(schema, {"a": {"key": "hush", "n": 1}})
    text = form.edit_text(("a",))
    assert "hush" not in text
    assert form.set_text(("a",), text.replace("n: 1", "n: 2")).ok
    assert form.document() == {"a": {"key": "hush", "n": 2}}


def test_entering_nothing_leaves_a_secret_as_it_is() -> None:
    form = FormModel(SCHEMA, {"password": "hush"})
    assert form.set_text(("password",), "").ok
    assert form.document() == {"password": "hush"}
    form.unset(("password",))
    assert form.document() == {}


def test_secret_held_elsewhere_shows_as_set_and_is_not_missing() -> None:
    schema = {"required": ["key"], "properties": {"key": {"type": "string", "x-secret": True}}}
    assert FormModel(schema, {}).validate()
    form = FormModel(schema, {}, held=[("key",)])
    assert form.validate() == []
    assert form.row(("key",)).text == "set"


def test_empty_text_unsets_numbers_and_empties_texts_and_lists(form: FormModel) -> None:
    for path, text in ((("server", "port"), "1"), (("name",), "x"), (("server", "hosts"), "a")):
        form.set_text(path, text)
    form.set_text(("server", "port"), "")
    form.set_text(("name",), "")
    form.set_text(("server", "hosts"), "")
    assert form.document()["server"] == {"hosts": []}
    assert form.document()["name"] == ""


def test_text_that_cannot_be_read_changes_nothing(form: FormModel) -> None:
    before = form.document()
    parsed = form.set_text(("server", "port"), "eighty")
    assert parsed.problem is not None
    assert parsed.problem.message == "must be a whole number"
    assert form.document() == before
    assert not form.dirty


def test_value_out_of_bounds_is_kept_with_its_message(form: FormModel) -> None:
    form.set_text(("server", "port"), "0")
    assert form.row(("server", "port")).problem == "must be at least 1"
    assert form.row(("server",)).problems == 1
    form.undo()
    assert form.row(("server", "port")).problem == ""
    assert form.row(("server",)).problems == 0


def test_map_entries_are_added_renamed_and_removed_in_place(form: FormModel) -> None:
    assert form.row(("env",)).can_add
    change = form.add_item(("env",), "B")
    assert change.path == ("env", "B")
    assert change.structural
    form.rename_key(("env", "A"), "C")
    assert form.document()["env"] == {"C": "1", "B": ""}
    assert list(form.document()["env"]) == ["C", "B"]
    form.remove_item(("env", "C"))
    assert form.document()["env"] == {"B": ""}
    for key in ("B", "lower", "", None):
        with pytest.raises(ValueError, match=r"already|not allowed|needs a name"):
            form.add_item(("env",), key)


def test_list_entries_are_added_moved_duplicated_and_removed(form: FormModel) -> None:
    first = form.row(("listeners", 0)).id
    form.move_item(("listeners", 0), 1)
    assert form.row(("listeners", 1)).id == first
    form.duplicate_item(("listeners", 0))
    form.add_item(("listeners",))
    assert form.document()["listeners"] == [{"port": 2}, {"port": 2}, {"port": 1}, {}]
    assert form.row(("listeners", 3, "port")).missing
    form.remove_item(("listeners", 0))
    assert form.row(("listeners", 1)).id == first
    while form.undo():
        pass
    assert form.document()["listeners"] == [{"port": 1}, {"port": 2}]


def test_entry_of_a_list_is_called_by_its_name(form: FormModel) -> None:
    form.set_text(("listeners", 1, "name"), "admin")
    assert form.row(("listeners", 1)).label == "2. admin"


def test_first_entry_of_an_unset_list_goes_after_its_default() -> None:
    form = FormModel(SCHEMA, {})
    form.add_item(("server", "hosts"))
    assert form.document() == {"server": {"hosts": ["::1", ""]}}


def test_adding_an_entry_and_removing_it_leaves_no_trace() -> None:
    form = FormModel(SCHEMA, {})
    form.add_item(("listeners",))
    form.remove_item(("listeners", 0))
    form.add_item(("env",), "A")
    form.remove_item(("env", "A"))
    assert form.document() == {}


def test_branch_is_found_by_the_value_and_keeps_what_fits_another(form: FormModel) -> None:
    form.set(("auth",), {"kind": "file", "file": "users", "realm": "home", "own": 1})
    row = form.row(("auth",))
    assert row.branches == ("Nobody", "From a file")
    assert row.branch == 1
    form.choose_branch(("auth",), 0)
    assert form.document()["auth"] == {"kind": "none", "realm": "home", "own": 1}
    form.undo()
    assert form.row(("auth",)).branch == 1
    assert form.document()["auth"]["file"] == "users"


def test_choosing_a_branch_of_an_unset_option_sets_its_constant(form: FormModel) -> None:
    form.choose_branch(("auth",), 1)
    assert form.document()["auth"] == {"kind": "file"}
    assert form.row(("auth", "file")).missing
    form.undo()
    assert "auth" not in form.document()


def test_what_is_no_real_choice_is_not_offered_as_one() -> None:
    schema = {
        "properties": {
            "null": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "plain": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "titles": {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]},
            "needs": {"type": "object", "properties": {"a": {}}, "anyOf": [{"required": ["a"]}]},
            "types": {"type": ["string", "object"], "properties": {"a": {}}},
        }
    }
    form = FormModel(schema, {})
    kinds = {row.label: (row.kind, row.nullable, row.branches) for row in form.rows()}
    assert kinds["null"] == (Kind.INT, True, ())
    assert kinds["plain"] == (Kind.TEXT, False, ())
    assert kinds["titles"] == (Kind.ENUM, False, ())
    assert kinds["needs"] == (Kind.SECTION, False, ())
    assert kinds["types"] == (Kind.TEXT, False, ("text", "section"))


def test_conditions_bring_options_and_take_them_away_but_never_a_value() -> None:
    schema = {
        "properties": {"kind": {"enum": ["file", "ldap"]}},
        "if": {"required": ["kind"], "properties": {"kind": {"const": "ldap"}}},
        "then": {"required": ["url"], "properties": {"url": {"type": "string"}}},
        "else": {"properties": {"file": {"type": "string"}}},
        "dependentRequired": {"file": ["owner"]},
        "dependentSchemas": {"file": {"properties": {"owner": {"type": "string"}}}},
    }
    form = FormModel(schema, {})
    rows = form.rows()
    assert labels(rows) == ["kind", "file"]
    form.set_text(("file",), "users")
    assert labels(rows) == ["kind", "file", "owner"]
    assert form.row(("owner",)).missing
    change = form.set_text(("kind",), "ldap")
    assert change.ok
    assert labels(rows) == ["kind", "url", "owner", "file"]
    assert form.row(("url",)).missing
    assert form.row(("file",)).unknown
    assert form.document() == {"file": "users", "kind": "ldap"}


def test_rules_that_contradict_each_other_are_edited_as_text_with_the_reason() -> None:
    schema = {"properties": {"a": {"allOf": [{"type": "string"}, {"type": "integer"}]}}}
    form = FormModel(schema, {"a": {"kept": True}})
    assert form.row(("a",)).kind is Kind.RAW
    assert any("contradict" in note for note in form.help(("a",)).notes)
    form.set_text(("a",), "kept: false")
    assert form.document() == {"a": {"kept": False}}


def test_reference_that_leads_out_is_edited_as_text_with_the_reason() -> None:
    schema = {"properties": {"a": {"$ref": "https://example.org/x.json"}}}
    form = FormModel(schema, {"a": [1]})
    assert form.row(("a",)).kind is Kind.RAW
    assert any("not part of this schema" in note for note in form.help(("a",)).notes)


def test_value_of_another_type_is_kept_and_editable_as_text() -> None:
    form = FormModel(SCHEMA, {"server": "tcp://[::]:80", "level": {"root": "info"}})
    assert form.row(("server",)).kind is Kind.RAW
    assert form.row(("server",)).text == "tcp://[::]:80"
    assert form.row(("level",)).text == '{"root": "info"}'
    form.set_text(("server",), "port: 1")
    assert form.row(("server", "port")).text == "1"


def test_recursion_goes_as_deep_as_somebody_looks() -> None:
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"value": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}},
            }
        },
    }
    form = FormModel(schema, {})
    for depth in range(1, 6):
        rows = form.rows()
        assert labels(rows)[-1] == "  " * (depth - 1) + "next"
        form.toggle(rows[-1].id)
    form.set_text(("next", "next", "next", "value"), "3")
    assert form.document() == {"next": {"next": {"next": {"value": 3}}}}


def test_search_looks_at_path_label_help_choices_and_values(form: FormModel) -> None:
    def found(text: str) -> list[str]:
        return [row.label for row in form.rows(Filter(text=text)) if not row.foldable]

    assert found("listens") == ["port"]
    assert found("debug") == ["level"]
    assert found("SERVER port") == ["port"]
    assert "timeout" in found("timeout")
    form.set_text(("name",), "Zebra")
    assert found("zebra") == ["Name"]
    assert found("nothing like it") == []


def test_filters_narrow_to_what_was_changed_is_mine_or_is_wrong(form: FormModel) -> None:
    assert len(form.rows(Filter(changed=True))) == 0
    form.set_text(("server", "port"), "0")
    form.remove_item(("env", "A"))
    assert labels(form.rows(Filter(changed=True))) == ["server", "  port", "env"]
    assert "  port" in labels(form.rows(Filter(mine=True)))
    assert labels(form.rows(Filter(invalid=True))) == ["Name", "server", "  port"]


def test_changed_compares_with_the_base() -> None:
    form = FormModel(SCHEMA, {"name": "new"}, base={"name": "old", "level": "debug"})
    changed = [row.label for row in form.rows(Filter(changed=True))]
    assert changed == ["Name", "level"]
    assert not form.dirty


def test_folding_hides_and_shows_the_rows_below(form: FormModel) -> None:
    rows = form.rows()
    server = next(row for row in rows if row.label == "server")
    before, revision = len(rows), rows.revision
    form.toggle(server.id)
    assert len(rows) == before - 3
    assert rows.revision > revision
    form.toggle(server.id)
    assert len(rows) == before


def test_reveal_unfolds_what_hides_an_option(form: FormModel) -> None:
    rows = form.rows()
    assert "timeout" not in labels(rows)
    place = rows.position(form.reveal(("server", "timeout")))
    assert place is not None
    assert rows[place].label == "timeout"


def test_advanced_options_that_are_set_are_not_folded_away() -> None:
    form = FormModel(SCHEMA, {"server": {"timeout": 60}})
    assert "    timeout" in labels(form.rows())


def test_large_form_opens_with_its_headings() -> None:
    schema = {
        "properties": {
            f"section{i}": {"properties": {f"option{j}": {} for j in range(20)}} for i in range(20)
        }
    }
    form = FormModel(schema, {"section3": {"option4": 1}})
    assert len(form.rows()) == 20 + 20


def test_help_says_everything_in_words(form: FormModel) -> None:
    known = form.help(("server", "port"))
    assert known.path == "server.port"
    assert known.type == "whole number, 1 to 65535"
    assert known.default == "8080"
    assert known.description == "Where it listens."
    assert known.notes == ("A change restarts the application.",)
    assert form.help(("server", "timeout")).default == "5400 s (1 h 30 min)"
    assert form.help(("server", "hosts")).type == "list of texts"
    assert form.help(("level",)).choices == (("debug", ""), ("info", ""))
    assert "A value is needed." in form.help(("name",)).notes


def test_written_path_is_found(form: FormModel) -> None:
    assert form.find("server.port") == ("server", "port")
    assert form.find("listeners[1].name") == ("listeners", 1, "name")
    with pytest.raises(KeyError):
        form.find("server.prot")
    assert FormModel({"properties": {"a.b": {}}}).find("a.b") == ("a.b",)


def test_dirty_follows_undo_and_saving(form: FormModel) -> None:
    assert form.undo() is None
    form.set_text(("name",), "x")
    assert form.dirty
    form.mark_saved()
    assert not form.dirty
    change = form.undo()
    assert change is not None
    assert change.label == "set name"
    assert form.dirty
    form.redo()
    assert not form.dirty
    form.undo()
    form.set_text(("name",), "y")
    form.undo()
    assert form.dirty


def test_draft_is_taken_up_with_choices_and_says_what_to_enter_again() -> None:
    document = {"password": "known"}
    form = FormModel(SCHEMA, document)
    form.set_text(("server", "port"), "81")
    form.choose_branch(("auth",), 1)
    draft = json.loads(json.dumps(form.dump()))
    assert draft["left_out"] == []
    again = FormModel(SCHEMA, document)
    again.rows()
    again.load(draft)
    assert again.document() == form.document()
    assert again.row(("auth",)).branch == 1
    again.unset(("server", "port"))
    assert "server" not in again.document()
    form.set_text(("password",), "new")
    assert form.dump()["left_out"] == ["password"]
    with pytest.raises(ValueError, match="another version"):
        again.load({"format": 99})


def test_hostile_keys_and_values_cannot_disturb_a_terminal() -> None:
    nasty = "\x1b[2J\x07\u202e\r\nx"
    form = FormModel(
        {"properties": {nasty: {"title": nasty, "description": nasty, "default": nasty}}},
        {nasty: nasty, "other" + nasty: {nasty: nasty}},
    )
    form.validate()
    for row in form.rows():
        known = form.help(row.path)
        for text in (row.label, row.text, row.problem, row.hint, known.path, known.default):
            assert text.isprintable()
        assert all(line.isprintable() for line in known.description.splitlines())


def test_looking_needs_nodes_only_for_what_is_unfolded() -> None:
    def schema(sections: int) -> dict[str, Any]:
        options = {f"option{i}": {"type": "integer"} for i in range(50)}
        return {
            "properties": {
                f"section{i}": {"type": "object", "properties": dict(options)}
                for i in range(sections)
            }
        }

    form = FormModel(schema(1000), {})
    rows = form.rows()
    _ = rows[500]
    opened = form.made
    assert opened <= 1 + 1000 + 50
    form.set_text(("section7", "option3"), "1")
    assert form.made <= opened + 50
    for i in range(0, 1000, 10):
        _ = rows[i]
    assert form.made <= opened + 50


def test_edit_makes_no_rows_but_its_own() -> None:
    schema = {"properties": {f"option{i}": {"type": "integer"} for i in range(5000)}}
    form = FormModel(schema, {})
    rows = form.rows()
    made, revision = form.made, rows.revision
    for i in range(100):
        form.set_text((f"option{i}",), "1")
    assert form.made == made
    assert rows.revision == revision


def after_using_a_form(then: str) -> subprocess.CompletedProcess[str]:
    """A new process that opens a form, draws it, and does something more."""
    code = (
        "import sys, forms\n"
        "form = forms.FormModel({'properties': {'a': {'minimum': 1}}}, {'a': 0})\n"
        "list(form.rows())\n" + then
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_forms_import_neither_engine_nor_a_user_interface() -> None:
    barred = {"textual", "rich", "engine", "tui", "rfc3987_syntax", "pydantic"}
    result = after_using_a_form(
        f"assert form.validate()\nassert not {barred} & set(sys.modules), sorted(sys.modules)"
    )
    assert result.returncode == 0, result.stderr


def test_drawing_a_form_does_not_import_the_validator() -> None:
    result = after_using_a_form("assert 'jsonschema' not in sys.modules")
    assert result.returncode == 0, result.stderr


def test_walk_ends_where_a_condition_leads_back_to_the_schema() -> None:
    schema = {
        "properties": {
            "a": {"type": "object", "if": {"required": ["x"]}, "else": {"$ref": "#"}},
            "b": {"dependentSchemas": {"x": {"$ref": "#"}}, "type": "object"},
        }
    }
    assert len(list(FormModel(schema, {}).paths())) < 20


def test_condition_within_a_condition_is_looked_at_once() -> None:
    part = {"type": "object", "dependentSchemas": {"a": {"title": "one"}}}
    schema = {
        "properties": {
            "c": {**part, "if": {"required": ["a"]}, "then": {**part, "properties": {"b": {}}}}
        }
    }
    form = FormModel(schema, {"c": {"a": 1}})
    assert "  b" in labels(form.rows())


def test_branches_that_branch_without_end_are_edited_as_text() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "object"}, {"type": "array"}]}},
    }
    form = FormModel(schema, {"a": {"x": 1}})
    assert form.row(("a",)).kind is Kind.RAW
    assert form.edit_text(("a",)) == "x: 1\n"
