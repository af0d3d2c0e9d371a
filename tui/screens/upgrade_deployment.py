"""The review of a deployment's upgrade; and the same for somebody who only watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.message import Message

from tui.screens.plan import PlanPage
from tui.screens.upgrade import ReviewPage, refusals_said
from tui.screens.upgrade_text import last_word
from tui.words import counted

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.plan import Plan
    from forms.upgrade import Review

WATCH_SECONDS = 0.5
"""How often a watched draft is read again."""


def draft_key(name: str, release: str) -> str:
    """Where the inventory keeps the decisions for an upgrade of a deployment."""
    return f"upgrade:{name}:{release}"


class _OfDeployment(ReviewPage):
    def __init__(self, name: str, release: str | None = None) -> None:
        super().__init__(f"upgrade {name}")
        self.deployment = name
        self._release = release
        self._key = ""
        """Of the draft; known with the review."""

    def open_review(self, source: Any) -> ReviewPage.Opened:
        homeport: Homeport = source
        review = homeport.review_upgrade(self.deployment, self._release)
        self._key = draft_key(self.deployment, review.releases[-1].version)
        return self.Opened(review, homeport.draft(self._key))

    def on_review_page_opened(self, opened: ReviewPage.Opened) -> None:
        first, last = opened.review.releases[0].version, opened.review.releases[-1].version
        self._crumbs = f"upgrade {self.deployment}  {first} -> {last}"
        self.redraw()


class UpgradePage(_OfDeployment):
    """Keeps the decisions as a draft in the inventory, where colleagues can see them.

    Where somebody else decides in the same review at the same time, both are taken together.
    """

    @dataclass
    class Overtaken(Message):
        """Somebody else has written the draft since it was read; this is theirs."""

        theirs: Mapping[str, Any]

    def __init__(self, name: str, release: str | None = None) -> None:
        super().__init__(name, release)
        self._stored: Mapping[str, Any] | None = None
        """The draft as it was read or written last; the engine's thread alone looks at it."""

    def open_review(self, source: Any) -> ReviewPage.Opened:
        opened = super().open_review(source)
        self._stored = opened.draft
        return opened

    def draft_said(self) -> str:
        return f"what you decided for the upgrade of {self.deployment}"

    def write_draft(self, draft: dict[str, Any]) -> None:
        key = self._key

        def write(homeport: Homeport) -> Message:
            now = homeport.draft(key)
            if now is not None and now != self._stored:
                self._stored = now
                return self.Overtaken(now)
            homeport.save_draft(key, draft)
            self._stored = homeport.draft(key)
            return self.Kept()

        self.ask(write, lambda message: message, "draft")

    def on_upgrade_page_overtaken(self, found: Overtaken) -> None:
        review = self.review
        if review is None:
            return
        mine = review.dump()
        try:
            refused = [*review.load(found.theirs), *review.answer(mine)]
        except ValueError as failure:
            self.refuse(failure)
            return
        self.changed()
        who = last_word(found.theirs) or "Somebody"
        secrets = ", ".join(mine.get("left_out") or ())
        if refused:
            self.say(f"! {who} decides here too. {refusals_said(refused)}", "warn")
        elif secrets:
            self.say(f"! {who} decides here too; no secret is in a draft. Type again: {secrets}")
        else:
            self.say(f"! {who} decides here too: both are taken together.", "warn")

    def drop(self) -> None:
        self.app.farewell.draft = ""
        key = self._key

        def forget(homeport: Homeport) -> None:
            homeport.drop_draft(key)
            self._stored = None

        self.ask(forget, lambda _: self.Kept(), "draft")

    def go_on(self, review: Review) -> None:
        self.keep_now()
        name = self.deployment

        def make(homeport: Homeport) -> Plan:
            return homeport.plan_reviewed(name, review)

        def applied() -> None:
            self.ask(lambda homeport: homeport.remember_decisions(review), lambda _: self.Kept())
            self.carried_out()

        self.app.push_screen(PlanPage(self._crumbs, make, applied=applied, refused=self._refused))

    def _refused(self, error: dict[str, Any]) -> bool:
        """Show the engine's refusal at the option that it names; False where it names none."""
        review, on = self.review, str(error.get("on", ""))
        rows = review.rows() if review is not None else ()
        key = next((row.key for row in rows if on and row.new_path == on), None)
        if key is None:
            return False
        self.app.pop_screen()
        self.go_to(key)
        self.say(f"x {error.get('why') or error.get('what')}", "bad")
        return True


class WatchPage(_OfDeployment):
    """Follows the draft of somebody who decides at another terminal; decides nothing."""

    MAY_DECIDE: ClassVar[bool] = False

    @dataclass
    class Seen(Message):
        """The draft as it is now; None while nobody has decided anything."""

        draft: dict[str, Any] | None

    def __init__(self, name: str, release: str | None = None) -> None:
        super().__init__(name, release)
        self._seen: dict[str, Any] | None = None
        self._asked = self._watching = False

    def on_review_page_opened(self, opened: ReviewPage.Opened) -> None:
        self._seen = opened.draft
        self._crumbs = f"watching the upgrade of {self.deployment}"
        self.redraw()
        self.call_later(self._say_who)  # after what is said of a draft that is taken up
        if not self._watching:
            self._watching = True
            self.set_interval(WATCH_SECONDS, self._look)

    def _look(self) -> None:
        if self._asked or self.review is None:
            return
        self._asked = True
        key = self._key
        self.ask(lambda homeport: homeport.draft(key), self.Seen, "watch")

    def on_watch_page_seen(self, seen: Seen) -> None:
        self._asked = False
        if self.review is None or seen.draft == self._seen:
            return
        self._seen = seen.draft
        self.review.load(seen.draft or {"answers": []})
        self.redraw()
        self._say_who()

    def _say_who(self) -> None:
        made = (self._seen or {}).get("answers") or ()
        who = last_word(self._seen or {})
        by = f", the last by {who}" if who else ""
        self.say(f"{counted(len(made), 'decision')} so far{by}. This page decides nothing.")

    def keep(self) -> None:
        self.post_message(self.Kept())

    def drop(self) -> None:
        """The draft is somebody else's."""
