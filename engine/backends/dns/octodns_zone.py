"""One zone behind one octoDNS provider: read it, plan our part of it, apply that plan.

Every error leaves here as one of ours; what a driver said is quoted without its secrets, and
not chained, since a driver's traceback may show them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from octodns.provider.plan import UnsafePlan

from engine.backends.dns.failures import Explainer
from engine.backends.dns.ownership import ZoneView
from engine.backends.dns.provider import make_provider
from engine.backends.dns.records import name_and_type, zone_of
from engine.backends.dns.zone_editor import Targets, ZoneEditor
from engine.errors import HomeportError, InvalidInput, NotFound, Unsafe

Decide = Callable[[ZoneView], Targets]


class OctodnsZone:
    """arguments: of the provider; secrets: more of them, whose values are never shown."""

    def __init__(
        self,
        zone: str,
        class_path: str,
        arguments: Mapping[str, Any],
        secrets: Callable[[], Mapping[str, str]],
    ) -> None:
        self.zone = zone
        self._class_path = class_path
        self._arguments = arguments
        self._read_secrets = secrets

    def read(self) -> Any:
        """The whole zone, as the provider gives it; NotFound where there is none."""
        provider, zone = self._provider, zone_of(self.zone)
        with self._explained("the DNS zone cannot be read"):
            exists = provider.populate(zone, target=True, lenient=True)
        if exists is False:
            raise self._missing()
        return zone

    def plan(self, decide: Decide) -> Any:
        """octoDNS's plan for our names, or None; refused where it is not safe or not ours."""
        provider, editor = self._provider, ZoneEditor(decide)
        with self._explained("the DNS zone cannot be read"):
            plan = provider.plan(zone_of(self.zone), processors=[editor])
        self._refuse_unsupported(editor.targets)
        if plan is None or not plan.changes:
            return None
        if plan.exists is False:
            raise self._missing()
        _refuse_other_changes(plan, editor.targets)
        _refuse_unsafe(plan, self.zone)
        plan.meta = None  # settings of the zone itself are not ours to change
        return plan

    def change(self, decide: Decide) -> None:
        """Plan on what is there at this moment, and apply that."""
        plan = self.plan(decide)
        if plan is None:
            return
        with self._explained("the DNS records cannot be changed", writing=True):
            self._provider.apply(plan)

    @contextmanager
    def _explained(self, what: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except HomeportError:
            raise
        except Exception as error:  # noqa: BLE001 - drivers raise whatever they like
            raise self._explainer.explain(error, what, writing=writing) from None

    @cached_property
    def _secrets(self) -> Mapping[str, str]:
        return self._read_secrets()

    @cached_property
    def _provider(self) -> Any:
        return make_provider(self._class_path, "homeport", {**self._arguments, **self._secrets})

    @cached_property
    def _explainer(self) -> Explainer:
        host = self._arguments.get("host")
        server = f"{host}:{self._arguments.get('port', 53)}" if host else self._class_path
        return Explainer(server, self.zone, tuple(self._secrets.values()))

    def _missing(self) -> NotFound:
        return NotFound(
            "the DNS zone does not exist",
            on=self.zone,
            why="the DNS provider does not know it",
            do=f"Create the zone {self.zone} at the DNS provider first",
        )

    def _refuse_unsupported(self, targets: Targets) -> None:
        for (name, rdtype), wanted in targets.items():
            if wanted is not None and rdtype not in self._provider.SUPPORTS:
                raise InvalidInput(
                    "the DNS provider does not know this kind of record",
                    on=f"{name} {rdtype}",
                    why=f"{self._class_path} does not support {rdtype}",
                    left="nothing was changed",
                    do="Use another kind of record, or another DNS provider",
                )


def _refuse_other_changes(plan: Any, targets: Targets) -> None:
    """A provider may add changes of its own; what is not ours is not made by us."""
    other = sorted(
        f"{name} {rdtype}"
        for name, rdtype in (name_and_type(change.record) for change in plan.changes)
        if (name, rdtype) not in targets
    )
    if other:
        raise Unsafe(
            "the DNS provider would change records that are not ours",
            on=", ".join(other[:5]),
            why="its octoDNS driver adds changes of its own",
            left="nothing was changed",
            do="Bring these records in order with octoDNS itself first",
        )


def _refuse_unsafe(plan: Any, zone: str) -> None:
    try:
        plan.raise_if_unsafe()
    except UnsafePlan as error:
        raise Unsafe(
            "the DNS change is larger than octoDNS's safety limits allow",
            on=zone,
            why=str(error).replace(", force required", ""),
            left="nothing was changed",
            do="Look at the zone. If the change is right, raise update_pcent_threshold or "
            "delete_pcent_threshold in args of the provider's dns settings",
        ) from error
