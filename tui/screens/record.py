"""One DNS record, added or changed: checked while it is typed, then the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tui.screens.fields import Field, FieldsPage
from tui.screens.page import BACK
from tui.widgets.bars import Hint

if TYPE_CHECKING:
    from engine.model.record import RecordsInZone, RecordStanding

_TTL = "300"


class RecordPage(FieldsPage):
    """before: what is changed, in this one of its values; None where a record is added. One of the
    package's is left as it is, and what is typed takes its place."""

    HINTS: ClassVar[tuple[Hint, ...]] = (
        ("Enter", "read the plan"),
        ("Tab Up Down", "line"),
        BACK,
    )

    def __init__(
        self,
        name: str,
        found: RecordsInZone,
        before: RecordStanding | None = None,
        value: str = "",
    ) -> None:
        super().__init__()
        self._deployment = name
        self._found = found
        self._before = before
        self._value = value

    def fields(self) -> tuple[Field, ...]:
        from engine.planning.records import name_as_written, written_by_owner

        rdtype, name, ttl = "", "@", _TTL
        if self._before is not None:
            record = written_by_owner(self._before.record, self._found.added)
            rdtype, ttl = record.type, str(record.ttl)
            name = name_as_written(record.name, self._found.domain)
        return (
            Field("type", rdtype, placeholder="MX, TXT, CNAME, ...", lines=1),
            Field("name", name, lines=2),
            Field("value", self._value, lines=3),
            Field("ttl", ttl, lines=1),
        )

    def about(self) -> str:
        if self._before is None:
            return (
                f"A record of {self._deployment} beside its address. It goes with the deployment."
            )
        if self._before.origin == "package":
            return "The package declares this record. What you write here takes its place."
        return f"A record that you added to {self._deployment}."

    def on_mount(self) -> None:
        verb = "add" if self._before is None else "change"
        self.title_bar(f"deployments  {self._deployment}  DNS records  {verb}")

    def problems(self) -> dict[str, str]:
        from engine.planning.record_checks import record_problems, together_problem

        found = self._found
        rdtype, name, value, ttl = map(self.value, ("type", "name", "value", "ttl"))
        wrong = record_problems(rdtype, name, value, ttl, found.domain, found.zone)
        if not any(wrong.values()):
            beside = [one.record for one in found.records if one.origin == "package"]
            wrong["name"] = together_problem(
                found.added, self._written(), self._removed(), beside, found.domain
            )
        return wrong

    def said(self) -> dict[str, str]:
        from engine.planning.record_checks import value_form
        from engine.planning.records import full_name

        name = self.value("name")
        return {
            "type": "A, AAAA, CAA, CNAME, MX, SRV or TXT",
            "name": f"{full_name(name, self._found.domain)}; one with a dot at its end is whole",
            "value": value_form(self.value("type")),
            "ttl": "seconds for which others remember it",
        }

    def _written(self) -> str:
        return " ".join(self.value(field) for field in ("type", "name", "value"))

    def _removed(self) -> list[str]:
        from engine.planning.records import as_written, written_by_owner

        if self._before is None or self._before.origin != "owner":
            return []
        return [as_written(written_by_owner(self._before.record, self._found.added), self._value)]

    def go_on(self) -> None:
        from tui.screens.plan import PlanPage

        name, add, remove = self._deployment, [self._written()], self._removed()
        ttl = int(self.value("ttl"))
        self.app.push_screen(
            PlanPage(
                f"{name}  {self.value('type').upper()} record",
                lambda homeport: homeport.plan_records(name, add=add, remove=remove, ttl=ttl),
            )
        )
