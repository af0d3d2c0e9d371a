"""Changing the options of a deployment that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from tui.screens.form import FormPage
from tui.screens.form_checks import PLAN
from tui.screens.plan import PlanPage

if TYPE_CHECKING:
    from engine.homeport import Homeport


class ConfigurePage(FormPage):
    """The form of the deployment's release with the deployment's values."""

    BINDINGS: ClassVar[list[BindingType]] = [PLAN]

    def __init__(self, name: str) -> None:
        super().__init__(f"configure {name}")
        self._deployment = name
        self._key = f"configure:{name}"

    def open_form(self, homeport: Homeport) -> FormPage.Opened:
        from forms import FormModel

        deployment = homeport.deployment(self._deployment).deployment
        schema = homeport.options_schema(deployment.application, deployment.release)
        return self.Opened(FormModel(schema, deployment.values), homeport.draft(self._key))

    def keep(self) -> None:
        form, key = self.form, self._key
        if form is None:
            return
        if not form.dirty:
            self.drop()
            return
        draft = form.dump()
        self.app.farewell.draft = f"the configuration of {self._deployment}"
        self.ask(lambda homeport: homeport.save_draft(key, draft), lambda _: self.Kept(), "draft")

    def drop(self) -> None:
        key = self._key
        self.app.farewell.draft = ""
        self.ask(lambda homeport: homeport.drop_draft(key), lambda _: self.Kept(), "draft")

    def go_on(self, document: Any) -> None:
        self.keep()
        name = self._deployment
        self.app.push_screen(
            PlanPage(
                f"configure {name}",
                lambda homeport: homeport.plan_reconfigure(name, document),
                applied=self.carried_out,
                refused=self.problem_from_engine,
            )
        )
