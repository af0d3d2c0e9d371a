"""Moves and backups by their keys: what each page refuses, asks for and hands to the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from threading import Event
from typing import Any

from textual.pilot import Pilot

from engine.backup.standing import Standing
from engine.errors import Denied, RemoteFailure, Unreachable
from engine.model.events import (
    OperationChanged,
    QuestionAnswered,
    QuestionAsked,
    StepFinished,
    StepStarted,
)
from engine.model.move import MovePhase, MoveTerms
from engine.model.plan import Intent, OperationStatus
from engine.model.repository import RepositoryProfile
from engine.model.schedule import ScheduleStanding
from tui.app import HomeportApp
from tui.screenshots import example_values as values
from tui.screenshots.example import ExampleHomeport
from tui.screenshots.example_backups import ExampleDesk, ExampleScheduling
from tui.screenshots.example_move import MOVING_CHAT, move_of_chat
from tui.screenshots.scenes import Act, play, screen_text, seen

Run = Callable[[Coroutine[Any, Any, Any]], Any]
CANARY = "canary-5be0"


@asynccontextmanager
async def opened(
    prepare: Callable[[ExampleHomeport], None] = ExampleHomeport.finish_what_runs,
) -> AsyncIterator[tuple[ExampleHomeport, Pilot[str]]]:
    engine = ExampleHomeport()
    prepare(engine)
    app = HomeportApp(engine.opener, clock=lambda: values.NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        yield engine, pilot


def moved(engine: ExampleHomeport) -> None:
    engine.move_chat(over=True)


def moving(engine: ExampleHomeport) -> None:
    engine.move_chat(over=False)


def in_phase(phase: MovePhase, writer: str) -> Callable[[ExampleHomeport], None]:
    """The chat server's last move stands like this."""

    def prepare(engine: ExampleHomeport) -> None:
        from dataclasses import replace

        engine.move_chat(over=True)
        move = move_of_chat(phase).model_copy(update={"writer": writer})
        engine.views = [
            replace(view, move=move) if view.move is not None else view for view in engine.views
        ]

    return prepare


CHAT = (Act("", "healthy, 2 minutes ago"), Act("down enter", "1 Overview"))
BACKUPS = (Act("", "healthy, 2 minutes ago"), Act("enter", "1 Overview"), Act("6", "KEPT BY"))
REPOSITORIES = (Act("", "healthy, 2 minutes ago"), Act("b", "2 repositories"))


def test_a_target_that_does_not_fit_says_why_and_makes_no_plan(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *CHAT, Act("m", "It can move here"), Act("down", "Add what is"))
            await play(pilot, Act("enter", "x the target lacks a service"))
            await play(pilot, Act("up enter", "Prepare"))
            await play(pilot, Act("a", "Safe to disconnect"))
            assert engine.ran[0].plan.intent is Intent.MIGRATE

    run(main())


def test_terms_of_a_move_are_typed_before_its_plan(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *CHAT, Act("m", "It can move here"), Act("t", "as soon as all is"))
            await play(pilot, Act("ctrl+u text:tomorrow", "x this is not a time"))
            await play(pilot, Act("ctrl+u", "as soon as all is"))
            await play(pilot, Act("text:hold", "waits until you press n"))
            await play(pilot, Act("tab text:long", "x this is not a length of time"))
            await play(pilot, Act("enter", "x window:"))
            await play(pilot, Act("ctrl+u text:30s", "longer than 30s"))
            await play(pilot, Act("tab text:20M", "no more than 20M"), Act("enter", "Prepare"))
            assert engine.terms == MoveTerms(window_seconds=30, hold=True, limit_kib=20 << 10)

    run(main())


def test_terms_are_refused_where_the_provider_does_not_fit(run: Run) -> None:
    async def main() -> None:
        async with opened() as (_, pilot):
            await play(pilot, *CHAT, Act("m", "It can move here"), Act("down", "Add what is"))
            await play(pilot, Act("t", "x the target lacks a service"))

    run(main())


def test_a_move_that_is_held_begins_at_a_key(run: Run) -> None:
    async def main() -> None:
        async with opened(moving) as (engine, pilot):
            await play(pilot, Act("", "Safe to disconnect"), Act("n", "Nothing waits for you"))
            held, at = MOVING_CHAT.plan.steps[9].id, values.NOW
            until = at + timedelta(hours=2)
            engine.tell(MOVING_CHAT.id, QuestionAsked(at=at, step=held, text="?", until=until))
            await seen(pilot, "n begins the freeze, or by itself at")
            await play(pilot, Act("n", "told to begin now"))
            assert engine.continued == [MOVING_CHAT.plan.deployment]
            engine.tell(MOVING_CHAT.id, QuestionAnswered(at=at, step=held, text="now"))
            await play(pilot, Act("", "Safe to disconnect"))

    run(main())


