"""Documents in files: what changes is what was meant to, and nothing else of the text."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.files import FileOnDisk, FileTrouble, Format, format_of, new_text, read, rewritten
from forms.files.disk import ChangedMeanwhile

YAML = """\
# My configuration

server:
    port: 80   # the port
    host: "a.example"

# Logging
log:   # where to
  - name: x   # first
    level: info

  # the second
  - name: y
    level: debug
common: &common {a: 1, b: 2}
use: *common
more:
    <<: *common
    c: 3
text: |
  hello
    world

last: ~
"""
TOML = """\
# about
title = "x"   # the title
when = 1979-05-27T07:32:00Z

[server]
port = 80  # p

[[item]]
n = 1
# two
[[item]]
n = 2
"""
JSON = """\
{
  // said by somebody
  "a": 1,
  "list": [1, 2, /* two */],
  "o": {"x": 1}
}
"""
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
odd = st.sampled_from(["on", "12", "", "x: y", "# h", "a\nb\n", "  lead", "- d", "{", "null", "~"])
keys = texts.filter(bool) | odd.filter(lambda text: "\n" not in text)


def values(plain: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        plain | st.booleans() | st.integers(-999, 999) | texts | odd,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=12,
    )


def changed_lines(text: str, form: Format, after: Any) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    made = rewritten(text, form, after)
    assert made.kept
    assert read(made.text, form) == after
    old, new = text.splitlines(), made.text.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("text", "form"), [(YAML, Format.YAML), (TOML, Format.TOML), (JSON, Format.JSON)]
)
def test_untouched_document_keeps_its_very_text(text: str, form: Format) -> None:
    assert rewritten(text, form, read(text, form)).text == text


def test_one_value_of_yaml_is_one_line() -> None:
    value = read(YAML, Format.YAML)
    value["server"]["port"] = 8080
    gone, come = changed_lines(YAML, Format.YAML, value)
    assert (gone, come) == (["    port: 80   # the port"], ["    port: 8080   # the port"])


def test_new_option_of_yaml_stands_in_its_section_and_not_behind_the_next_ones_comment() -> None:
    value = read(YAML, Format.YAML)
    value["server"]["tls"] = {"on": True, "names": ["a"]}
    made = rewritten(YAML, Format.YAML, value).text
    assert made.partition("# Logging")[0].endswith(
        "    host: \"a.example\"\n    tls:\n        'on': true\n        names:\n            - a\n\n"
    )


def test_moved_entry_of_yaml_takes_its_comment_along() -> None:
    value = read(YAML, Format.YAML)
    value["log"].reverse()
    made = rewritten(YAML, Format.YAML, value).text
    assert read(made, Format.YAML) == value
    assert "name: x   # first" in made


def test_removed_section_leaves_the_comment_of_the_next() -> None:
    value = read(YAML, Format.YAML)
    del value["server"]
    made = rewritten(YAML, Format.YAML, value).text
    assert "# Logging\nlog:   # where to\n" in made


def test_changing_what_an_alias_names_changes_nothing_that_was_said_by_it() -> None:
    value = read(YAML, Format.YAML)
    assert value["use"] == {"a": 1, "b": 2}
    assert value["more"] == {"c": 3, "a": 1, "b": 2}
    value["common"]["a"] = 5
    made = rewritten(YAML, Format.YAML, value)
    assert made.kept
    assert "# the second" in made.text
    assert read(made.text, Format.YAML) == value


COMPOSE = """\
x-common: &common
  restart: always   # on reboot too

services:
  web:
    <<: *common
    image: nginx:1.27   # pinned
    ports: &ports
      - "80:80"
      - 8443:443
  db:
    <<: *common
    image: postgres:16
