"""Filling in a form: what somebody sees and gets for the keys they press."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from textual.strip import Strip

from tests.tui.form_driving import driven
from tui.deploying import Wish
from tui.screens.deploy_form import DeployForm
from tui.screens.plan import PlanPage
from tui.screens.whole_text import WholeText
from tui.widgets.option_grid import OptionGrid

Run = Callable[[Coroutine[Any, Any, Any]], Any]
CANARY = "canary-3f9a"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "server": {
            "type": "object",
            "title": "Server",
            "additionalProperties": False,
            "dependentRequired": {"certificate": ["key"]},
            "properties": {
                "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 5232},
                "managed": {"type": "string", "default": "x", "x-managed": True},
                "debug": {"type": "boolean", "default": False},
                "level": {
                    "type": "string",
                    "enum": ["debug", "info", "warning", "error"],
                    "default": "info",
                },
                "password": {"type": "string", "x-secret": True},
                "banner": {"type": ["string", "null"], "description": "Said to who comes."},
                "certificate": {"type": "string"},
                "key": {"type": "string"},
                "rare": {"type": "integer", "default": 3, "x-advanced": True},
            },
        },
        "listeners": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
            },
        },
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "greeting": {"type": "string", "x-multiline": True},
        "limit": {
            "oneOf": [
                {"title": "Off", "const": False},
                {
                    "title": "Bounded",
                    "type": "object",
                    "properties": {"rate": {"type": "integer", "default": 9}},
                },
            ]
        },
    },
}


def many(count: int) -> dict[str, Any]:
    """Sections of fifty options."""
    option = {"type": "integer", "minimum": 0, "default": 7, "description": "How many of these."}
    section = {"type": "object", "properties": {f"option_{n:02}": option for n in range(50)}}
    return {"type": "object", "properties": {f"s{n:03}": section for n in range(count // 50)}}


# cost


@pytest.mark.parametrize("count", [50, 5000])
def test_a_cursor_move_draws_two_lines_whatever_the_size(
    run: Run, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    drawn: list[int] = []
    render = OptionGrid.render_line

    def counting(self: OptionGrid, y: int) -> Strip:
        drawn.append(y)
        return render(self, y)

    async def walk() -> None:
        async with driven(many(count)) as held:
            await held.press("right")
            await held.see("option_00")
            assert len(list(held.page.walk_children())) <= 60
            monkeypatch.setattr(OptionGrid, "render_line", counting)
            for _ in range(8):
                drawn.clear()
                await held.press("down")
                assert len(drawn) <= 2
            assert held.form.made <= 3 * 50 + count // 50 + 60

    run(walk())


# editing


def test_what_is_wrong_stands_below_the_line_while_it_is_typed(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.port")
            await held.press("enter")
            await held.type("70000")
            screen = (await held.see("65535")).splitlines()
            at = next(n for n, line in enumerate(screen) if "70000" in line)
            assert " port " in screen[at]
            assert "x must be at most 65535" in screen[at + 1]
            await held.type("80")
            assert "must be" not in held.screen
            await held.press("enter")
            assert held.form.document() == {"server": {"port": 80}}

    run(main())


def test_text_that_cannot_be_read_is_not_taken_over(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "many")
            assert held.page.editor.is_open
            assert "x must be" in held.screen
            assert held.form.document() == {}

    run(main())


def test_a_value_out_of_bounds_is_kept_and_marked(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "70000")
            await held.press("up")
            assert "x must be at most 65535" in held.line("70000")
            assert "1 to correct" in held.screen.splitlines()[0]

    run(main())


def test_esc_changes_nothing_and_what_was_typed_comes_back(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.banner")
            await held.press("enter")
            await held.type("hello")
            await held.press("escape")
            assert held.form.document() == {}
            assert "goes on with what you typed" in held.screen
            await held.press("enter")
            assert held.page.editor.text == "hello"
            await held.press("enter")
            assert held.form.document() == {"server": {"banner": "hello"}}

    run(main())


def test_enter_on_an_untouched_default_sets_nothing(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.port")
            await held.press("enter", "enter")
            assert held.form.document() == {}
            assert not held.form.dirty

    run(main())


def test_arrows_take_over_and_go_on(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.certificate")
            await held.press("enter")
            await held.type("a.pem")
            await held.press("down", "enter")
            await held.type("a.key")
            await held.press("tab")
            assert held.form.document() == {"server": {"certificate": "a.pem", "key": "a.key"}}

    run(main())


def test_a_choice_is_made_by_letter_and_page_keys_wait(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.level")
            await held.press("enter", "p")
            assert held.page.editor.is_open
            assert held.form.document() == {}
            await held.press("e", "enter")
            assert held.form.document() == {"server": {"level": "error"}}

    run(main())


def test_space_switches_and_undo_takes_it_back(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.debug")
            await held.press("space")
            assert held.form.document() == {"server": {"debug": True}}
            await held.press("u")
            assert held.form.document() == {}
            assert "Undone: set server.debug" in held.screen
            await held.press("ctrl+r")
            assert held.form.document() == {"server": {"debug": True}}
            await held.press("space", "U")
            assert held.form.document() == {"server": {"debug": False}}
            assert "nothing more" in held.screen

    run(main())


def test_null_empty_and_unset_are_different(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.banner")
            assert "(not set)" in held.line("banner")
            await held.press("z")
            assert held.form.document() == {"server": {"banner": None}}
            assert "null" in held.line("banner")
            await held.press("e")
            assert held.form.document() == {"server": {"banner": ""}}
            assert "(empty)" in held.line("banner")
            await held.press("d")
            assert held.form.document() == {}
            await held.see("(not set)")
            held.go_to("server.port")
            await held.press("z")
            assert "x null is not possible here" in held.screen

    run(main())


def test_what_homeport_sets_is_shown_and_locked(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.managed")
            for key in ("enter", "space", "d", "w"):
                await held.press(key)
                assert not held.page.editor.is_open
            await held.press("enter")
            assert "set by Homeport" in held.line("managed")
            assert "Homeport sets this one" in held.screen
            assert held.form.document() == {}

    run(main())


def test_entries_are_added_moved_copied_and_removed(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("listeners")
            await held.press("enter")
            assert "a adds one" in held.screen
            await held.press("a")
            await held.edit("listeners[0].name", "one")
            held.go_to("listeners[0]")
            await held.press("a")
            await held.edit("listeners[1].name", "two")
            held.go_to("listeners[1]")
            await held.press("[")
            assert [e["name"] for e in held.form.document()["listeners"]] == ["two", "one"]
            await held.press("[")
            assert "it is the first already" in held.screen
            await held.press("c")
            assert [e["name"] for e in held.form.document()["listeners"]] == ["two", "two", "one"]
            await held.press("d")
            assert [e["name"] for e in held.form.document()["listeners"]] == ["two", "one"]

    run(main())


def test_entries_of_a_map_get_a_name_that_is_free(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("labels")
            await held.press("a", *"red", "enter")
            await held.edit("labels.red", "warm")
            await held.press("c")
            await held.type("red")
            await held.press("enter")
            assert "x red is there already" in held.screen
            await held.type("blue")
            await held.press("enter")
            assert held.form.document() == {"labels": {"red": "warm", "blue": "warm"}}
            await held.press("k")
            await held.type("green")
            await held.press("enter")
            assert list(held.form.document()["labels"]) == ["red", "green"]
            assert held.page.grid.row.path == ("labels", "green")

    run(main())


def test_one_of_several_forms_is_chosen(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("limit")
            await held.press("b", "b", "enter")
            await held.edit("limit.rate", "20")
            assert held.form.document() == {"limit": {"rate": 20}}

    run(main())


def test_a_section_is_edited_as_text(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "81")
            held.go_to("server")
            await held.press("w")
            page = held.app.screen
            assert isinstance(page, WholeText)
            area = page.query_one("TextArea")
            assert area.text == "port: 81\n"  # type: ignore[attr-defined]
            area.text = "port: [1"  # type: ignore[attr-defined]
            await held.see("x must be YAML or JSON")
            await held.press("ctrl+s")
            assert held.app.screen is page
            area.text = "port: 82\nlevel: error\n"  # type: ignore[attr-defined]
            await held.press("ctrl+s")
            assert held.form.document() == {"server": {"port": 82, "level": "error"}}

    run(main())


def test_text_of_many_lines_that_was_left_comes_back(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("greeting")
            await held.press("enter", *"one", "enter", *"two", "escape")
            assert held.form.document() == {}
            await held.press("enter", "ctrl+s")
            assert held.form.document() == {"greeting": "one\ntwo"}

    run(main())


def test_control_characters_never_reach_the_terminal(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            for path in ("server.banner", "greeting"):
                held.form.set(held.form.find(path), "a\x1b]0;owned\x07b\n")
            held.go_to("greeting")
            await held.press("enter")
            assert "has control characters" in held.screen
            assert "\x1b" not in held.screen
            held.go_to("server.banner")
            await held.press("w", "enter")
            assert "\x1b" not in held.screen

    run(main())


# finding


def test_search_leaves_what_matches_and_esc_shows_all(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.press("/", "escape")
            assert held.page.focused is held.page.grid
            await held.press("/", *"said")
            screen = await held.see("search 'said'")
            assert "banner" in screen
            assert "level" not in screen
            assert held.page.grid.row.path == ("server", "banner")
            await held.press("down")
            assert held.page.focused is held.page.grid
            await held.press("escape")
            assert "level" in held.screen
            assert held.page.grid.row.path == ("server", "banner")

    run(main())


def test_next_goes_round_the_matches(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.press("/", *"port", "enter", "escape")
            held.go_to("server.debug")
            found = []
            for key in ("n", "f3"):
                await held.press(key)
                found.append(held.page.grid.row.path)
            assert found == [("server", "port")] * 2
            await held.press("/", "ctrl+u", *"nowhere", "enter")
            await held.see("No option matches")

    run(main())


def test_filters_show_what_is_set_and_what_is_wrong(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "70000")
            await held.edit("server.banner", "hi")
            await held.press("m")
            screen = await held.see("only what is set")
            assert "banner" in screen
            assert "level" not in screen
            await held.press("i")
            screen = await held.see("only wrong")
            assert "port" in screen
            assert "banner  " not in screen
            await held.press("escape")
            await held.see("level")

    run(main())


def test_advanced_options_are_folded_away_and_found_by_search(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            assert "rare" not in held.screen
            await held.press("/", *"rare")
            await held.see("search 'rare'")
            assert "rare  " in held.screen
            await held.press("enter", "escape")
            assert held.page.grid.row.path == ("server", "rare")

    run(main())


# checking


def test_a_section_is_checked_when_an_option_of_it_is_taken_over(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.certificate", "a.pem")
            await held.see("to correct")
            await held.edit("server.key", "a.key")
            await held.pilot.pause()
            assert "to correct" not in held.screen

    run(main())


def test_the_plan_waits_for_the_first_problem_to_be_corrected(run: Run) -> None:
    schema = {**SCHEMA, "required": ["greeting"]}

    async def main() -> None:
        async with driven(schema) as held:
            await held.press("p")
            await held.see("1 option to correct")
            assert held.page.grid.row.path == ("greeting",)
            held.form.set(("greeting",), "hi")
            await held.press("p")
            await held.see("Steps")
            assert isinstance(held.app.screen, PlanPage)

    run(main())


def test_the_whole_is_checked_a_while_after_a_change(run: Run) -> None:
    schema = {**SCHEMA, "required": ["greeting"]}

    async def main() -> None:
        async with driven(schema) as held:
            await held.edit("server.banner", "hi")
            await held.see("1 to correct")
            await held.press("g")
            assert held.page.grid.row.path == ("greeting",)

    run(main())


# secrets and drafts


def test_a_secret_is_hidden_while_typed_and_never_in_a_draft(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.password")
            await held.press("enter", *CANARY)
            assert CANARY not in held.screen
            await held.press("enter")
            assert held.line("password").split()[-1] == "set"
            await held.press("h")
            assert CANARY not in held.screen
            await held.press("escape", "/", *CANARY)
            assert held.page.grid.line_count == 0
            await held.press("escape", "w", "escape")
            assert held.form.document() == {"server": {"password": CANARY}}
            await held.press("escape")
            assert held.engine.drafts
            assert CANARY not in str(held.engine.drafts)

    run(main())


def test_a_draft_comes_back_and_says_what_it_left_out(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "81")
            await held.edit("server.password", CANARY)
            await held.press("escape")
            draft = held.engine.drafts["deploy:radicale"]
            await held.open(Wish.from_draft(draft))
            assert "Type again: server.password" in held.screen
            assert held.form.document() == {"server": {"port": 81}}
            await held.press("x", "down", "x")
            assert held.form.document() == {"server": {"port": 81}}
            await held.press("x")
            await held.see("Nothing of it is kept")
            assert held.form.document() == {}
            assert not held.engine.drafts

    run(main())


def test_leaving_homeport_keeps_the_draft_first(run: Run) -> None:
    async def main() -> tuple[Any, str | None]:
        async with driven(SCHEMA) as held:
            await held.edit("server.port", "81")
            await held.press("q")
            await held.pilot.pause()
            return held.engine.drafts, held.app.return_value

    drafts, farewell = run(main())
    assert drafts["deploy:radicale"]["form"]["document"] == {"server": {"port": 81}}
    assert "kept as a draft" in farewell


def test_a_draft_that_cannot_be_kept_is_said_and_leaving_is_possible(run: Run) -> None:
    def refuse(key: str, document: Any) -> None:
        raise OSError("no space left")

    async def main() -> str | None:
        async with driven(SCHEMA) as held:
            held.engine.save_draft = refuse  # type: ignore[method-assign, assignment]
            await held.edit("server.port", "81")
            await held.press("q")
            await held.see("no space left")
            assert held.form.document() == {"server": {"port": 81}}
            await held.press("q")
            await held.pilot.pause()
            return held.app.return_value

    assert "draft" not in (run(main()) or "")


def test_options_that_cannot_be_read_are_explained(run: Run) -> None:
    from engine.errors import NotFound

    def refuse(application: str, release: str | None = None) -> dict[str, Any]:
        raise NotFound("there is no such release", do="Choose the application again.")

    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.engine.options_schema = refuse  # type: ignore[method-assign]
            held.app.push_screen(DeployForm(Wish("radicale", "0.1")))
            screen = await held.see("there is no such release")
            assert "Choose the application again." in screen
            await held.press("p", "enter", "d", "f", "g", "escape")
            assert held.page.form is not None

    run(main())


# help and sizes


def test_help_says_what_an_option_may_be(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA) as held:
            held.go_to("server.port")
            screen = await held.see("whole number, 1 to 65535")
            assert "default" in screen
            await held.press("h")
            await held.see("whole number, 1 to 65535")
            await held.press("escape")
            assert held.page.grid.row.path == ("server", "port")

    run(main())


def test_a_wide_terminal_has_the_help_on_the_right(run: Run) -> None:
    async def main() -> None:
        async with driven(SCHEMA, size=(160, 50)) as held:
            held.go_to("server.port")
            await held.see("server.port")
            assert held.line("server.port").index("server.port") > 90

    run(main())
