"""One deployment: how to use it, its account, its configuration, what it owns, its past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from tui.screens.deployment_text import (
    configuration_rows,
    history_rows,
    last_upgrade,
    overview_rows,
    reach_rows,
    resource_rows,
    secret_rows,
)
from tui.screens.page import BACK, Page
from tui.session import CallFailed
from tui.text import Span
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.rows import Row, RowList, row_width
from tui.words import HEALTH, deployment_sign

if TYPE_CHECKING:
    from engine.homeport import DeploymentView, Homeport
    from engine.model.deployment import Resource
    from engine.model.plan import Operation
    from engine.public import PublicEndpoint

SECTIONS = ("Overview", "Secrets", "Configuration", "Resources", "History")
SHOWN_SECONDS = 20.0
"""How long a secret stays on the screen when nobody hides it."""


@dataclass(frozen=True)
class Facts:
    """All that the page shows of a deployment. Secrets by name only."""

    view: DeploymentView
    secrets: Sequence[str]
    resources: Sequence[Resource]
    operations: Sequence[Operation]
    endpoint: PublicEndpoint | None
    """None while the provider cannot be opened."""


class DeploymentPage(Page):
    """Sections side by side: their numbers, Left and Right, or Tab go between them."""

    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("1-5", "section"),
        ("e", "configure"),
        ("r", "health"),
        ("s", "save root"),
        ("x", "destroy"),
        BACK,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,tab", "section(1)", "Next section"),
        Binding("left,shift+tab", "section(-1)", "Section before"),
        *(
            Binding(str(number), f"show('{name}')", f"Show {name.lower()}", show=False)
            for number, name in enumerate(SECTIONS, 1)
        ),
        Binding("e", "configure", "Change the configuration"),
        Binding("u", "upgrade", "Review the upgrade to the newest release"),
        Binding("w", "watch", "Watch a colleague review the upgrade; decides nothing"),
        Binding("b", "roll_back", "Take the last upgrade back, data included: read the plan first"),
        Binding("r", "check_health", "Check the health now"),
        Binding("x", "destroy", "Destroy the deployment: read the plan first"),
        Binding("s", "save_root", "Save the root certificate of the authority to a file"),
        Binding("h", "hide", "Hide a secret that is shown"),
    ]

    @dataclass
    class Read(Message):
        """The deployment was read from the inventory."""

        facts: Facts

    @dataclass
    class HealthRead(Message):
        report: Any

    @dataclass
    class Saved(Message):
        """The authority's root certificate is in this file."""

        file: str

    class Revealed(Message):
        """A secret was asked for. Its value is in no representation of this message."""

        def __init__(self, name: str, value: str) -> None:
            super().__init__()
            self.name = name
            self.value = value

        def __rich_repr__(self) -> Any:
            yield "name", self.name

    def __init__(self, name: str) -> None:
        super().__init__()
        self._deployment = name
        self._section = SECTIONS[0]
        self._facts: Facts | None = None
        self._shown: tuple[str, str] | None = None
        self._hiding: Timer | None = None
        self._root = ""

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
        sign = deployment_sign(found.facts.view)
        self.title_bar(f"deployments  {self._deployment}", f"{sign.mark} {sign.word}")
        self.draw()

    def draw(self) -> None:
        facts = self._facts
        if facts is None:
            return
        self.query_one("#sections", LineView).show([self._section_line()])
        update = self.app.updates.of(facts.view.deployment)
        upgrade = (("u", "upgrade"),) if update else ()
        self.hints(*self.HINTS[:1], *upgrade, *self.HINTS[1:])
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
            case _:
                rows.show_rows(history_rows(facts.operations, width, now))

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

    # what can be done with the deployment

    def action_check_health(self) -> None:
        name = self._deployment
        self.say(f"asking {name} by its public name")
        self.ask(
            lambda homeport: homeport.check_health(name), self.HealthRead, "health", slowly=True
        )

    def on_deployment_page_health_read(self, found: HealthRead) -> None:
        report = found.report
        sign = HEALTH[report.health.value]
        detail = f": {report.detail}" if report.detail else ""
        self.say(f"{sign.mark} {sign.word}{detail}", sign.role)
        self.read()

    def action_configure(self) -> None:
        if self._free():
            from tui.screens.configure import ConfigurePage

            self.app.push_screen(ConfigurePage(self._deployment))

    def action_upgrade(self) -> None:
        if self._free() and self._facts is not None:
            of = self._facts.view.deployment
            if self.app.updates.knows([of]) and not self.app.updates.of(of):
                self.say("= It runs the newest release in the catalog.", "good")
            else:
                self.app.open_upgrade(self._deployment)

    def action_watch(self) -> None:
        self.app.watch_upgrade(self._deployment)

    def action_roll_back(self) -> None:
        if self._free() and self._facts is not None:
            from tui.screens.plan import PlanPage

            if last_upgrade(self._facts.operations) is None:
                self.say("There is no upgrade to take back.")
                return
            name = self._deployment
            self.app.push_screen(
                PlanPage(
                    f"take the upgrade of {name} back",
                    lambda homeport: homeport.plan_rollback(name),
                )
            )

    def action_save_root(self) -> None:
        facts = self._facts
        if facts is None:
            return
        if facts.endpoint is None or facts.endpoint.trust_anchors is None:
            self.say("There is nothing to save: its certificate is trusted everywhere.")
            return
        from tui.screens.save_as import SaveAs

        proposal = f"{facts.view.deployment.provider}-root.pem"
        self.app.push_screen(SaveAs("the authority's root certificate", proposal), self._save_root)

    def _save_root(self, file: str | None) -> None:
        if file and self._facts and self._facts.endpoint:
            from tui.screens.save_as import write_new

            pem = self._facts.endpoint.trust_anchors or b""
            self.ask(lambda _: write_new(file, pem), self.Saved, "save")

    def on_deployment_page_saved(self, saved: Saved) -> None:
        self._root = saved.file
        self.say(f"+ The root certificate is in {saved.file}", "good")
        self.draw()

    def action_destroy(self) -> None:
        if self._free():
            from tui.screens.plan import PlanPage

            name = self._deployment
            self.app.push_screen(
                PlanPage(
                    f"destroy {name}", lambda homeport: homeport.plan_destroy(name), confirm=name
                )
            )

    def _free(self) -> bool:
        """False, with a message, while another operation holds the deployment."""
        if self._facts is None:
            return False
        if run := self._facts.view.operation:
            self.say(f"! {run.plan.intent.value} is running; 5 shows it in the history.", "warn")
            return False
        return True

    def failed(self, failure: CallFailed) -> None:
        super().failed(failure)
        if failure.error.get("code") == "not-found" and self._facts is None:
            self.query_one(RowList).show_rows([Row((Span("It does not exist any more."),))])


def read_facts(homeport: Homeport, name: str) -> Facts:
    """All that the page shows, in one question."""
    from engine.errors import HomeportError

    try:
        endpoint = homeport.endpoint(name)
    except HomeportError:
        endpoint = None  # what is wrong with the provider is told on the provider's own page
    return Facts(
        homeport.deployment(name),
        homeport.secrets(name),
        homeport.resources(name),
        homeport.operations(name),
        endpoint,
    )
