"""`homeport form` full screen: a schema and a file of one's own, driven by keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.filling import Filling
from tests.tui.terminal import Terminal, python
from tui.form_app import FormApp
from tui.screens.fill import FillPage
from tui.screenshots.scenes import screen_text, seen, settled

Run = Callable[[Coroutine[Any, Any, Any]], Any]
SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Proxy",
    "type": "object",
    "required": ["name", "mode"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "description": "What it is called."},
        "mode": {"enum": ["tcp", "http"], "default": "http"},
        "port": {"type": ["integer", "null"], "minimum": 1, "maximum": 65535, "default": 80},
        "token": {"type": "string", "writeOnly": True},
        "old": {"type": "string", "deprecated": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
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
YAML = "# mine\nname: front   # the first\nmode: tcp\n"
ENTRY = (
    "import sys; from tui.entry import main; "
    "sys.argv = ['homeport', 'form', *sys.argv[1:]]; sys.exit(main())"
)


class Driven:
    def __init__(self, app: FormApp, pilot: Pilot[str]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def page(self) -> FillPage:
        page = self.app.screen
        assert isinstance(page, FillPage), page
        return page

    @property
    def form(self) -> Any:
        assert self.page.form is not None
        return self.page.form

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def set(self, path: str, text: str) -> None:
        self.page.go_to(self.form.find(path))
        await self.press("enter", "ctrl+u", *text, "enter")

    async def see(self, text: str) -> str:
        await seen(self.pilot, text)
        await settled(self.pilot)
        return screen_text(self.app)


@asynccontextmanager
async def filled(
    where: Path, values: str = "", size: tuple[int, int] = (80, 24), **files: str
) -> AsyncIterator[Driven]:
    """The form of SCHEMA on the document of that name, with these files beside it."""
    schema = where / "proxy.schema.json"
    schema.write_text(json.dumps(SCHEMA))
    for name, text in files.items():
        (where / name.replace("_", ".")).write_text(text)

    def opener() -> Filling:
        return Filling(str(schema), str(where / values) if values else "", drafts=where / "drafts")

    app = FormApp(opener, values or schema.name, proposal=str(where / "proxy.yaml"))
    async with app.run_test(size=size) as pilot:
        held = Driven(app, pilot)
        await held.see("rows")
        yield held


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return tmp_path


def test_a_change_is_written_and_the_rest_of_the_file_stays(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            await held.set("port", "8080")
            await held.press("s")
            await held.see("Written to")
            assert (where / "a.yaml").read_text() == YAML + "port: 8080\n"
            await held.press("q")
        assert held.app.return_value is not None
        assert "written to" in held.app.return_value
        assert not list((where / "drafts").glob("*"))

    run(main())


def test_what_is_wrong_is_not_written_and_the_cursor_goes_there(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            await held.set("name", "x")
            await held.press("s")
            screen = await held.see("before it can be written")
            assert "> x   name" in screen
            assert "x 1 to correct" in screen.splitlines()[1]
            assert (where / "a.yaml").read_text() == YAML

    run(main())


def test_four_absences_are_told_apart_on_screen_and_in_the_file(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            screen = await held.see("labels")
            assert "port                      80" in screen
            assert "labels                    (not set)" in screen
            held.page.go_to(("port",))
            await held.press("z")
            held.page.go_to(("labels",))
            await held.press("e")
            screen = await held.see("labels                    {}")
            assert "port                      null" in screen
            await held.press("s")
            await held.see("Written to")
            assert (where / "a.yaml").read_text() == YAML + "port: null\nlabels: {}\n"

    run(main())


def test_a_new_document_asks_for_its_file(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where) as held:
            await held.set("name", "front")
            await held.press("D")
            await held.press("s")
            await held.see("Save the document as")
            await held.press("enter")
            await held.see("Written to")
            assert (where / "proxy.yaml").read_text() == "name: front\nmode: http\n"

    run(main())


def test_somebody_elses_change_is_said_and_kept(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            await held.set("port", "8080")
            (where / "a.yaml").write_text("name: theirs\nmode: tcp\n")
            await held.press("s")
            await held.see("Somebody else has changed the file")
            assert (where / "a.yaml").read_text() == "name: theirs\nmode: tcp\n"
            await held.press("s")
            await held.see("Written to")
            assert "8080" in (where / "a.yaml").read_text()
            assert (where / "a.yaml.theirs").read_text() == "name: theirs\nmode: tcp\n"

    run(main())


def test_what_was_not_written_is_a_draft_without_its_secrets(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            await held.set("port", "8080")
            await held.set("token", "canary-17")
            await held.press("escape")
        assert held.app.return_value is not None
        assert "kept as a draft" in held.app.return_value
        kept = [file.read_text() for file in (where / "drafts").glob("*.json")]
        assert kept
        assert "canary-17" not in "".join(kept)
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            screen = await held.see("This is your draft. Type again: token")
            assert "8080" in screen
            await held.press("x", "x")
            await held.see("Nothing of it is kept")
            assert held.form.document() == {"name": "front", "mode": "tcp"}

    run(main())


def test_the_constant_that_tells_forms_apart_chooses_the_form(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            held.page.go_to(("auth", "kind"))
            await held.press("enter")
            assert "token" in await held.see("basic")
            await held.press("t", "enter")
            screen = await held.see("file")
            assert "user" not in screen
            assert held.form.document()["auth"] == {"kind": "token"}

    run(main())


def test_path_and_value_are_copied_and_shown(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            held.page.go_to(("name",))
            await held.press("y")
            await held.see("Copied: front")
            assert held.app.clipboard == "front"
            await held.press("Y")
            await held.see("Copied: name")
            held.page.go_to(("token",))
            await held.press("y")
            await held.see("A secret is not copied")

    run(main())


def test_advanced_options_can_be_all_that_is_seen(run: Run, where: Path) -> None:
    async def main() -> None:
        async with filled(where, "a.yaml", a_yaml=YAML) as held:
            await held.press(*"ffff")
            screen = await held.see("only advanced")
            assert "old" in screen
            assert " mode " not in screen

    run(main())


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_form_of_a_file_looks_right(
    run: Run, where: Path, size: tuple[int, int], golden: Callable[[str, str], None]
) -> None:
    async def main() -> str:
        async with filled(where, "a.yaml", size, a_yaml=YAML) as held:
            held.page.go_to(("port",))
            return await held.see("whole number")

    golden(f"{size[0]}x{size[1]}/form-command", run(main()))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "the schema cannot be read"),
        ("[]", "this is no JSON Schema"),
        ('{"$schema": "http://json-schema.org/draft-03/schema#"}', "draft 4 is needed"),
    ],
)
def test_a_schema_that_is_none_ends_in_words(tmp_path: Path, schema: str, said: str) -> None:
    file = tmp_path / "s.json"
    file.write_text(schema)
    environ = {"HOMEPORT_HOME": str(tmp_path)}
    with Terminal(python("-c", ENTRY, str(file)), environ=environ) as terminal:
        assert terminal.wait() == 2
        assert said in bytes(terminal.output).rpartition(b"\x1b[?1049l")[2].decode()


def test_a_dumb_terminal_gets_prompts(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(json.dumps(SCHEMA))
    environ = {"HOMEPORT_HOME": str(tmp_path)}
    with Terminal(python("-c", ENTRY, str(file)), environ=environ, term="dumb") as terminal:
        terminal.until(lambda output: b"? lists the commands" in output)
        terminal.send("q\n")
        assert terminal.wait() == 0
        assert b"\x1b[" not in bytes(terminal.output)


def test_keys_that_come_at_once_go_where_they_were_meant_to(tmp_path: Path) -> None:
    file, values = tmp_path / "s.json", tmp_path / "v.yaml"
    file.write_text(json.dumps(SCHEMA))
    values.write_text(YAML)
    environ = {"HOMEPORT_HOME": str(tmp_path)}
    argv = python("-c", ENTRY, str(file), str(values))
    with Terminal(argv, environ=environ) as terminal:
        terminal.until(lambda output: b"rows" in output)
        terminal.settle()
        assert b"search 'dsez'" in terminal.press("/dsez")
        terminal.press("\x1b")
        terminal.settle()
        terminal.press("/port\r")
        terminal.press("\r\x158080\r")
        terminal.press("s")
        terminal.settle()
    assert values.read_text() == YAML + "port: 8080\n"
