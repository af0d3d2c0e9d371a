"""Filling in without a screen: answers given beforehand, and prompts line by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from forms import FormModel
from forms.answers import apply_answers, read_answers
from forms.files import FileTrouble
from forms.plain import Dialogue

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2},
        "port": {"type": ["integer", "null"], "default": 80, "maximum": 65535},
        "mode": {"enum": ["tcp", "http"]},
        "secret": {"type": "string", "writeOnly": True},
        "note": {},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "hosts": {
            "type": "array",
            "items": {"type": "object", "properties": {"at": {"type": "string"}}},
        },
        "auth": {
            "oneOf": [
                {"properties": {"kind": {"const": "basic"}, "user": {"type": "string"}}},
                {"properties": {"kind": {"const": "token"}, "file": {"type": "string"}}},
            ],
            "type": "object",
            "required": ["kind"],
        },
    },
}


def form_of(document: Any = None) -> FormModel:
    return FormModel(SCHEMA, document or {}, closed=False, assume_defaults=False, show_root=True)


def test_lines_are_read_as_if_they_were_typed() -> None:
    form = form_of({"mode": "tcp"})
    text = """
    # a comment
    name = a = b
    port = null
    mode =
    labels."a.b" = x
    hosts[0].at = here
    hosts[1].at = there
    auth.kind = token
    auth.file = /etc/t
    """
    assert apply_answers(form, read_answers(text)) == []
    assert form.document() == {
        "name": "a = b",
        "port": None,
        "labels": {"a.b": "x"},
        "hosts": [{"at": "here"}, {"at": "there"}],
        "auth": {"kind": "token", "file": "/etc/t"},
    }


def test_a_mapping_of_paths_is_taken_as_it_is() -> None:
    form = form_of()
    answers = read_answers('name: front\n"hosts[0].at": here\nnote: [1, {"x": null}]\n')
    assert apply_answers(form, answers) == []
    assert form.document() == {
        "name": "front",
        "hosts": [{"at": "here"}],
        "note": [1, {"x": None}],
    }


def test_answers_that_do_not_apply_are_told_and_leave_no_trace() -> None:
    form = form_of()
    refused = apply_answers(
        form, read_answers("zone = 1\nport = many\nhosts[0].port = 5\nhosts[7].at = x\nname = ok")
    )
    assert [(one.place, one.path) for one in refused] == [
        ("line 1", "zone"),
        ("line 2", "port"),
        ("line 3", "hosts[0].port"),
        ("line 4", "hosts[7].at"),
    ]
    assert form.document() == {"name": "ok"}


def test_what_is_no_answer_says_its_line() -> None:
    with pytest.raises(FileTrouble, match="line 2"):
        read_answers("name = x\nport\n")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOMEPORT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "v.yaml").write_text("# mine\nname: front  # the first\n")
    return tmp_path


def test_command_writes_answers_into_the_file(files: Path) -> None:
    (files / "a.txt").write_text("port = 8080\n")
    assert main(["form", "s.json", "v.yaml", "--answers", "a.txt"]) == 0
    assert (files / "v.yaml").read_text() == "# mine\nname: front  # the first\nport: 8080\n"


def test_command_writes_nothing_where_one_answer_is_wrong(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "a.txt").write_text("port = 99999\nzone = 1\n")
    assert main(["form", "s.json", "v.yaml", "--answers", "a.txt"]) == 2
    said = capsys.readouterr().err
    assert "line 2: zone: there is no such option" in said
    assert "port: must be at most 65535" in said
    assert (files / "v.yaml").read_text() == "# mine\nname: front  # the first\n"
    assert main(["form", "s.json", "v.yaml", "--answers", "a.txt", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["refused"][0]["option"] == "zone"
    assert told["problems"][0]["option"] == "port"


def test_command_without_a_file_prints_the_document(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "a.txt").write_text("name = front\n")
    assert main(["form", "s.json", "--answers", "a.txt", "--format", "toml"]) == 0
    assert capsys.readouterr().out == 'name = "front"\n'


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["no.json"], 4, "the schema is not there"),
        (["s.json", "no/v.yaml"], 6, "there is no directory"),
        (["s.json", "bad.yaml"], 2, "line 2"),
        (["s.json", "no.yaml", "-o", "x.yaml"], 4, "the values are not there"),
    ],
)
def test_what_cannot_be_opened_is_said_in_words(
    files: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    said: str,
) -> None:
    (files / "bad.yaml").write_text("a: [1\n")
    (files / "a.txt").write_text("name = front\n")
    assert main(["form", *arguments, "--answers", "a.txt"]) == status
    assert said in capsys.readouterr().err


def test_output_that_is_there_is_filled_in_further_and_not_begun_anew(files: Path) -> None:
    (files / "a.txt").write_text("port = 8080\n")
    assert main(["form", "s.json", "-o", "v.yaml", "--answers", "a.txt"]) == 0
    assert (files / "v.yaml").read_text() == "# mine\nname: front  # the first\nport: 8080\n"


def test_schema_may_refer_to_files_beside_it(files: Path) -> None:
    (files / "s.json").write_text(
        json.dumps({"properties": {"a": {"$ref": "more/b.yaml#/$defs/small"}}})
    )
    (files / "more").mkdir()
    (files / "more" / "b.yaml").write_text("$defs: {small: {type: integer, maximum: 5}}\n")
    (files / "a.txt").write_text("a = 6\n")
    assert main(["form", "s.json", "--answers", "a.txt"]) == 2
    (files / "a.txt").write_text("a = 5\n")
    assert main(["form", "s.json", "--answers", "a.txt"]) == 0


# prompts


class Typed:
    """A dialogue with somebody who types these lines."""

    def __init__(self, form: FormModel, *lines: str, page: int = 30) -> None:
        self.said: list[str] = []
        self.saved: list[Any] = []
        self._lines = iter(lines)

        def read(prompt: str, secret: bool) -> str:
            try:
                return next(self._lines)
            except StopIteration:
                raise EOFError from None

        def save(name: str) -> str:
            self.saved.append(form.document())
            form.mark_saved()
            return "Written."

        self.done = Dialogue(form, read, self.said.append, save, page).run()

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def test_everything_can_be_edited_by_prompts() -> None:
    form = form_of()
    typed = Typed(
        form,
        *("s name front", "s port", "8080", "s mode", "2", "a hosts", "s hosts[0].at here"),
        *("a hosts", "s hosts[1].at there", "m hosts[1] 1", "c hosts[0]", "d hosts[2]"),
        *("a labels k", "s labels.k v", "k labels.k kk", "s auth.kind token", "z port", "u"),
        *("t note", "[1,", " 2]", ".", "s secret", "hush", "w", "q"),
    )
    assert typed.done
    assert typed.saved == [
        {
            "name": "front",
            "port": 8080,
            "mode": "http",
            "hosts": [{"at": "there"}, {"at": "there"}],
            "labels": {"kk": "v"},
            "auth": {"kind": "token"},
            "note": [1, 2],
            "secret": "hush",
        }
    ]
    assert "hush" not in typed.text


def test_prompts_say_what_is_wrong_and_write_nothing() -> None:
    typed = Typed(form_of(), "s name x", "w", "zz", "99", "s nothing 1", "q", "y")
    assert "x name must have at least 2 characters" in typed.text
    assert "nothing was written" in typed.text
    assert "There is no command 'zz'" in typed.text
    assert "there is no row 99" in typed.text
    assert "There is no such option." in typed.text
    assert typed.saved == []
    assert not typed.done


def test_prompts_search_filter_and_page() -> None:
    typed = Typed(form_of({"name": "front"}), "/ labels", "f mine", "f all", "n", "q", page=3)
    assert "labels: (unset)" in typed.text
    assert "name: front  <set>" in typed.text
    assert "n goes on" in typed.text
    assert typed.done


def test_nobody_answering_ends_it() -> None:
    typed = Typed(form_of(), "s name front")
    assert not typed.done
    assert "not written" in typed.text