"""


def test_options_beside_a_merge_key_change_their_own_lines_only() -> None:
    value = read(COMPOSE, Format.YAML)
    value["services"]["web"]["image"] = "nginx:1.28"
    value["services"]["web"]["command"] = ["run"]
    value["services"]["web"]["ports"].append("81:81")
    gone, come = changed_lines(COMPOSE, Format.YAML, value)
    assert gone == ["    image: nginx:1.27   # pinned"]
    assert come == [
        "    image: nginx:1.28   # pinned",
        "      - 81:81",
        "    command:",
        "      - run",
    ]


def test_what_a_merge_key_brings_is_written_out_where_it_is_taken_away() -> None:
    value = read(COMPOSE, Format.YAML)
    del value["services"]["db"]["restart"]
    made = rewritten(COMPOSE, Format.YAML, value)
    assert read(made.text, Format.YAML) == value
    assert "  restart: always   # on reboot too\n" in made.text
    assert "    image: postgres:16\n" in made.text
    assert "    image: nginx:1.27   # pinned\n" in made.text


def test_toml_keeps_comments_dates_and_places() -> None:
    value = read(TOML, Format.TOML)
    assert value["when"] == "1979-05-27T07:32:00Z"
    value["server"]["port"] = 81
    value["item"].append({"n": 3})
    made = rewritten(TOML, Format.TOML, value).text
    assert "port = 81  # p\n" in made
    assert "when = 1979-05-27T07:32:00Z\n" in made
    assert "# two\n" in made


def test_json_with_comments_is_read_and_keeps_them() -> None:
    value = read(JSON, Format.JSON)
    value["a"] = 2
    value["o"]["z"] = [1]
    made = rewritten(JSON, Format.JSON, value).text
    assert '  // said by somebody\n  "a": 2,\n' in made
    assert "/* two */" in made


@pytest.mark.parametrize("indent", [None, 2, 4, "\t"])
def test_json_keeps_the_indentation_that_it_has(indent: Any) -> None:
    value = {"a": 1, "b": {"c": ["é", 2]}}
    text = json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
    after = {**value, "d": [{}]}
    expected = json.dumps(after, indent=indent, ensure_ascii=False) + "\n"
    assert rewritten(text, Format.JSON, after).text == expected


@given(value=values(st.none()), form=st.sampled_from([Format.JSON, Format.YAML]))
def test_what_is_written_is_read_back(value: Any, form: Format) -> None:
    assert read(new_text(value, form), form) == value


@given(value=st.dictionaries(keys, values(st.integers()), max_size=4))
def test_toml_that_is_written_is_read_back(value: Any) -> None:
    assert read(new_text(value, Format.TOML), Format.TOML) == value


@given(
    before=st.dictionaries(keys, values(st.integers()), min_size=1, max_size=4),
    after=st.dictionaries(keys, values(st.integers()), max_size=4),
    form=st.sampled_from(Format),
    data=st.data(),
)
def test_changed_text_says_what_was_wanted(
    before: Any, after: Any, form: Format, data: st.DataObject
) -> None:
    mixed = copy.deepcopy(before)
    for key, value in after.items():
        if data.draw(st.booleans()):
            mixed[key] = value
    for key in list(before):
        if data.draw(st.integers(0, 3)) == 0:
            del mixed[key]
    text = "# a comment\n" * (form is not Format.JSON) + new_text(before, form)
    made = rewritten(text, form, mixed)
    assert read(made.text, form) == mixed
    if made.kept and form is not Format.JSON:
        assert made.text.startswith("# a comment\n")


@pytest.mark.parametrize(
    ("text", "form", "said"),
    [
        ("a: [1", Format.YAML, "line"),
        ("a: 1\n---\nb: 2\n", Format.YAML, "another document"),
        ("a: 1\na: 2\n", Format.YAML, "there twice"),
        ("a: &x [*x]\n", Format.YAML, "holds itself|nothing is called"),
        ('{"a": 1,, "b": 2}', Format.JSON, "line 1"),
        ('{"a": NaN}', Format.JSON, "NaN"),
        ("a = \n", Format.TOML, "line 1"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, form: Format, said: str) -> None:
    with pytest.raises(FileTrouble, match=said):
        read(text, form)


def test_null_in_toml_is_said_and_not_worked_around() -> None:
    with pytest.raises(FileTrouble, match=r"server\.port is null"):
        rewritten(TOML, Format.TOML, {"server": {"port": None}})


def test_formats_are_told_by_name_or_else_by_content() -> None:
    assert format_of("a.yml") is Format.YAML
    assert format_of("x/tsconfig.json") is Format.JSON
    assert format_of("pyproject.toml") is Format.TOML
    assert format_of("config", "{}") is Format.JSON
    assert format_of("config", "a: 1") is Format.YAML
    assert format_of("config") is None


def test_writing_keeps_mode_and_link(tmp_path: Path) -> None:
    target = tmp_path / "real.yaml"
    target.write_text("a: 1\n")
    target.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(target)
    file = FileOnDisk(link)
    file.write("a: 2\n")
    assert link.is_symlink()
    assert target.read_text() == "a: 2\n"
    assert target.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


def test_new_file_with_secrets_is_for_its_owner_only(tmp_path: Path) -> None:
    FileOnDisk(tmp_path / "new.json").write("{}", private=True)
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o600


def test_file_that_somebody_else_wrote_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("1")
    file = FileOnDisk(path)
    path.write_text("2")
    with pytest.raises(ChangedMeanwhile):
        file.write("3")
    assert path.read_text() == "2"
    file.write("3", over=True)
    file.write("4")
    assert path.read_text() == "4"


def test_write_protected_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("1")
    path.chmod(0o400)
    with pytest.raises(FileTrouble, match="write-protected"):
        FileOnDisk(path).write("2")


def test_place_that_is_not_there_is_said_before_anything_is_typed(tmp_path: Path) -> None:
    assert "no directory" in FileOnDisk(tmp_path / "no" / "a.json").why_not_writable()
    with pytest.raises(FileTrouble, match="directory"):
        FileOnDisk(tmp_path)


def test_file_as_it_was_can_be_kept_beside(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("old")
    file = FileOnDisk(path)
    assert file.keep_as("orig").read_text() == "old"
    assert file.keep_as("orig").name == "a.yaml.orig1"
