"""Adding a repository: a directory on this machine or a bucket, and what opens it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from tui.deploying import free_name, name_problem
from tui.screens.fields import Field, FieldsPage
from tui.screens.progress_text import error_lines
from tui.session import CallFailed
from tui.widgets.lines import LineView
from tui.widgets.text_line import TextLine

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.repository import RepositoryProfile

_WANTED = {
    "key": "the public half of the key that the bucket's service gives you",
    "secret": "its secret half",
}


class AddRepositoryPage(FieldsPage):
    """The place says what is needed: only a bucket has a key. Secrets are never shown."""

    @dataclass
    class Read(Message):
        """Which names are taken was read."""

        profiles: Sequence[RepositoryProfile]

    @dataclass
    class Added(Message):
        """made: a new repository was made there; else one that was there was opened."""

        name: str
        made: bool

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[str] = set()
        self._adding = False
        self._error: dict[str, Any] | None = None

    def fields(self) -> tuple[Field, ...]:
        return (
            Field("name", lines=1),
            Field("place", placeholder="/srv/backups, or https://host/bucket", lines=2),
            Field("key", lines=1),
            Field("secret", hidden=True, lines=1),
            Field("password", hidden=True, placeholder="(a new one is made)", lines=2),
        )

    def about(self) -> str:
        return "Where backups lie, encrypted. On another machine is better than on this one."

    def on_mount(self) -> None:
        self.title_bar("repositories  add")
        self.ask(lambda homeport: homeport.repositories.all(), self.Read, "repositories")

    def on_add_repository_page_read(self, read: Read) -> None:
        self._taken = {profile.name for profile in read.profiles}
        name = self.line("name")
        if not name.value:
            name.value = free_name("store", self._taken)
            name.cursor_position = len(name.value)
        self.say_all()

    def _place(self) -> str:
        place = self.value("place")
        return place if "://" in place else os.path.expanduser(place)

    def unused(self) -> set[str]:
        return set() if "://" in self.value("place") else set(_WANTED)

    def problems(self) -> dict[str, str]:
        name = self.value("name")
        unused = self.unused()
        named = name_problem(name, ()) or (
            "another repository has this name" if name in self._taken else ""
        )
        return {
            "name": named,
            "place": self._place_problem(),
            **{
                key: "" if key in unused or self.value(key) else wanted
                for key, wanted in _WANTED.items()
            },
            "password": "",
        }

    def _place_problem(self) -> str:
        place = self._place()
        if not place:
            return "a directory, like /srv/backups, or a bucket, like https://s3.example.org/bucket"
        from engine.backup.described import described
        from engine.errors import InvalidInput

        try:
            described("place", place, access_key=self.value("key"))
        except InvalidInput as refused:
            return refused.why
        return ""

    def said(self) -> dict[str, str]:
        bucket = not self.unused()
        opened = "it opens a repository that is there already"
        made = "empty: a new repository is made, and its password with it"
        return {
            "name": "how you call it here",
            "place": "a bucket; guests write into it by themselves"
            if bucket
            else "a directory on this machine; made where it is not there",
            "key": "the public half of the key",
            "secret": "hidden; it is kept in the sealed file of secrets",
            "password": opened if self.value("password") else made,
        }

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if self._error is not None:
            self._error = None
            self.draw()

    def draw(self) -> None:
        super().draw()
        view = self.query_one("#fields-said", LineView)
        error = self._error
        view.show(error_lines(error, self.size.width - 2) if error is not None else [])

    def still_reading(self) -> str:
        return "It is being set up." if self._adding else ""

    def go_on(self) -> None:
        self._adding = True
        self.say("Setting it up...")
        name, place, key = self.value("name"), self._place(), self.value("key")
        password, secret = self.value("password"), self.value("secret")
        if self.unused():
            key = secret = ""

        def add(homeport: Homeport) -> bool:
            from engine.backup.described import described

            profile = described(name, place, access_key=key)
            return homeport.repositories.add(profile, password=password, secret_key=secret)

        self.ask(add, lambda made: self.Added(name, made), "add", slowly=True)

    def failed(self, failure: CallFailed) -> None:
        self._adding = False
        self.say("")
        self._error = failure.error
        self.set_focus(self.line("place"))
        self.draw()

    def on_add_repository_page_added(self, added: Added) -> None:
        from tui.screens.repository import RepositoryPage

        done = "made" if added.made else "opened: it was there already"
        self.app.pop_screen()
        self.app.push_screen(
            RepositoryPage(added.name, f"+ It is {done}. Next: s, and keep the sheet elsewhere.")
        )
