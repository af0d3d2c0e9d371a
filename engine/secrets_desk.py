"""What people do with the place where a provider's secrets lie: who may read what there, and
moving them elsewhere."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping, Sequence

from engine.backends.protocols import HasPolicies, ProviderBackends, Secrets
from engine.errors import (
    Conflict,
    InvalidInput,
    NotReady,
    PlanChanged,
    RemoteFailure,
    Unsafe,
)
from engine.model.deployment import Deployment
from engine.model.provider import BackendProfile, CheckStatus, ProviderProfile, Service
from engine.operations.secret_paths import path_of
from engine.operations.workplace import Workplace
from engine.planning import store_move
from engine.planning.store_move import StoreMove
from engine.vars.store import VarStore


class SecretsDesk:
    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace
        self._inventory = workplace.inventory

    def open(self, provider: str) -> Secrets:
        """The provider's store itself."""
        return self._backends(self._inventory.providers.get(provider)).secrets

    def policies(self, provider: str, deployment: str = "") -> str:
        """Commands that make Homeport's own role and a policy for each deployment there, or for
        one. InvalidInput where the store knows no policies."""
        profile = self._inventory.providers.get(provider)
        store = self._backends(profile).secrets
        if not isinstance(store, HasPolicies):
            raise InvalidInput(
                "this store of secrets has no policies",
                on=provider,
                why=f"its secrets lie in: {profile.backends[Service.SECRETS].kind}",
                do="Move them to OpenBao: homeport providers secrets NAME --to FILE",
            )
        wanted = self._inventory.deployments.get(deployment).id if deployment else ""
        return store.policies(
            {d.id: d.name for d in self._inventory.living_at(provider) if wanted in ("", d.id)}
        )

    def plan_move(self, provider: str, target: BackendProfile) -> StoreMove:
        """InvalidInput where they lie there already. Reads the names of the secrets."""
        profile = self._inventory.providers.get(provider)
        if store_move.same_store(profile.backends[Service.SECRETS], target):
            raise InvalidInput(
                "the secrets lie there already",
                on=provider,
                left="nothing was changed",
                do="To look at the store: homeport providers check NAME",
            )
        deployments = self._inventory.living_at(provider)
        source = self._backends(profile).secrets
        return StoreMove(
            provider=provider,
            action="copy",
            store=target,
            paths=_held(source, deployments, provider),
            deployments=tuple(d.name for d in deployments),
        )

    def plan_drop(self, provider: str, old: BackendProfile) -> StoreMove:
        """What the old store has of this provider's deployments, and nobody uses any more."""
        profile = self._inventory.providers.get(provider)
        if store_move.same_store(profile.backends[Service.SECRETS], old):
            raise InvalidInput(
                "the provider uses this store",
                on=provider,
                left="nothing was changed",
                do="Name the one that its secrets were moved away from.",
            )
        living = self._inventory.living_at(provider)
        held = store_move.held_elsewhere(
            old, {d.id: self._other_sides(d, provider) for d in living}
        )
        free = [d for d in living if d.id not in held]
        store = self._backends(self._with(profile, old)).secrets
        return StoreMove(
            provider=provider,
            action="drop",
            store=old,
            paths=_held(store, free, provider),
            deployments=tuple(d.name for d in free),
            held_back=tuple(d.name for d in living if d.id in held),
        )

    def move(
        self,
        plan: StoreMove,
        approved_hash: str,
        credentials: Mapping[str, str],
    ) -> None:
        """Copy, read back, and only then let the provider use the new store.

        credentials: path -> value, for the `*_ref`s of the new store's settings. Busy while an
        operation works on one of the deployments; nothing is removed from the old store.
        """
        profile = self._approved(plan, approved_hash, self.plan_move(plan.provider, plan.store))
        for path, value in credentials.items():
            self._workplace.installation_secrets().put(path, value)
        moved = self._with(profile, plan.store)
        source, target = self._backends(profile).secrets, self._backends(moved).secrets
        _refuse_unless_ready(plan.provider, target)
        _copy(plan.paths, source, target)
        VarStore(target, plan.provider).relabel()
        self._approved(plan, approved_hash, self.plan_move(plan.provider, plan.store))
        _refuse_unless_same(plan.paths, source, target)
        self._inventory.providers.save(moved)
        self._inventory.audit.record(
            f"move secrets of {plan.provider}", f"{len(plan.paths)} to {plan.store.kind}"
        )

    def drop(self, plan: StoreMove, approved_hash: str) -> int:
        """Remove the old copies, after each was compared with what is in use; how many went."""
        profile = self._approved(plan, approved_hash, self.plan_drop(plan.provider, plan.store))
        old = self._backends(self._with(profile, plan.store)).secrets
        for user in self._users(plan, profile):
            _refuse_if_one_place(user.name, old, self._backends(user).secrets)
        _refuse_unless_same(plan.paths, old, self._backends(profile).secrets)
        count = sum(old.delete(path) for path in plan.paths if path in old.list(path))
        self._inventory.audit.record(f"drop old secrets of {plan.provider}", str(count))
        return count

    def _approved(self, plan: StoreMove, approved_hash: str, now: StoreMove) -> ProviderProfile:
        for deployment in self._inventory.living_at(plan.provider):
            self._inventory.operations.refuse_if_held(deployment.id, deployment.name)
        if approved_hash != now.hash:
            raise PlanChanged(
                "the secrets are not those of the plan any more",
                on=plan.provider,
                why="a deployment or a secret came or went since",
                left="the provider uses the same store as before",
                do="Look at the plan again.",
            )
        return self._inventory.providers.get(plan.provider)

    def _users(self, plan: StoreMove, profile: ProviderProfile) -> list[ProviderProfile]:
        """The provider, and every other one at which the plan's deployments have a side."""
        sides = {
            side
            for deployment in self._inventory.living_at(plan.provider)
            if deployment.name in plan.deployments
            for side in self._inventory.sides(deployment)
        }
        others = sorted(sides - {plan.provider})
        return [profile, *(self._inventory.providers.get(name) for name in others)]

    def _other_sides(self, deployment: Deployment, provider: str) -> list[BackendProfile]:
        others = sorted(self._inventory.sides(deployment) - {provider})
        return [self._inventory.providers.get(name).backends[Service.SECRETS] for name in others]

    def _backends(self, profile: ProviderProfile) -> ProviderBackends:
        return self._workplace.backends(profile)

    @staticmethod
    def _with(profile: ProviderProfile, store: BackendProfile) -> ProviderProfile:
        return profile.model_copy(update={"backends": profile.backends | {Service.SECRETS: store}})