def test_the_plan_of_a_move_marks_where_there_is_no_way_back(run: Run) -> None:
    async def main() -> None:
        async with opened() as (_, pilot):
            await play(pilot, *CHAT, Act("m", "It can move here"), Act("enter", "Prepare"))
            await play(pilot, Act("end", "serves on at harbour-a"))
            lines = screen_text(pilot.app).splitlines()
            fence = next(i for i, line in enumerate(lines) if "Fence the source" in line)
            assert "point of no return" in lines[fence + 1]
            assert lines[fence + 2].startswith(" Switch")

    run(main())


def test_a_move_that_is_observed_is_settled_from_the_deployments_page(run: Run) -> None:
    async def main() -> None:
        async with opened(moved) as (engine, pilot):
            await play(pilot, *CHAT, Act("", "c confirms, v goes back"))
            await play(pilot, Act("m", "Its last move is not settled"))
            await play(pilot, Act("v", "Everything written at harbour-b"), Act("escape", "1 Over"))
            await play(pilot, Act("c", "What harbour-a still has"), Act("a", "no way leads back"))
            await play(pilot, Act("text:chat enter", "Safe to disconnect"))
            assert engine.ran[0].plan.intent is Intent.CONFIRM

    run(main())


def test_keys_of_a_move_say_so_where_there_is_none(run: Run) -> None:
    async def main() -> None:
        async with opened() as (_, pilot):
            await play(pilot, *CHAT, Act("c", "There is no move to confirm"))
            await play(pilot, Act("v", "There is no move to go back from"))
            await play(pilot, Act("t", "There is no move that broke off"))

    run(main())


def test_a_move_that_broke_off_is_gone_on_with_where_it_stopped(run: Run) -> None:
    async def main() -> None:
        async with opened(in_phase(MovePhase.MOVING, "harbour-b")) as (engine, pilot):
            await play(pilot, *CHAT, Act("", "t goes on, v goes back"))
            await play(pilot, Act("c", "There is no move to confirm"))
            move = engine.deployment("chat").move
            assert move is not None
            await play(pilot, Act("t", f"operation {move.operation[:8]}"))

    run(main())


def test_before_the_fence_a_broken_move_can_only_be_gone_on_with(run: Run) -> None:
    async def main() -> None:
        async with opened(in_phase(MovePhase.MOVING, "harbour-a")) as (_, pilot):
            await play(pilot, *CHAT, Act("", "broke off; harbour-a serves. t goes on"))
            await play(pilot, Act("v", "There is no move to go back from"))

    run(main())


def test_a_move_that_failed_past_the_fence_says_who_is_answered_and_what_to_do(run: Run) -> None:
    error = {"what": "the guest is gone", "on": "guest chat", "why": "", "do": "Start it."}

    async def main() -> None:
        async with opened(moving) as (engine, pilot):
            await seen(pilot, "Safe to disconnect")
            run_id, at = MOVING_CHAT.id, values.NOW
            for step in MOVING_CHAT.plan.steps[9:16]:
                engine.tell(
                    run_id,
                    StepStarted(at=at, step=step.id, title=step.title),
                    StepFinished(at=at, step=step.id, outcome="done", seconds=1),
                )
            await seen(pilot, "+ fence")
            engine.tell(run_id, StepStarted(at=at, step="target.run", title="Start it"))
            await seen(pilot, "away 0:00")
            engine.tell(
                run_id,
                StepFinished(at=at, step="target.run", outcome="failed", seconds=1, error=error),
                OperationChanged(at=at, status=OperationStatus.FAILED, error=error),
            )
            await seen(pilot, "Nobody is answered until")
            assert "x switch" in screen_text(pilot.app)

    run(main())


def test_without_a_repository_backing_up_begins_with_one(run: Run) -> None:
    def bare(engine: ExampleHomeport) -> None:
        engine.finish_what_runs()
        engine.desk = ExampleDesk(empty=True)

    async def main() -> None:
        async with opened(bare) as (engine, pilot):
            await play(pilot, *CHAT, Act("6", "g: the repositories"), Act("n", "Press a to add"))
            await play(pilot, Act("a", "how you call it here"))
            await play(pilot, Act("enter", "x place:"), Act("text:backups", "absolute path"))
            await play(pilot, Act("enter", "x place:"))
            assert engine.desk.profiles == []
            await play(pilot, Act("ctrl+u text:/srv/keep enter", "keep the sheet elsewhere"))
            assert [one.location for one in engine.desk.profiles] == ["/srv/keep"]
            await play(pilot, Act("escape escape", "6 Backups"), Act("n", "Capture its state"))
            await play(pilot, Act("a", "Safe to disconnect"))
            assert engine.ran[0].plan.intent is Intent.BACKUP

    run(main())


