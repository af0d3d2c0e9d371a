"""The form of any JSON Schema, with the file that it is written to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.frugal import collect_again
from tui.screens.form import FormPage
from tui.session import CallFailed
from tui.widgets.bars import Hint
from tui.words import counted

if TYPE_CHECKING:
    from engine.filling import Filling, Saved


class FillPage(FormPage):
    """Writes the document where the command line says, or asks for a file.

    What pages ask is asked of a Filling here, not of the engine.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,ctrl+s,f5", "plan", "Check everything and write the file"),
        Binding("D", "required_defaults", "Write the defaults of all that has to be there"),
    ]
    GO_ON: ClassVar[Hint] = ("s", "save")
    TO_GO_ON: ClassVar[str] = "before it can be written"
    BACK: ClassVar[Hint] = ("Esc", "leave")

    @dataclass
    class Written(Message):
        """The document is in its file."""

        saved: Saved

    @dataclass
    class Named(Message):
        """The file to write is known now."""

        document: Any

    def __init__(self, name: str, proposal: str) -> None:
        super().__init__(f"form  {name}")
        self._about = name
        self._proposal = proposal
        self._has_target = True
        self._over_next = False
        self._opened_once = False
        self._is_new = True

    def open_form(self, filling: Any) -> FormPage.Opened:
        desk: Filling = filling
        self._has_target = desk.target is not None
        if self._opened_once:
            return self.Opened(desk.start_again())
        self._opened_once = True
        from forms.values import ABSENT

        self._is_new = desk.document is ABSENT
        kept = desk.draft()
        if kept is None:
            return self.Opened(desk.form, note=desk.note)
        draft, is_same = kept
        note = (
            desk.note
            if is_same
            else "! The file was changed after this draft was begun. x drops it."
        )
        return self.Opened(desk.form, draft, note)

    def keep(self) -> None:
        form = self.form
        if form is None:
            return
        if not form.dirty:
            self.drop()
            return
        draft = form.dump()
        self.app.farewell.draft = f"nothing was written; what you filled in for {self._about}"
        self.ask(lambda desk: _desk(desk).keep_draft(draft), lambda _: self.Kept(), "draft")

    def drop(self) -> None:
        self.app.farewell.draft = ""
        self.ask(lambda desk: _desk(desk).drop_draft(), lambda _: self.Kept(), "draft")

    def on_form_page_opened(self, opened: FormPage.Opened) -> None:
        collect_again()
        if not self._is_new:
            self.check_later()

    # writing

    def go_on(self, document: Any) -> None:
        if not self._has_target:
            from tui.screens.save_as import SaveAs

            self.app.push_screen(
                SaveAs("the document", self._proposal),
                lambda name: self._name_target(name, document),
            )
            return
        over, self._over_next = self._over_next, False
        self.ask(lambda desk: _desk(desk).save(document, over=over), self.Written, "save")

    def _name_target(self, name: str | None, document: Any) -> None:
        if name:
            self.ask(
                lambda desk: _desk(desk).name_target(name), lambda _: self.Named(document), "save"
            )
        else:
            self.say("Nothing was written.")

    def on_fill_page_named(self, named: Named) -> None:
        self._has_target = True
        self.go_on(named.document)

    def on_fill_page_written(self, written: Written) -> None:
        saved = written.saved
        if self.form is not None:
            self.form.mark_saved()
            self.redraw()
        self._stop_keeping()
        self.drop()
        said = f"Written to {saved.path}." if saved.changed else f"{saved.path} says all of it."
        if saved.kept_as is not None:
            said += f" The file as it was is kept as {saved.kept_as.name}."
        if self.form is not None and self.form.refusals:
            said += (
                f" {counted(len(self.form.refusals), 'part')} of the schema could not be checked."
            )
        self.app.farewell.done = said[0].lower() + said[1:] if saved.changed else said
        self.say(f"{said} q leaves.", "good")

    def action_required_defaults(self) -> None:
        def taken(form: Any, _row: Any) -> Any:
            change = form.set_required_defaults()
            if change is None:
                raise ValueError("nothing that has to be there has a default to write")
            return change

        self.command(taken)

    # what goes wrong, and leaving

    def failed(self, failure: CallFailed) -> None:
        if failure.asked == "form":
            self.app.exit(return_code=2)
            self.app.farewell.error = failure.error
            return
        super().failed(failure)
        if failure.error.get("code") == "conflict" and self._has_target:
            self._over_next = True
            said = "! Somebody else has changed the file. s again writes yours, and keeps theirs."
            self.say(said, "warn")

    def action_back(self) -> None:
        if not self.show_all():
            self.action_leave()


def _desk(desk: Any) -> Filling:
    filling: Filling = desk
    return filling
