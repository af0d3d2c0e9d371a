"""A few lines of text to be filled in; what is wrong with one stands right below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from tui.screens.page import BACK, Page
from tui.text import BLANK, Line, Span, wrapped
from tui.widgets.bars import Hint
from tui.widgets.lines import LineView
from tui.widgets.text_line import TextLine

_LABEL = 11


@dataclass(frozen=True)
class Field:
    """One line. hidden: what is typed is never shown. lines: for what is said below it."""

    name: str
    value: str = ""
    placeholder: str = ""
    hidden: bool = False
    lines: int = 2


class FieldsPage(Page):
    """`fields` in the order in which they stand; `problems` and `said` are asked at every key."""

    HINTS: ClassVar[tuple[Hint, ...]] = (("Enter", "next"), ("Tab Up Down", "line"), BACK)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "line(1)", "Next line", priority=True),
        Binding("up,shift+tab", "line(-1)", "Line above", priority=True),
    ]

    def fields(self) -> Sequence[Field]:
        raise NotImplementedError

    def about(self) -> str:
        """What this is for, above the fields."""
        raise NotImplementedError

    def problems(self) -> Mapping[str, str]:
        """By field, what is wrong with it; empty where nothing is."""
        raise NotImplementedError

    def said(self) -> Mapping[str, str]:
        """By field, what it means as it is."""
        raise NotImplementedError

    def unused(self) -> set[str]:
        """Fields that mean nothing beside what the others say; they are not shown."""
        return set()

    def go_on(self) -> None:
        """Enter was pressed, and nothing is wrong."""
        raise NotImplementedError

    def still_reading(self) -> str:
        """Why Enter cannot go on yet; empty where it can."""
        return ""

    def body(self) -> ComposeResult:
        yield LineView(id="about-name", classes="about")
        for field in self.fields():
            with Horizontal(classes="field", id=f"{field.name}-field"):
                label = f" {field.name.capitalize():<9}"
                yield LineView([(Span(label, "strong"),)], classes="label")
                yield TextLine(
                    field.value,
                    placeholder=field.placeholder,
                    password=field.hidden,
                    id=field.name,
                )
            said = LineView(id=f"{field.name}-said", classes="said")
            said.styles.height = field.lines
            yield said
        yield LineView(id="fields-said")

    def line(self, field: str) -> TextLine:
        return self.query_one(f"#{field}", TextLine)

    def value(self, field: str) -> str:
        return self.line(field).value.strip()

    def on_input_changed(self, change: TextLine.Changed) -> None:
        if self.message:  # it was about what stood there before
            self.say("")
        self.say_all()

    def say_all(self) -> None:
        """Below each field, what is wrong with it or what it means."""
        width, said, unused = self.size.width - _LABEL - 3, self.said(), self.unused()
        most = {field.name: field.lines for field in self.fields()}
        for field, problem in self.problems().items():
            for part in (f"#{field}-field", f"#{field}-said"):
                self.query_one(part).display = field not in unused
            text = f"x {problem}" if problem else f"+ {said[field]}"
            lines: list[Line] = wrapped(text, width, "bad" if problem else "good")
            view = self.query_one(f"#{field}-said", LineView)
            view.show([(Span(" " * _LABEL), *content) for content in lines[: most[field]]])

    def draw(self) -> None:
        width = self.size.width - 2
        about = [(Span(" "), *content) for content in wrapped(self.about(), width)[:2]]
        self.query_one("#about-name", LineView).show([BLANK, *about])
        self.say_all()

    # going between the lines

    def _shown(self) -> list[str]:
        unused = self.unused()
        return [field for field in self.problems() if field not in unused]

    def action_line(self, by: int) -> None:
        shown = self._shown()
        focused = self.focused.id if self.focused is not None else None
        at = shown.index(focused) + by if focused in shown else 0
        # At once: what is typed next may have come together with this key.
        self.set_focus(self.line(shown[at % len(shown)]))

    def on_input_submitted(self, submitted: TextLine.Submitted) -> None:
        """Enter goes to the first line that is wrong, or on."""
        if why := self.still_reading():
            self.say(why)
            return
        problems = self.problems()
        for field in self._shown():
            if problems[field]:
                self.set_focus(self.line(field))
                self.say(f"x {field}: {problems[field]}", "bad")
                return
        self.go_on()