def test_a_repository_that_was_just_added_is_known_before_the_page_is_read_again(run: Run) -> None:
    class Slow(ExampleHomeport):
        """Tells of a deployment only when it is let."""

        let = Event()

        def endpoint(self, name: str) -> Any:
            assert self.let.wait(20)
            return super().endpoint(name)

    async def main() -> None:
        engine = Slow()
        engine.finish_what_runs()
        engine.desk = ExampleDesk(empty=True)
        engine.let.set()
        app = HomeportApp(engine.opener, clock=lambda: values.NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await play(pilot, *CHAT, Act("n", "Press a to add"), Act("a", "how you call it here"))
            await play(pilot, Act("down text:/srv/keep enter", "keep the sheet elsewhere"))
            await play(pilot, Act("escape", "look into it"))
            engine.let.clear()
            await play(pilot, Act("escape", "1 Overview"), Act("n", "1 Overview"))
            engine.let.set()
            await seen(pilot, "Capture its state")

    run(main())


def test_with_several_repositories_a_backup_asks_which(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *BACKUPS, Act("n", "into which repository"))
            await play(pilot, Act("down enter", "store opens"), Act("a", "Safe to disconnect"))
            assert engine.ran[0].plan.steps[0].args["repository"] == "store"

    run(main())


def test_a_schedule_is_set_changed_and_ended_from_the_page(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *BACKUPS, Act("k", "Or write daily 03:30"))
            await play(pilot, Act("text:often", "this does not say when"))
            await play(pilot, Act("enter", "x when:"))
            await play(pilot, Act("ctrl+u text:daily space text:03:30", "Wednesday 2026-11-25"))
            await play(pilot, Act("down ctrl+u text:nowhere", "there are: cloud, store"))
            await play(pilot, Act("ctrl+u text:store enter", "a timer of systemd, also after"))
            assert "x when" not in screen_text(pilot.app)
            await play(pilot, Act("escape", "KEPT BY"), Act("1", "daily 03:30 UTC, next"))
            (view,) = (one for one in engine.views if one.schedule)
            assert view.schedule is not None
            assert view.schedule.schedule.repository == "store"
            await play(pilot, Act("k", "the first one on"), Act("ctrl+u enter", "by hand only"))
            assert not any(one.schedule for one in engine.views)

    run(main())


def test_a_schedule_that_nobody_can_keep_is_refused_where_it_was_typed(
    run: Run,
) -> None:
    class Alone(ExampleScheduling):
        def set(self, name: str, calendar: str, repository: str = "") -> ScheduleStanding:
            raise RemoteFailure("nobody can be asked to wake Homeport", why="cron is not there")

    class Engine(ExampleHomeport):
        @property
        def schedules(self) -> Any:
            return Alone(self.views)

    async def main() -> None:
        engine = Engine()
        engine.finish_what_runs()
        app = HomeportApp(engine.opener, clock=lambda: values.NOW)
        async with app.run_test(size=(80, 24)) as pilot:
            await play(pilot, *BACKUPS, Act("k", "Or write daily 03:30"))
            await play(pilot, Act("text:hourly enter", "cron is not there"))
            assert "hourly" in screen_text(app)
            await play(pilot, Act("enter", "cron is not there"))

    run(main())


def test_a_bucket_asks_for_its_key_and_never_shows_the_secret(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *REPOSITORIES, Act("a", "store-2"))
            assert "Secret" not in screen_text(pilot.app)
            await play(pilot, Act("down text:https://s3.example.org/b enter", "x key:"))
            await play(pilot, Act("text:GK1 enter", "x secret:"))
            await play(pilot, Act(f"text:{CANARY}", "hidden; it is kept"))
            assert CANARY not in screen_text(pilot.app)
            await play(pilot, Act("enter", "keep the sheet elsewhere"))
            assert engine.desk.profiles[-1].access_key == "GK1"
            assert CANARY in engine.desk.secrets

    run(main())


def test_what_refuses_a_repository_stands_on_the_page_until_something_is_typed(run: Run) -> None:
    class Refusing(ExampleDesk):
        def add(
            self, profile: RepositoryProfile, *, password: str = "", secret_key: str = ""
        ) -> bool:
            raise Denied("the repository does not open", on=profile.name, do="Type its password.")

    def refusing(engine: ExampleHomeport) -> None:
        engine.finish_what_runs()
        engine.desk = Refusing(empty=False)

    async def main() -> None:
        async with opened(refusing) as (_, pilot):
            await play(pilot, *REPOSITORIES, Act("a", "store-2"), Act("down", "like /srv"))
            await play(pilot, Act("text:/srv/b enter", "Type its password."))
            await play(pilot, Act("text:2", "a directory on this machine"))
            assert "Type its password." not in screen_text(pilot.app)

    run(main())


def test_a_backup_is_restored_in_place_or_as_new_by_a_plan(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *BACKUPS, Act("home enter", "restore in place"))
            await play(pilot, Act("i", "leaves the application"), Act("escape", "as new"))
            await play(pilot, Act("n", "calendar-2.harbour-a.lab"))
            await play(pilot, Act("ctrl+u text:calendar", "another deployment has this name"))
            await play(pilot, Act("ctrl+u text:diary", "diary.harbour-a.lab"))
            await play(pilot, Act("up ctrl+u text:attic", "there is no such one"))
            await play(pilot, Act("ctrl+u text:harbour-b", "diary.harbour-b.lab"))
            await play(pilot, Act("enter", "restore diary"), Act("a", "Safe to disconnect"))
            plan = engine.ran[0].plan
            assert (plan.name, plan.domain) == ("diary", "diary.harbour-b.lab")
            assert plan.provider == "harbour-b"

    run(main())


def test_a_backup_of_what_is_gone_can_only_become_something_new(run: Run) -> None:
    def without_calendar(engine: ExampleHomeport) -> None:
        engine.finish_what_runs()
        engine.views = [view for view in engine.views if view.deployment.name != "calendar"]

    async def main() -> None:
        async with opened(without_calendar) as (_, pilot):
            await play(pilot, *REPOSITORIES, Act("down enter", "KEPT BY"))
            await play(pilot, Act("enter", "is not there any more"))
            assert "restore in place: calendar" not in screen_text(pilot.app)
            await play(pilot, Act("i", "n makes a new deployment"))
            await play(pilot, Act("n", "(that of the backup)"))

    run(main())


def test_a_finished_drill_leads_to_the_backup_it_proved(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *BACKUPS, Act("home enter", "restore in place"))
            await play(pilot, Act("d", "store opens"), Act("a", "Safe to disconnect"))
            ended = OperationChanged(at=values.NOW, status=OperationStatus.SUCCEEDED)
            engine.tell(engine.ran[0].id, ended)
            await seen(pilot, "its throw-away guest is gone")
            await play(pilot, Act("enter", "restore in place: calendar"))

    run(main())


def test_a_repository_is_verified_its_sheet_shown_and_forgotten_by_its_name(run: Run) -> None:
    async def main() -> None:
        async with opened() as (engine, pilot):
            await play(pilot, *REPOSITORIES, Act("down enter", "KEPT BY"))
            await play(pilot, Act("v", "All contents were read and are whole"))
            assert engine.desk.verified == ["store"]
            await play(pilot, Act("s", "an-example-not-a-password"))
            await play(pilot, Act("question_mark", "One step back"))
            await play(pilot, Act("escape", "an-example-not-a-password"), Act("escape", "KEPT BY"))
            await play(pilot, Act("x", "type its name"), Act("text:stor enter", "nothing was"))
            await play(pilot, Act("text:e enter", "1 repository"))
            assert [one.name for one in engine.desk.profiles] == ["cloud"]

    run(main())


def test_a_key_pressed_before_the_repository_has_answered_is_not_lost(run: Run) -> None:
    may_answer = Event()

    class Slow(ExampleDesk):
        def standing(self, deployment: str = "", repository: str = "") -> list[Standing]:
            if not deployment:  # the page of a backup asks, not the deployment's
                may_answer.wait(20)
            return super().standing(deployment, repository)

    def slow(engine: ExampleHomeport) -> None:
        engine.finish_what_runs()
        engine.desk = Slow(empty=False)

    async def main() -> None:
        async with opened(slow) as (_, pilot):
            await play(pilot, *BACKUPS, Act("home enter", "Asking the repositories"))
            await play(pilot, Act("i", "As soon as the repository has answered"))
            may_answer.set()
            await seen(pilot, "leaves the application")

    run(main())


def test_a_repository_that_is_away_does_not_hide_what_is_in_the_others(run: Run) -> None:
    class Away(ExampleDesk):
        def standing(self, deployment: str = "", repository: str = "") -> list[Standing]:
            if repository == "cloud":
                raise Unreachable("the bucket does not answer", on="cloud", do="Look at the net.")
            return super().standing(deployment, repository)

    def away(engine: ExampleHomeport) -> None:
        engine.finish_what_runs()
        engine.desk = Away(empty=False)

    async def main() -> None:
        async with opened(away) as (_, pilot):
            await play(pilot, *BACKUPS, Act("", "Look at the net."))
            assert "V2, drill" in screen_text(pilot.app)
            await play(pilot, Act("home enter", "restore in place: calendar"))

    run(main())
