"""One deployment: how to use it, its account, its configuration, what it owns, its past, its
backups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from tui.moving import move_standing
from tui.screens.backup_text import backup_rows
from tui.screens.deployment_actions import DeploymentActions
from tui.screens.deployment_facts import Facts, Listed, read_backups, read_facts
from tui.screens.deployment_text import (
    configuration_rows,
    history_rows,
    overview_rows,
    reach_rows,
    resource_rows,
    secret_rows,
)
from tui.screens.page import BACK
from tui.session import CallFailed
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width
from tui.words import deployment_sign, is_observing

SECTIONS = ("Overview", "Secrets", "Configuration", "Resources", "History", "Backups")
SHOWN_SECONDS = 20.0
"""How long a secret stays on the screen when nobody hides it."""


class DeploymentPage(DeploymentActions):
    """Sections side by side: their numbers, Left and Right, or Tab go between them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,tab", "section(1)", "Next section"),
        Binding("left,shift+tab", "section(-1)", "Section before"),
        *(
            Binding(str(number), f"show('{name}')", f"Show {name.lower()}", show=False)
            for number, name in enumerate(SECTIONS, 1)
        ),
        Binding("h", "hide", "Hide a secret that is shown"),
        Binding("g", "app.repositories", "Open the repositories that backups lie in"),
    ]

    @dataclass
    class Read(Message):
        """The deployment was read from the inventory."""

        facts: Facts

    @dataclass
    class BackupsRead(Message):
        """The repositories have listed their backups."""

        listed: Listed

    class Revealed(Message):
        """A secret was asked for. Its value is in no representation of this message."""

        def __init__(self, name: str, value: str) -> None:
            super().__init__()
            self.name = name
            self.value = value

        def __rich_repr__(self) -> Any:
            yield "name", self.name

    def __init__(self, name: str, section: str = "") -> None:
        super().__init__(name)
        self._section = section or SECTIONS[0]
        self._shown: tuple[str, str] | None = None
        self._hiding: Timer | None = None
        self._listed: Listed | None = None

    def body(self) -> ComposeResult:
        yield LineView(id="sections")
        yield RowList([Row((Span("Reading...", "muted"),))])

    def on_mount(self) -> None:
        self.title_bar(f"deployments  {self._deployment}")
        self.read()

    def on_screen_resume(self) -> None:
        if self._facts is not None:
            self.read()

    def on_screen_suspend(self) -> None:
        self.action_hide()

    def read(self) -> None:
        name = self._deployment
        self.ask(lambda homeport: read_facts(homeport, name), self.Read, "deployment")

    def on_deployment_page_read(self, found: Read) -> None:
        self._facts = found.facts
        if self._section == "Backups":
            self._list_backups()
        sign = deployment_sign(found.facts.view)
        self.title_bar(f"deployments  {self._deployment}", f"{sign.mark} {sign.word}")
        self.draw()

    def draw(self) -> None:
        facts = self._facts
        if facts is None:
            return
        self.query_one("#sections", LineView).show([self._section_line()])
        update = self.app.updates.of(facts.view.deployment)
        self.hints(*self._hints_now(facts, update is not None))
        rows = self.query_one(RowList)
        width, now = row_width(rows), self.app.clock()
        match self._section:
            case "Overview":
                lines = overview_rows(facts, update, width, now)
                rows.show_rows([*lines, *reach_rows(facts, self._root, width)])
            case "Secrets":
                rows.show_rows(secret_rows(facts.secrets, self._shown, width))
            case "Configuration":
                rows.show_rows(configuration_rows(facts.view.deployment.values, width))
            case "Resources":
                rows.show_rows(resource_rows(facts.resources, width))
            case "History":
                rows.show_rows(history_rows(facts.operations, width, now))
            case _:
                rows.show_rows(backup_rows(facts.repositories, self._listed, width, now))

    def _hints_now(self, facts: Facts, newer: bool) -> tuple[Hint, ...]:
        """What matters most first: a move that waits for a decision, then a newer release."""
        standing = move_standing(facts.view, self.app.clock())
        pending: tuple[Hint, ...] = tuple(standing.keys) if standing is not None else ()
        usual: list[Hint] = [
            ("n", "back up"),
            ("x", "destroy"),
            ("r", "health"),
            ("s", "save root"),
        ]
        if not is_observing(facts.view):  # until it is settled, nothing else can change
            upgrade: list[Hint] = [("u", "upgrade")] if newer else []
            usual = [*upgrade, ("e", "configure"), ("m", "migrate"), *usual]
        if self._section == "Backups":
            usual = [
                ("Enter", "open"),
                ("n", "back up now"),
                ("k", "schedule"),
                ("g", "repositories"),
            ]
        if self._section == "Resources":
            usual = [("d", "DNS records"), *usual]
        if self._section == "Secrets":
            usual = [("Enter", "show"), ("h", "hide"), ("p", "change passwords and keys")]
        known = {key for key, _ in pending}
        rest = [hint for hint in usual if hint[0] not in known]
        return (("1-6", "section"), *pending, *rest, BACK)

    def _list_backups(self) -> None:
        """Ask the repositories, each time the section is come to: they change by themselves."""
        facts = self._facts
        if facts is not None and facts.repositories:
            deployment = facts.view.deployment.id
            self.ask(
                lambda homeport: read_backups(homeport, deployment),
                self.BackupsRead,
                "backups",
                slowly=True,
            )

    def on_deployment_page_backups_read(self, found: BackupsRead) -> None:
        self._listed = found.listed
        if self._section == "Backups":
            self.draw()

    def _section_line(self) -> tuple[Span, ...]:
        spans = [Span(" ")]
        for number, name in enumerate(SECTIONS, 1):
            chosen = name == self._section
            text = f"[{number} {name}]" if chosen else f" {number} {name} "
            spans.append(Span(text, "strong" if chosen else "muted"))
        return tuple(spans)

    # going between sections

    def action_section(self, by: int) -> None:
        at = SECTIONS.index(self._section) + by
        self.action_show(SECTIONS[at % len(SECTIONS)])

    def action_show(self, section: str) -> None:
        if section != self._section:
            self._section = section
            self.action_hide()
            if section == "Backups":
                self._list_backups()
            self.draw()
            self.query_one(RowList).action_end(-1)

    # what a row does

    def on_row_list_chosen(self, chosen: RowList.Chosen) -> None:
        kind, name = chosen.key
        if kind == "secret":
            self._reveal_or_hide(name)
        elif kind == "operation":
            self.app.open_operation(name)
        elif kind == "configure":
            self.action_configure()
        elif kind == "backup":
            self.app.open_backup(*name)
        elif kind == "back up":
            self.action_back_up()
        elif kind == "repositories":
            self.app.action_repositories()

    def _reveal_or_hide(self, secret: str) -> None:
        if self._shown and self._shown[0] == secret:
            self.action_hide()
            return
        name = self._deployment
        self.ask(
            lambda homeport: homeport.reveal_secret(name, secret),
            lambda value: self.Revealed(secret, value),
            "secret",
        )

    def on_deployment_page_revealed(self, revealed: Revealed) -> None:
        if self._section != "Secrets" or not self.is_current:
            return
        self._shown = (revealed.name, revealed.value)
        if self._hiding is not None:
            self._hiding.stop()
        self._hiding = self.set_timer(SHOWN_SECONDS, self.action_hide)
        self.say(f"Shown for {SHOWN_SECONDS:g} seconds; h hides it now.")
        self.draw()

    def action_hide(self) -> None:
        if self._shown is not None:
            self._shown = None
            self.draw()

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        if failure.error.get("code") == "not-found" and self._facts is None:
            self.query_one(RowList).show_rows([Row((Span("It does not exist any more."),))])
