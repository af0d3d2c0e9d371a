"""How pages reach the engine: questions asked off the interface's thread, answers as messages.

The engine's calls block and its front door is not shared between threads, so every lane
here is a thread with a Homeport of its own. Threads are daemons: leaving the interface
waits for nothing, because whatever must go on is an operation in the worker process.
The engine is imported in these threads too, behind the first paint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from textual.message import Message

if TYPE_CHECKING:
    from engine.homeport import Homeport
    from engine.model.events import Event

Answer = TypeVar("Answer")


class Asker(Protocol):
    """Who gets the answer: any widget or screen."""

    def post_message(self, message: Message) -> bool: ...


@dataclass
class CallFailed(Message):
    """The engine refused or failed. `error` has the fields of HomeportError.describe()."""

    error: dict[str, Any]
    asked: str
    """What was asked for, to tell one failure from another."""


@dataclass(frozen=True)
class _Question:
    asker: Asker
    call: Callable[[Any], Any]
    answered: Callable[[Any], Message]
    name: str


class Session:
    """The engine of one interface. `ask` for what is quick, `ask_slowly` for what waits
    for the network, `follow` for the events of an operation."""

    def __init__(self, opener: Callable[[], Homeport]) -> None:
        self._opener = opener
        self._questions: SimpleQueue[_Question] = SimpleQueue()
        self._followers: dict[str, Follower] = {}
        self._started = False

    def ask(
        self,
        asker: Asker,
        call: Callable[[Homeport], Answer],
        answered: Callable[[Answer], Message],
        name: str = "",
    ) -> None:
        """Answered in order, by one thread that keeps its Homeport open."""
        if not self._started:
            self._started = True
            Thread(target=self._answer_quickly, name="engine", daemon=True).start()
        self._questions.put(_Question(asker, call, answered, name))

    def ask_slowly(
        self,
        asker: Asker,
        call: Callable[[Homeport], Answer],
        answered: Callable[[Answer], Message],
        name: str = "",
    ) -> None:
        """Answered by a thread of its own, so that nothing else waits for it."""
        question = _Question(asker, call, answered, name)
        Thread(target=self._answer_slowly, args=(question,), name=name, daemon=True).start()

    def follow(self, operation_id: str) -> Follower:
        """The events of an operation; the same follower for every page that asks."""
        follower = self._followers.get(operation_id)
        if follower is None or follower.ended:
            follower = self._followers[operation_id] = Follower(self._opener, operation_id)
        return follower

    def _answer_quickly(self) -> None:
        homeport: Homeport | None = None
        while True:
            question = self._questions.get()
            try:
                homeport = homeport or self._opener()
            except Exception as failure:  # noqa: BLE001 - every failure is shown, none ends the lane
                question.asker.post_message(CallFailed(described(failure), question.name))
            else:
                _answer(question, homeport)

    def _answer_slowly(self, question: _Question) -> None:
        try:
            homeport = self._opener()
        except Exception as failure:  # noqa: BLE001 - shown by the page that asked
            question.asker.post_message(CallFailed(described(failure), question.name))
            return
        try:
            _answer(question, homeport)
        finally:
            homeport.close()


def _answer(question: _Question, homeport: Homeport) -> None:
    try:
        message = question.answered(question.call(homeport))
    except Exception as failure:  # noqa: BLE001 - shown by the page that asked
        message = CallFailed(described(failure), question.name)
    question.asker.post_message(message)


def described(failure: BaseException) -> dict[str, Any]:
    """What a page shows of a failure: the engine's own words, or the defect's name."""
    describe = getattr(failure, "describe", None)
    if describe is not None:
        return dict(describe())
    return {
        "code": "defect",
        "what": "Homeport has a defect here",
        "on": "",
        "why": f"{type(failure).__name__}: {failure}",
        "left": "",
        "do": "Run `homeport doctor`, and report what it prints together with this line.",
        "retryable": False,
    }


class Follower:
    """Collects the events of one operation as they come, for a page to look at twice a second."""

    def __init__(self, opener: Callable[[], Homeport], operation_id: str) -> None:
        self.operation_id = operation_id
        self.ended = False
        self.error: dict[str, Any] | None = None
        self._events: list[Event] = []
        self._lock = Lock()
        thread = Thread(target=self._run, args=(opener,), name="follow", daemon=True)
        thread.start()

    def after(self, count: int) -> list[Event]:
        """The events beyond the first `count`."""
        with self._lock:
            return self._events[count:]

    def _run(self, opener: Callable[[], Homeport]) -> None:
        try:
            homeport = opener()
            for event in homeport.follow(self.operation_id):
                with self._lock:
                    self._events.append(event)
            homeport.close()
        except Exception as failure:  # noqa: BLE001 - shown by the progress page
            self.error = described(failure)
        self.ended = True
