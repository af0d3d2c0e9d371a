"""Plans to another provider and back, from what inventory and catalog hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import Conflict, HomeportError, InvalidInput
from engine.model.deployment import Deployment, DeploymentStatus
from engine.model.move import Forwarded, Move, MovePhase, MoveTerms
from engine.model.plan import Intent, Plan
from engine.model.provider import OPTIONAL, ProviderProfile, Service
from engine.operations.gates import refuse_destroyed
from engine.operations.looking import forwarded_at, sizes_of
from engine.operations.speeds import measured_speeds
from engine.operations.workplace import Workplace
from engine.planning.after_move import plan_confirm, plan_revert
from engine.planning.desired import Desired
from engine.planning.migrate import Extent, plan_migrate, terms_of
from engine.planning.redelegate import at_both
from engine.planning.services import refuse_move

if TYPE_CHECKING:
    from engine.operations.planner import Planner


NO_TERMS = MoveTerms()


class Moving:
    def __init__(self, workplace: Workplace, planner: Planner) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory
        self._planner = planner

    def migrate(
        self, name: str, to: str, terms: MoveTerms = NO_TERMS, *, measured: bool = True
    ) -> Plan:
        """InvalidInput, NotFound, Conflict for what cannot move, or not there. measured: the
        source's guest is asked how much there is."""
        deployment = self._deployment(name)
        self._inventory.operations.refuse_if_held(deployment.id, deployment.name)
        target = self._inventory.providers.get(to)
        source = self._inventory.providers.get(deployment.provider)
        move = self._inventory.moves.of(deployment.id)
        refuse_unfit(deployment, source, target, move)
        refuse_move(self._workplace.package(deployment.application), source, target)
        plan = plan_migrate(
            self._at(deployment, target),
            self._at(deployment, source),
            self._names_at(deployment),
            again=move is not None and move.phase is MovePhase.STOPPED,
            terms=terms,
            extent=self._extent(deployment) if measured else Extent(),
        )
        return self._planner.declared(at_both(plan, self.names_also(deployment)))

    def go_on(self, name: str) -> None:
        """What is held before the freeze begins. Conflict where nothing is."""
        deployment = self._deployment(name)
        move = self._inventory.moves.of(deployment.id)
        if move is None or not move.waits:
            raise _nothing_waits(deployment, move)
        self._inventory.moves.release(deployment.id)
        self._inventory.audit.record(f"continue {deployment.name}", move.operation)

    def forwarded(self, deployment: Deployment) -> Forwarded | None:
        """What came by the address of the side that does not serve; None where no such side
        passes anything on. HomeportError where it cannot be asked."""
        move = self._inventory.moves.of(deployment.id)
        if move is None or move.phase not in (MovePhase.OBSERVING, MovePhase.REVERTED):
            return None
        other = move.source if move.phase is MovePhase.OBSERVING else move.target
        since = move.frozen or move.began
        return forwarded_at(self._workplace, deployment, other, since)

    def revert(self, name: str) -> Plan:
        """Back to the side that the deployment came from. Conflict where there is none."""
        deployment = self._deployment(name)
        self._inventory.operations.refuse_if_held(deployment.id, deployment.name)
        move = self._inventory.moves.of(deployment.id)
        refuse_unrevertible(deployment, move)
        assert move is not None
        plan = plan_revert(
            self._at(deployment, self._inventory.providers.get(move.source)),
            self._at(deployment, self._inventory.providers.get(move.target)),
            self._names_at(deployment),
            move,
        )
        return at_both(plan, self.names_also(deployment))

    def confirm(self, name: str, *, measured: bool = True) -> Plan:
        """It stays where it is. Conflict where there is no other side to remove. measured: the
        other side is asked what it passed on."""
        deployment = self._deployment(name)
        self._inventory.operations.refuse_if_held(deployment.id, deployment.name)
        other = self.other_side(deployment)
        if other is None or is_between(deployment, self._inventory.moves.of(deployment.id)):
            raise _nothing_to_confirm(deployment, self._inventory.moves.of(deployment.id))
        plan = plan_confirm(
            self._at(deployment, self._inventory.providers.get(deployment.provider)),
            other,
            self._names_at(deployment),
            self._inventory.resources.of(deployment.id),
            keeps_secrets=self.shares_secrets(deployment, other.provider),
            forwarded=self._forwarded(deployment) if measured else None,
        )
        return self._planner.declared(at_both(plan, self.names_also(deployment)))

    def again(self, plan: Plan) -> Plan:
        """The same plan made anew, as far as it would still be made."""
        if plan.intent is Intent.MIGRATE:
            return self.migrate(plan.deployment, plan.provider, terms_of(plan), measured=False)
        if plan.intent is Intent.REVERT:
            return self.revert(plan.deployment)
        return self.confirm(plan.deployment, measured=False)

    def other_side(self, deployment: Deployment) -> Desired | None:
        """The deployment at the provider where it does not live but something of it is kept."""
        move = self._inventory.moves.of(deployment.id)
        if move is None or not move.is_open:
            return None
        other = move.target if deployment.provider == move.source else move.source
        return self._at(deployment, self._inventory.providers.get(other))

    def shares_secrets(self, deployment: Deployment, other: ProviderProfile) -> bool:
        """Both sides' secrets are the same values in the same store."""
        here = self._inventory.providers.get(deployment.provider)
        return here.backends.get(Service.SECRETS) == other.backends.get(Service.SECRETS)

    def names_elsewhere(self, deployment: Deployment) -> str:
        """The provider of its names, where that is not the one it lives at; else empty."""
        names_at = self._names_at(deployment)
        return "" if names_at == deployment.provider else names_at

    def names_also(self, deployment: Deployment) -> str:
        """The provider whose name servers have its names, too, while these move; else empty."""
        servers = self._inventory.name_servers(deployment.id)
        return servers.also if servers else ""

    def _extent(self, deployment: Deployment) -> Extent:
        try:
            sizes = sizes_of(self._workplace, deployment)
        except HomeportError as error:
            return Extent(unknown=f"the source could not be asked ({error.what})")
        return Extent(sizes, measured_speeds(self._inventory, deployment.application))

    def _forwarded(self, deployment: Deployment) -> Forwarded | None:
        try:
            return self.forwarded(deployment)
        except HomeportError:
            # The plan is the same without it; it may be why somebody confirms.
            return None

    def _deployment(self, name: str) -> Deployment:
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        return deployment

    def _names_at(self, deployment: Deployment) -> str:
        servers = self._inventory.name_servers(deployment.id)
        return servers.at if servers else deployment.provider

    def _at(self, deployment: Deployment, provider: ProviderProfile) -> Desired:
        package = self._workplace.package(deployment.application)
        desired = self._planner.as_it_is(deployment, package)
        return replace(self._planner.with_history(desired), provider=provider)


