"""Plans that take a deployment's names to another provider's name servers, seen against what both
zones have and what the world is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.backends.protocols import HasNameServers, NameServer
from engine.errors import Conflict, Denied, HomeportError, InvalidInput, NotFound, Unreachable
from engine.model.deployment import Deployment
from engine.model.names import Delegation, NamesMove
from engine.model.plan import Plan
from engine.model.provider import ProviderProfile, Service
from engine.operations.gates import refuse_destroyed
from engine.operations.moving import refuse_moved
from engine.operations.recording import changes_of, write_step
from engine.operations.steps.planned import planned_records, pointing_at
from engine.operations.workplace import Workplace
from engine.planning.redelegate import (
    FINISH,
    names_plan_of,
    plan_names_back,
    plan_names_finish,
    plan_names_move,
)
from engine.planning.zones import is_in, zone_at

if TYPE_CHECKING:
    from engine.operations.recording import Recording


class Redelegating:
    def __init__(self, workplace: Workplace, recording: Recording) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory
        self._recording = recording

    def move(self, name: str, to: str) -> Plan:
        """InvalidInput, NotFound, Conflict for what cannot be there; Unreachable where the new
        name servers do not answer."""
        deployment = self._deployment(name)
        refuse_moved(deployment, self._inventory.moves.of(deployment.id))
        servers, address = self._recording.named(deployment)
        if move := self._inventory.names_moves.of(deployment.id):
            raise _under_way(deployment, move)
        target = self._inventory.providers.get(to)
        _refuse_unfit(deployment, servers.at, target)
        desired = self._recording.desired(deployment)
        write = write_step(desired, target.name)
        wanted = pointing_at(address, planned_records(write))
        dns = self._workplace.backends(target).dns
        try:
            there = dns.name_servers() if isinstance(dns, HasNameServers) else ()
            seen = dns.plan(self._workplace.owner(deployment.id), wanted)
        except Conflict as error:
            raise _in_the_way(error, target.name) from error
        except HomeportError as error:
            error.left = error.left or "nothing was changed"
            raise
        zone = zone_at(target)
        warnings = [
            *_next(deployment, zone, there, self._name_servers(servers.at), servers.at),
            *self._others(deployment, zone, servers.at),
        ]
        return plan_names_move(
            desired, write, servers.at, target.name, changes_of(seen), tuple(warnings)
        )

    def finish(self, name: str, *, anyway: bool = False) -> Plan:
        """Conflict and Unreachable while somebody may still be sent to the old name servers, and
        where these do not answer, unless it is to be done anyway. NotFound where no names move."""
        deployment, move = self._moving(name)
        if not anyway:
            self._refuse_led_to(deployment, move.source, move.target, must_be_known=True)
        silent = self._silent(deployment, move.source, anyway=anyway)
        desired = self._recording.desired(deployment)
        return plan_names_finish(desired, move, anyway=anyway, silent=silent)

    def back(self, name: str, *, anyway: bool = False) -> Plan:
        """Conflict where the world is sent to the new name servers already, and errors where these
        do not answer, unless it is to be done anyway. NotFound where no names move."""
        deployment, move = self._moving(name)
        if not anyway:
            self._refuse_led_to(deployment, move.target, move.source, must_be_known=False)
        silent = self._silent(deployment, move.target, anyway=anyway)
        desired = self._recording.desired(deployment)
        return plan_names_back(desired, move, anyway=anyway, silent=silent)

    def again(self, plan: Plan) -> Plan | None:
        """The same plan made anew; None for one that is not of names that move."""
        asked = names_plan_of(plan)
        if asked is None:
            return None
        if "target" in asked:
            return self.move(plan.deployment, asked["target"])
        make = self.finish if asked["verb"] == FINISH else self.back
        return make(plan.deployment, anyway=asked["anyway"])

    def delegation(self, name: str) -> Delegation | None:
        """Where the world is sent for names that move: asks name servers, takes seconds. None
        where none move."""
        deployment = self._inventory.deployments.get(name)
        move = self._inventory.names_moves.of(deployment.id)
        if move is None:
            return None
        found = Delegation(
            zone=zone_at(self._inventory.providers.get(move.target)),
            source=move.source,
            target=move.target,
            wanted=tuple(map(str, self._name_servers(move.target))),
        )
        try:
            public = tuple(map(str, self._delegated(move.target)))
        except Unreachable as error:
            return found.model_copy(update={"unknown": error.why or error.what})
        return found.model_copy(update={"public": public})

    def _silent(self, deployment: Deployment, left: str, *, anyway: bool) -> str:
        """Why nothing can be removed there: a provider that was left may be gone. Empty: it can."""
        dns = self._workplace.backends(self._inventory.providers.get(left)).dns
        try:
            dns.find(self._workplace.owner(deployment.id))
        except (Unreachable, Denied, NotFound) as error:
            if anyway:
                return str(error)
            error.left = error.left or "nothing was changed"
            error.do = f"{error.do.rstrip('.')}. Or leave behind what is there: --anyway."
            raise
        return ""

    def _refuse_led_to(
        self, deployment: Deployment, left: str, kept: str, *, must_be_known: bool
    ) -> None:
        try:
            public = self._delegated(kept)
        except Unreachable as error:
            if not must_be_known:
                return
            error.do = "If the zone is not public, say so: --anyway. " + error.do
            raise
        by = self._name_servers(kept), self._name_servers(left)
        if why := still_led(public, *by, kept, left):
            zone = zone_at(self._inventory.providers.get(kept))
            raise Conflict(
                what=f"the world may still be sent to the name servers of {left}",
                on=f"{deployment.name}, zone {zone}",
                why=why,
                left=f"nothing was changed: {left} and {kept} both have its names",
                do=f"Have the zone delegated to {_list(by[0]) or f'those of {kept}'} alone, wait "
                "until resolvers forget the old ones, then try again. If no parent zone sends "
                "anybody to it: --anyway.",
            )

    def _delegated(self, provider: str) -> tuple[NameServer, ...]:
        dns = self._workplace.backends(self._inventory.providers.get(provider)).dns
        if isinstance(dns, HasNameServers):
            return dns.delegation()
        raise Unreachable("the dns backend does not know the zone's delegation", on=provider)

    def _name_servers(self, provider: str) -> tuple[NameServer, ...]:
        """As its zone names them; none where nobody can say."""
        dns = self._workplace.backends(self._inventory.providers.get(provider)).dns
        try:
            return dns.name_servers() if isinstance(dns, HasNameServers) else ()
        except Unreachable:
            return ()

    def _others(self, deployment: Deployment, zone: str, source: str) -> list[str]:
        """A delegation is of the whole zone."""
        names = [
            other.name
            for other in self._inventory.deployments.all()
            if other.id != deployment.id
            and is_in(other.domain, zone)
            and (servers := self._inventory.name_servers(other.id)) is not None
            and servers.all == (source,)
        ]
        if not names:
            return []
        return [f"Also in {zone}, and at {source} alone: {', '.join(names)}. Move theirs, too."]

    def _moving(self, name: str) -> tuple[Deployment, NamesMove]:
        deployment = self._deployment(name)
        move = self._inventory.names_moves.of(deployment.id)
        if move is None:
            raise NotFound(
                what="its names are not moving",
                on=deployment.name,
                left="nothing was changed",
                do=f"Begin with: homeport records {deployment.name} move --to PROVIDER",
            )
        return deployment, move

    def _deployment(self, name: str) -> Deployment:
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        self._inventory.operations.refuse_if_held(deployment.id, deployment.name)
        return deployment


def still_led(
    public: Sequence[NameServer],
    kept: Sequence[NameServer],
    left: Sequence[NameServer],
    kept_at: str,
    left_at: str,
) -> str:
    """Why somebody may still be sent to the servers that are left; empty where nobody is. kept,
    left: as the two zones name their own."""
    if not kept:
        return f"nobody says which name servers {kept_at} has"
    if set(kept) == set(left):
        return f"by the zones at {kept_at} and {left_at} both have the same: {_list(kept)}"
    if others := [each for each in public if each not in kept]:
        return f"it is delegated to {_list(others)}, and the zone at {kept_at} names {_list(kept)}"
    return ""


def _next(
    deployment: Deployment,
    zone: str,
    there: Sequence[NameServer],
    here: Sequence[NameServer],
    source: str,
) -> list[str]:
    """What is to be done by hand, and in which order."""
    told = [
        f"Only the records of {deployment.name} are made there. See that all else of {zone} is "
        f"there, too; then have the zone delegated at its registrar to "
        f"{_list(there) or 'the new name servers'}.",
        f"{source} keeps a copy, and both are written to, until resolvers have forgotten it, which "
        f"takes days. Then: homeport records {deployment.name} move --finish (or --back).",
    ]
    if there and set(there) == set(here):
        told.insert(
            0,
            f"The zone there names the old name servers, {_list(there)}. Correct its NS records.",
        )
    return told


def _refuse_unfit(deployment: Deployment, source: str, target: ProviderProfile) -> None:
    left = "nothing was changed"
    if target.name == source:
        raise InvalidInput(
            what="its names are there already",
            on=f"{deployment.name} at {source}",
            left=left,
            do="Choose another provider: homeport providers",
        )
    zone = zone_at(target)
    if not is_in(deployment.domain, zone):
        raise InvalidInput(
            what="that provider's zone does not hold the deployment's domain",
            on=f"{deployment.domain} at {target.name}",
            why=f"its name servers serve {zone or 'no zone'}",
            left=left,
            do="Have the zone served there, and name it in the provider's dns settings.",
        )
    settings = target.backends[Service.DNS].settings
    if "class" in settings and not settings.get("authoritative"):
        raise InvalidInput(
            what="the new name servers cannot be asked",
            on=target.name,
            why="its dns settings do not name them, and by the zone's delegation the old ones would"
            " be asked",
            left=left,
            do="Name them in the dns settings of the provider, as authoritative.",
        )


def _under_way(deployment: Deployment, move: NamesMove) -> Conflict:
    return Conflict(
        what="its names are on their way already",
        on=f"{deployment.name}, from {move.source} to {move.target}",
        left="nothing was changed",
        do=f"Finish it, or take it back: homeport records {deployment.name} move --finish, or "
        "--back. What was broken off goes on by homeport resume.",
    )


def _in_the_way(error: Conflict, target: str) -> Conflict:
    return Conflict(
        what=error.what,
        on=f"{error.on}, at {target}",
        why=error.why,
        left="nothing was changed",
        do=f"If it is a copy of this deployment's, as an imported zone has them, remove it at "
        f"{target}: it is made anew. Otherwise see whose it is first.",
    )


def _list(servers: Sequence[NameServer]) -> str:
    return ", ".join(map(str, servers))
