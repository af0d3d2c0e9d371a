"""What can be done with a deployment from its page: every change by a plan that is read first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.moving import move_standing
from tui.screens.deployment_text import last_upgrade
from tui.screens.page import Page
from tui.words import HEALTH, is_observing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.homeport import Homeport
    from engine.model.plan import Plan
    from engine.model.repository import RepositoryProfile
    from tui.screens.deployment_facts import Facts


class DeploymentActions(Page):
    """For a page that knows a deployment by name, and its facts once they are read."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "configure", "Change the configuration"),
        Binding("u", "upgrade", "Review the upgrade to the newest release"),
        Binding("w", "watch", "Watch a colleague review the upgrade; decides nothing"),
        Binding("b", "roll_back", "Take the last upgrade back, data included: read the plan first"),
        Binding("m", "migrate", "Move it to another provider, with all of its state"),
        Binding("c", "confirm", "Confirm its move: what the other side keeps is destroyed"),
        Binding("v", "revert", "Go back to where it was moved from: read the plan first"),
        Binding("t", "go_on", "Go on with a move that broke off"),
        Binding("n", "back_up", "Back it up now: read the plan first"),
        Binding("p", "rotate", "Change its passwords and keys: read the plan first"),
        Binding("k", "schedule", "Have it backed up by itself, at fixed times"),
        Binding("d", "records", "Its DNS records: add, change and remove them"),
        Binding("r", "check_health", "Check the health now"),
        Binding("x", "destroy", "Destroy the deployment: read the plan first"),
        Binding("s", "save_root", "Save the root certificate of the authority to a file"),
    ]

    @dataclass
    class HealthRead(Message):
        report: Any

    @dataclass
    class Saved(Message):
        """The authority's root certificate is in this file."""

        file: str

    @dataclass
    class CanGoInto(Message):
        """What a backup can go into, read when it was asked for: what the page knows may be
        from before a repository was added."""

        repositories: Sequence[RepositoryProfile]
        begin: Callable[[Page, str, Sequence[RepositoryProfile]], None]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._deployment = name
        self._facts: Facts | None = None
        self._root = ""

    def read(self) -> None:
        """Read the facts again."""

    def action_check_health(self) -> None:
        name = self._deployment
        self.say(f"asking {name} by its public name")
        self.ask(
            lambda homeport: homeport.check_health(name), self.HealthRead, "health", slowly=True
        )

    def on_deployment_actions_health_read(self, found: HealthRead) -> None:
        report = found.report
        sign = HEALTH[report.health.value]
        detail = f": {report.detail}" if report.detail else ""
        self.say(f"{sign.mark} {sign.word}{detail}", sign.role)
        self.read()

    # options and releases

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
            if last_upgrade(self._facts.operations) is None:
                self.say("There is no upgrade to take back.")
                return
            name = self._deployment
            self._read_plan(
                f"take the upgrade of {name} back", lambda homeport: homeport.plan_rollback(name)
            )

    # to another provider and back

    def action_migrate(self) -> None:
        if self._free() and self._facts is not None:
            if is_observing(self._facts.view):
                self.say("! Its last move is not settled: c confirms it, v goes back.", "warn")
                return
            from tui.screens.migrate import MigratePage

            self.app.push_screen(MigratePage(self._deployment))

    def action_confirm(self) -> None:
        if self._can("c", "There is no move to confirm: nothing is kept at another provider."):
            assert self._facts is not None
            assert self._facts.view.move is not None
            name, move = self._deployment, self._facts.view.move
            here = self._facts.view.deployment.provider
            other = move.target if here == move.source else move.source
            self._read_plan(
                f"confirm that {name} stays",
                lambda homeport: homeport.plan_confirm(name),
                confirm=name,
                question=f"What {other} keeps of {name} is destroyed: no way leads back there.",
            )

    def action_revert(self) -> None:
        if self._can("v", "There is no move to go back from."):
            name = self._deployment
            self._read_plan(f"move {name} back", lambda homeport: homeport.plan_revert(name))

    def action_go_on(self) -> None:
        """On the operation's page, where t is what goes on."""
        if self._can("t", "There is no move that broke off."):
            assert self._facts is not None
            assert self._facts.view.move is not None
            self.app.open_operation(self._facts.view.move.operation)

    def _can(self, key: str, otherwise: str) -> bool:
        """Is this one of what can be done about the move? Said where it is not."""
        if not self._free() or self._facts is None:
            return False
        standing = move_standing(self._facts.view, self.app.clock())
        if standing is None or key not in dict(standing.keys):
            self.say(otherwise)
            return False
        return True

    # keeping, and giving up

    def action_back_up(self) -> None:
        if self._free():
            from tui.screens.backing_up import start_backup

            self._with_repositories(start_backup)

    def action_schedule(self) -> None:
        from tui.screens.backing_up import set_schedule

        self._with_repositories(set_schedule)

    def _with_repositories(
        self, begin: Callable[[Page, str, Sequence[RepositoryProfile]], None]
    ) -> None:
        self.ask(
            lambda homeport: homeport.repositories.all(),
            lambda found: self.CanGoInto(found, begin),
            "repositories",
        )

    def on_deployment_actions_can_go_into(self, found: CanGoInto) -> None:
        if self.is_current:
            found.begin(self, self._deployment, found.repositories)

    def action_rotate(self) -> None:
        if self._free():
            name = self._deployment
            self._read_plan(
                f"change passwords and keys of {name}",
                lambda homeport: homeport.plan_rotate(name),
            )

    def action_records(self) -> None:
        from tui.screens.records import RecordsPage

        self.app.push_screen(RecordsPage(self._deployment))

    def action_destroy(self) -> None:
        if self._free():
            name = self._deployment
            self._read_plan(
                f"destroy {name}", lambda homeport: homeport.plan_destroy(name), confirm=name
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

    def on_deployment_actions_saved(self, saved: Saved) -> None:
        self._root = saved.file
        self.say(f"+ The root certificate is in {saved.file}", "good")
        self.draw()

    # what all of them need

    def _read_plan(
        self,
        crumbs: str,
        make: Callable[[Homeport], Plan],
        *,
        confirm: str = "",
        question: str = "",
    ) -> None:
        from tui.screens.plan import PlanPage

        self.app.push_screen(PlanPage(crumbs, make, confirm=confirm, question=question))

    def _free(self) -> bool:
        """False, with a message, while another operation holds the deployment."""
        if self._facts is None:
            self.say("It is still being read; try again in a moment.")
            return False
        if run := self._facts.view.operation:
            self.say(f"! {run.plan.intent.value} is running; 5 shows it in the history.", "warn")
            return False
        return True