def is_between(deployment: Deployment, move: Move | None) -> bool:
    """Fenced at the one side, and not yet said to live at the other."""
    return (
        move is not None
        and move.is_open
        and move.phase in (MovePhase.MOVING, MovePhase.OBSERVING)
        and move.writer != deployment.provider
    )


def refuse_moved(deployment: Deployment, move: Move | None) -> None:
    """Conflict for a change of a deployment whose other side is kept to go back to: going back
    would silently undo the change, or find it half."""
    if is_between(deployment, move):
        assert move is not None
        raise Conflict(
            what="the deployment is between two providers",
            on=f"{deployment.name}, from {move.source} to {move.target}",
            why="one side is fenced, and the operation on it did not come to its end",
            left="nothing was changed",
            do=f"Resume its last operation (homeport operations {deployment.name}), or go back: "
            f"homeport revert {deployment.name}",
        )
    if move is not None and move.phase is MovePhase.OBSERVING:
        raise Conflict(
            what="the deployment's move is still being observed",
            on=f"{deployment.name}, moved from {move.source} to {move.target}",
            why=f"{move.source} keeps its side as it was, to go back to",
            left="nothing was changed",
            do=f"Settle it first: homeport confirm {deployment.name}, or homeport revert "
            f"{deployment.name}",
        )