def _held(store: Secrets, deployments: Sequence[Deployment], provider: str) -> tuple[str, ...]:
    """Paths of all that the store has of these deployments, and of what generators made."""
    own = [path for d in deployments for path in store.list(path_of(d.id))]
    return (*own, *_generated(store, provider))


def _generated(store: Secrets, provider: str) -> list[str]:
    """Paths of what generators made for the provider: ours, and those of Clans."""
    return [*store.list(f"vars/{provider}"), *store.list(f"clan/{provider}")]


def _refuse_unless_ready(provider: str, target: Secrets) -> None:
    problems = [check for check in target.check() if check.status is CheckStatus.FAIL]
    if problems:
        raise NotReady(
            "the new store is not ready",
            on=provider,
            why="; ".join(f"{check.title}: {check.found}" for check in problems),
            left="nothing was copied; the provider uses the same store as before",
            do=" ".join(check.do for check in problems),
        )


def _refuse_if_one_place(provider: str, old: Secrets, used: Secrets) -> None:
    """Two descriptions may lead to one place, and what is dropped there is lost: a value that
    is put in by one must not be seen by the other."""
    path = f"probes/{randomness.token_hex(8)}"
    try:
        old.put(path, path)
        is_one = path in used.list("probes")
    finally:
        old.delete(path)
    if is_one:
        raise Unsafe(
            "the old store is the one in use",
            on=provider,
            why="what is written there is seen by the provider, under other settings",
            left="nothing was removed",
            do="There are no old copies: the secrets never moved away from there.",
        )


def _copy(paths: Sequence[str], source: Secrets, target: Secrets) -> None:
    """Each value, read back. RemoteFailure where the target gave back something else."""
    for path in paths:
        value = source.get(path)
        target.put(path, value)
        if target.get(path) != value:
            raise RemoteFailure(
                "a secret did not arrive as it was sent",
                on=path,
                why="what was read back differs",
                left="the provider still uses the old store, which has everything",
                do="Check the new store: homeport providers check NAME; then try again.",
            )


def _refuse_unless_same(paths: Sequence[str], old: Secrets, current: Secrets) -> None:
    """Conflict for the first value that is not, or not the same, in the store in use."""
    there = {path for top in ("deployments", "vars", "clan") for path in current.list(top)}
    for path in paths:
        if path not in there or current.get(path) != old.get(path):
            raise Conflict(
                "the old copy of a secret is not what the provider uses now",
                on=path,
                why="it was changed since" if path in there else "it is not there",
                left="nothing was removed",
                do="If it was changed on purpose since the move, remove the old copy by hand; "
                "otherwise find out which of the two the application uses.",
            )
