"""The options of a new deployment: the fourth step, before the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from tui.deploying import Wish, draft_key
from tui.screens.deploy import crumbs
from tui.screens.form import FormPage
from tui.screens.form_checks import PLAN
from tui.screens.plan import PlanPage

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.plan import Plan


class DeployForm(FormPage):
    """Keeps what is filled in with the rest of the wish."""

    BINDINGS: ClassVar[list[BindingType]] = [PLAN]

    def __init__(self, wish: Wish) -> None:
        super().__init__(crumbs(4, wish))
        self._wish = wish

    def open_form(self, homeport: Homeport) -> FormPage.Opened:
        from forms import FormModel

        if self._wish.opened is not None:
            return self.Opened(self._wish.opened)
        schema = homeport.options_schema(self._wish.application, self._wish.release)
        return self.Opened(FormModel(schema, {}), self._wish.form)

    def keep(self) -> None:
        if self.form is None:
            return
        self._wish.opened, self._wish.form = self.form, self.form.dump()
        key, draft = draft_key(self._wish.application), self._wish.to_draft()
        self.app.farewell.draft = self._wish.described()
        self.ask(lambda homeport: homeport.save_draft(key, draft), lambda _: self.Kept(), "draft")

    def drop(self) -> None:
        self._wish.opened = self._wish.form = None
        key = draft_key(self._wish.application)
        self.app.farewell.draft = ""
        self.ask(lambda homeport: homeport.drop_draft(key), lambda _: self.Kept(), "draft")

    def go_on(self, document: Any) -> None:
        self.keep()
        wish = self._wish

        def make(homeport: Homeport) -> Plan:
            from engine.homeport import DeployRequest

            request = DeployRequest(
                application=wish.application,
                release=wish.release or None,
                provider=wish.provider,
                domain=wish.domain,
                name=wish.name,
                account=wish.account,
                values=document,
            )
            return homeport.plan_deploy(request)

        self.app.push_screen(
            PlanPage(
                crumbs(5, wish), make, applied=self.carried_out, refused=self.problem_from_engine
            )
        )