def refuse_unfit(
    deployment: Deployment, source: ProviderProfile, target: ProviderProfile, move: Move | None
) -> None:
    """Conflict and InvalidInput for a deployment or a target with which a move cannot begin."""
    refuse_moved(deployment, move)
    on = f"{deployment.name} to {target.name}"
    if source.name == target.name:
        raise InvalidInput(
            what="the deployment lives there already",
            on=on,
            left="nothing was changed",
            do="Choose another provider: homeport providers",
        )
    if deployment.status is not DeploymentStatus.RUNNING:
        raise Conflict(
            what="only a deployment that runs can move",
            on=on,
            why=f"it is {deployment.status.value}",
            left="nothing was changed",
            do=f"See what stopped it: homeport operations {deployment.name}",
        )
    if missing := sorted(source.backends.keys() - target.backends.keys() - OPTIONAL):
        raise InvalidInput(
            what="the target lacks a service that the deployment needs",
            on=on,
            why=f"{target.name} has no {', '.join(missing)}",
            left="nothing was changed",
            do=f"Add what is missing to the settings of {target.name}, or choose another one.",
        )
    if source.access.https_port != target.access.https_port:
        raise InvalidInput(
            what="the deployment's public address would change",
            on=on,
            why=f"{source.name} serves at port {source.access.https_port}, {target.name} at "
            f"port {target.access.https_port}",
            left="nothing was changed",
            do="Give both providers the same https_port.",
        )
    if move is not None and move.phase is MovePhase.REVERTED:
        raise _leftover(deployment, move, "it came back from there")
    stopped = move is not None and move.phase in (MovePhase.STOPPED, MovePhase.MOVING)
    if stopped and move is not None and move.target != target.name:
        raise _leftover(deployment, move, "an earlier move there was taken back")


def refuse_unrevertible(deployment: Deployment, move: Move | None) -> None:
    """Conflict unless the source is fenced and still there."""
    if move is not None and move.phase in (MovePhase.OBSERVING, MovePhase.MOVING):
        if move.is_fenced or move.phase is MovePhase.OBSERVING:
            return
        why = f"{move.source} was never fenced: the deployment serves there"
        do = f"Go on with the move: homeport resume {move.operation}"
    elif move is not None and move.phase is MovePhase.CONFIRMED:
        why = f"the move to {move.target} was confirmed, and {move.source} keeps nothing of it"
        do = f"Move it back with its data: homeport migrate {deployment.name} --to {move.source}"
    else:
        why = "it was never moved" if move is None else f"it serves at {move.source} already"
        do = f"See where it is: homeport show {deployment.name}"
    raise Conflict(
        what="there is no move to revert",
        on=deployment.name,
        why=why,
        left="nothing was changed",
        do=do,
    )


def _leftover(deployment: Deployment, move: Move, why: str) -> Conflict:
    return Conflict(
        what="something of the deployment is kept at another provider",
        on=f"{deployment.name} at {move.target}",
        why=why,
        left="nothing was changed",
        do=f"Remove it first: homeport confirm {deployment.name}",
    )


def _nothing_waits(deployment: Deployment, move: Move | None) -> Conflict:
    is_moving = move is not None and move.phase is MovePhase.MOVING
    return Conflict(
        what="nothing waits to be told to go on",
        on=deployment.name,
        why="its move is not held, or not yet, or goes on already"
        if is_moving
        else "it does not move",
        left="nothing was changed",
        do=f"Watch it: homeport attach {move.operation}"
        if is_moving and move
        else f"Begin a move that waits: homeport migrate {deployment.name} --to PROVIDER --hold",
    )


def _nothing_to_confirm(deployment: Deployment, move: Move | None) -> Conflict:
    between = is_between(deployment, move)
    return Conflict(
        what="there is no move to confirm",
        on=deployment.name,
        why="the move did not come to its end"
        if between
        else "nothing of it is kept at another provider",
        left="nothing was changed",
        do=f"Go on: homeport resume {move.operation}"
        if between and move
        else f"See where it is: homeport show {deployment.name}",
    )
