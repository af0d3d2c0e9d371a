"""Every page of the interface as a scene: which keys lead to it, and what is seen when it is there.

Pictures and goldens are made of the same scenes, on the example's fixed values and clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.app import HomeportApp
from tui.form_app import FormApp
from tui.frame import Frame
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.example_form import example_filling
from tui.screenshots.example_review import NOTHING_TO_DECIDE, VALUES

if TYPE_CHECKING:
    from textual.pilot import Pilot

SECONDS = 45.0
"""How long a scene may take to come up on a machine that does much else; it takes parts of one."""


@dataclass(frozen=True)
class Act:
    """Press keys (separated by spaces; "text:abc" types abc), then wait until `see` is seen."""

    keys: str
    see: str


@dataclass(frozen=True)
class Scene:
    """acts: from the first page on. running: an operation runs while they are played."""

    acts: tuple[Act, ...]
    running: bool = False
    empty: bool = False
    providers: bool = True
    newer: Mapping[str, Any] | None = None
    """There is a newer release of the chat server, which has these values."""
    moving: bool = False
    moved: bool = False
    """The chat server is on its way to the other harbour, or has come there."""
    half_done: bool = False
    """A provider was left half described."""
    fill: bool = False
    """`homeport form` in place of the interface."""


_DASHBOARD = Act("", "healthy, 2 minutes ago")
_DEPLOYMENT = (_DASHBOARD, Act("enter", "1 Overview"))
_RECORDS = (*_DEPLOYMENT, Act("d", "IN THE ZONE"))

_UPDATE = (_DASHBOARD, Act("", "1 update"), Act("down", "4 to decide"))
_UPGRADE = (*_UPDATE, Act("u", "1 of 4"))

_MOVED = (_DASHBOARD, Act("", "1 move to settle"), Act("down", "observing since"))
_CHAT = (_DASHBOARD, Act("down enter", "1 Overview"))
_TARGET = (*_CHAT, Act("m", "It can move here"))
_BACKUPS = (*_DEPLOYMENT, Act("6", "KEPT BY"))
_BACKUP = (*_BACKUPS, Act("home enter", "restore in place"))
_REPOSITORIES = (_DASHBOARD, Act("b", "2 repositories"))

_SETUP = (
    _DASHBOARD,
    Act("p", "2 providers"),
    Act("", "adding stairs"),
    Act("end enter", "4 to answer"),
)
_COMPARE = (*_SETUP, Act("enter", "list of texts"), Act("s", "It shows the SHA-256"))
_COMMANDS = (*_COMPARE, Act("y", "pveum user add"))
_PLACES = (
    *_COMMANDS,
    Act("enter", "how Homeport logs in"),
    Act("down enter", "take it over"),
    Act("text:an-example-not-a-token enter", "set"),
    Act("s", "vmid first"),
)
_CHANGE = (
    _DASHBOARD,
    Act("p", "2 providers"),
    Act("enter", "pveum acl modify"),
    Act("e", "ready to be checked"),
)

_PROVIDER = (_DASHBOARD, Act("d", "step 1"), Act("down enter", "step 2"))
_NAME = (*_PROVIDER, Act("enter", "radicale.harbour-a.lab"))
_FORM = (*_NAME, Act("enter", "max_content_length"), Act("down down", "How many clients"))

SCENES: Mapping[str, Scene] = {
    "dashboard": Scene((_DASHBOARD,)),
    "dashboard-running": Scene(
        (Act("", "Safe to disconnect"), Act("escape", "1 operation running")), running=True
    ),
    "dashboard-empty": Scene((Act("", "Press d to deploy"),), empty=True),
    "dashboard-without-providers": Scene(
        (Act("", "homeport lab up"),), empty=True, providers=False
    ),
    "catalog": Scene((_DASHBOARD, Act("c", "3 applications"), Act("down", "Failed logins"))),
    "deploy-application": Scene((_DASHBOARD, Act("d", "step 1"))),
    "deploy-provider": Scene(_PROVIDER),
    "deploy-name": Scene(_NAME),
    "form": Scene(_FORM),
    "fill": Scene((Act("", "x 1 to correct"), Act("down down", "Where it listens")), fill=True),
    "fill-forms": Scene(
        (Act("", "x 1 to correct"), Act("text:/ text:kind enter enter", "> memory")), fill=True
    ),
    "plan": Scene((*_FORM, Act("p", "14 steps"))),
    "providers": Scene((_DASHBOARD, Act("p", "2 providers"))),
    "provider": Scene((_DASHBOARD, Act("p", "2 providers"), Act("enter", "pveum acl modify"))),
    "provider-name": Scene((_DASHBOARD, Act("p", "2 providers"), Act("a", "how you call it here"))),
    "provider-setup": Scene(_SETUP, half_done=True),
    "provider-compare": Scene(_COMPARE, half_done=True),
    "provider-commands": Scene(_COMMANDS, half_done=True),
    "provider-places": Scene((*_PLACES, Act("enter", "(type another)")), half_done=True),
    "provider-kind": Scene((*_SETUP, Act("down enter", "as it is now")), half_done=True),
    "provider-dns": Scene(
        (
            *_SETUP,
            Act("down down enter", "octodns_powerdns"),
            Act("s", "nameserver_values"),
            Act("down", "This is a secret"),
        ),
        half_done=True,
    ),
    "provider-proof": Scene((*_CHANGE, Act("end enter", "What is missing"))),
    "progress": Scene((Act("", "31 of 54"),), running=True),
    "progress-log": Scene((Act("", "31 of 54"), Act("l", "Installing collected")), running=True),
    "progress-failed": Scene(
        (_DASHBOARD, Act("o", "4 operations"), Act("down down enter", "2 of 4 steps"))
    ),
    "operations": Scene((_DASHBOARD, Act("o", "4 operations"))),
    "deployment": Scene((*_DEPLOYMENT, Act("", "curl"))),
    "deployment-secrets": Scene((*_DEPLOYMENT, Act("2", "hidden"))),
    "deployment-secret-shown": Scene(
        (*_DEPLOYMENT, Act("2", "hidden"), Act("enter", "an-example-not-a-password"))
    ),
    "rotate-plan": Scene((*_DEPLOYMENT, Act("2", "hidden"), Act("p", "from before"))),
    "deployment-configuration": Scene((*_DEPLOYMENT, Act("3", "auth.delay"))),
    "deployment-resources": Scene((*_DEPLOYMENT, Act("4", "certificate"))),
    "deployment-history": Scene((*_DEPLOYMENT, Act("5", "1:11"))),
    "records": Scene((*_RECORDS, Act("down down", "there is v=spf1 -all"))),
    "record-add": Scene((*_RECORDS, Act("a", "add"), Act("text:MX", "preference and mail"))),
    "record-change": Scene(
        (
            *_RECORDS,
            Act("home down down enter", "you added"),
            Act("down ctrl+u text:mail.example.org.", "must end in .harbour-a.lab"),
        )
    ),
    "save-root": Scene((*_DEPLOYMENT, Act("s", "harbour-a-root.pem"))),
    "destroy-plan": Scene((*_DEPLOYMENT, Act("x", "cannot be undone"))),
    "destroy-confirm": Scene(
        (*_DEPLOYMENT, Act("x", "cannot be undone"), Act("a", "type its name"))
    ),
    "dashboard-update": Scene(_UPDATE, newer=VALUES),
    "upgrade": Scene(_UPGRADE, newer=VALUES),
    "upgrade-all": Scene((*_UPGRADE, Act("f f f", "limits.presence")), newer=VALUES),
    "upgrade-actions": Scene((*_UPGRADE, Act("n enter", "likely")), newer=VALUES),
    "upgrade-decided": Scene(
        (*_UPGRADE, Act("1 1 1 1", "0 to decide"), Act("f", "what you set")), newer=VALUES
    ),
    "upgrade-nothing": Scene(
        (
            _DASHBOARD,
            Act("", "1 update"),
            Act("down", "nothing to decide"),
            Act("u", "Nothing needs"),
        ),
        newer=NOTHING_TO_DECIDE,
    ),
    "migrate-target": Scene(_TARGET),
    "migrate-target-not": Scene((*_TARGET, Act("down", "Add what is missing"))),
    "migrate-plan": Scene((*_TARGET, Act("enter end", "21 steps"), Act("home", "Prepare"))),
    "migrate-terms": Scene(
        (*_TARGET, Act("t", "as soon as all is"), Act("tab text:long", "is not a"))
    ),
    "progress-move": Scene((Act("", "511.7 MB"),), moving=True),
    "progress-moved": Scene(
        (_DASHBOARD, Act("o", "5 operations"), Act("home enter", "21 of 21 steps")), moved=True
    ),
    "dashboard-moved": Scene(_MOVED, moved=True),
    "deployment-moved": Scene((*_MOVED, Act("enter", "c confirms")), moved=True),
    "confirm-move": Scene(
        (*_MOVED, Act("enter", "c confirms"), Act("c", "a apply"), Act("a", "type its name")),
        moved=True,
    ),
    "deployment-backups": Scene(_BACKUPS),
    "schedule": Scene(
        (*_BACKUPS, Act("k", "(only by hand)"), Act("text:daily space text:03:30", "the first"))
    ),
    "deployment-backups-none": Scene((*_CHAT, Act("6", "no backup of this"))),
    "backup": Scene(_BACKUP),
    "restore-as": Scene((*_BACKUP, Act("n", "calendar-2"))),
    "repositories": Scene(_REPOSITORIES),
    "repositories-empty": Scene(
        (Act("", "Press d to deploy"), Act("b", "Press a to add")), empty=True
    ),
    "repository": Scene((*_REPOSITORIES, Act("down enter", "KEPT BY"))),
    "repository-add": Scene(
        (
            *_REPOSITORIES,
            Act("a", "store-2"),
            Act("down", "+ how you call it here"),
            Act("text:https://s3.example.org/backups", "gives you"),
        )
    ),
    "keys": Scene((_DASHBOARD, Act("question_mark", "Find an action by name"))),
    "palette": Scene((_DASHBOARD, Act("ctrl+p", "type a part of"))),
}


def make_app(scene: Scene, theme: str = "homeport") -> Frame:
    """The interface on the example engine, at the example's time."""
    if scene.fill:
        form = FormApp(example_filling, "proxy.yaml")
        form.theme = theme
        return form
    example = ExampleHomeport(empty=scene.empty, half_done=scene.half_done)
    if scene.newer is not None:
        example.offer_newer_chat(scene.newer)
    elif scene.moving or scene.moved:
        example.move_chat(over=scene.moved)
    elif not scene.running and not scene.empty:
        example.finish_what_runs()
    if not scene.providers:
        example.profiles.clear()
    app = HomeportApp(example.opener, clock=lambda: values.NOW)
    app.theme = theme
    return app


async def play(pilot: Pilot[str], *acts: Act) -> None:
    """Carry out acts, each as soon as what the one before it waits for is seen."""
    for act in acts:
        for key in act.keys.split():
            typed = key.removeprefix("text:")
            await pilot.press(*(typed if typed != key else (key,)))
        await seen(pilot, act.see)
    await settled(pilot)


async def seen(pilot: Pilot[str], text: str) -> None:
    """Wait until the text is on the screen. TimeoutError, with the screen, if it never is."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + SECONDS
    while text not in (screen := screen_text(pilot.app)):
        if clock() > deadline:
            raise TimeoutError(f"{text!r} is not on the screen:\n{screen}")
        await pilot.pause(0.01)


async def settled(pilot: Pilot[str]) -> None:
    """Wait until the screen stays as it is."""
    before = ""
    while before != (before := screen_text(pilot.app)):
        await pilot.pause(0.05)


def screen_text(app: object) -> str:
    """The characters on the screen, line by line, without spaces at the ends."""
    assert isinstance(app, Frame)
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)
