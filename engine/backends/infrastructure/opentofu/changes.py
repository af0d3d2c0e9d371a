"""What OpenTofu says that it would do, as values: read, told in words, and compared with what was
approved.

An approval covers changes by their address, kind and content. What is chosen only when a guest is
made (its id, its node, the address it takes from the pool) is left out of the content: a person
approves that a guest comes to be, not which free id it gets.

Formats: https://opentofu.org/docs/internals/json-format/ (plan), and the state's own, version 4.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.backends.infrastructure.opentofu.parts import kind_of
from engine.errors import PlanChanged, Unsafe

_CHOSEN_LATER = ("vm_id", "node_name", "description", "initialization", "ip_address")
_MADE_GOOD = ("import", "update", "move")
"""What may come in the place of a creation that was approved and then broken off."""
_GOING = ("delete", "forget")
_WORDS = {
    ("no-op",): "none",
    ("read",): "none",
    ("create",): "create",
    ("update",): "update",
    ("delete",): "delete",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("forget",): "forget",
}


@dataclass(frozen=True)
class ResourceChange:
    """action: create, update, delete, replace, forget, import, move. attributes: names of those
    that an update changes. digest: of the content; "" where the action says it all."""

    address: str
    action: str
    attributes: tuple[str, ...] = ()
    detail: str = ""
    digest: str = ""

    @property
    def words(self) -> str:
        """ "update proxmox_virtual_environment_vm.calendar (cpu, memory)"."""
        more = ", ".join(filter(None, (self.detail, *self.attributes)))
        return f"{self.action} {self.address}" + (f" ({more})" if more else "")

    def as_json(self) -> dict[str, str]:
        return {"address": self.address, "action": self.action, "digest": self.digest}


@dataclass(frozen=True)
class TofuPlan:
    changes: tuple[ResourceChange, ...]
    drift: tuple[ResourceChange, ...] = ()
    """What became different at the provider since the last apply."""

    @property
    def is_empty(self) -> bool:
        return not self.changes

    def made(self, kind: str) -> bool:
        """Is one of this kind among what it makes?"""
        return any(c.action == "create" and kind_of(c.address) == kind for c in self.changes)


@dataclass(frozen=True)
class KnownResource:
    """A resource that a state knows; id, name: how the provider calls it."""

    address: str
    id: str
    tags: tuple[str, ...] = ()
    name: str = ""

    @property
    def kind(self) -> str:
        return kind_of(self.address)


def known_resources(state: Mapping[str, Any] | None) -> tuple[KnownResource, ...]:
    """state: as it is stored, version 4; None where there is none. Those of modules are left out:
    Homeport declares none."""
    found = []
    for resource in (state or {}).get("resources", ()):
        if resource.get("mode") != "managed" or resource.get("module"):
            continue
        for instance in resource.get("instances", ()):
            if "index_key" not in instance:
                held = instance.get("attributes") or {}
                address = f"{resource['type']}.{resource['name']}"
                tags = tuple(map(str, held.get("tags") or ()))
                key, name = str(held.get("id") or ""), str(held.get("name") or "")
                found.append(KnownResource(address, key, tags, name))
    return tuple(found)


def moves(known: Iterable[KnownResource], address: str, key: str) -> dict[str, str]:
    """Old address -> this one, where the state knows the resource by another name."""
    wanted = KnownResource(address, key)
    found = [one for one in known if one.kind == wanted.kind]
    if any(one.address == address for one in found):
        return {}
    return {one.address: address for one in found if one.id == key}


def read_plan(shown: Mapping[str, Any]) -> TofuPlan:
    """shown: what `tofu show -json PLAN` gives."""
    rows = shown.get("resource_changes", ())
    found = [change for row in rows for change in _changes(row)]
    drift = [change for row in shown.get("resource_drift", ()) for change in _changes(row)]
    return TofuPlan(tuple(found), tuple(drift))


def _changes(row: Mapping[str, Any]) -> Iterator[ResourceChange]:
    """An import or a move may come with an update of the same resource: two changes."""
    address, change = str(row["address"]), row["change"]
    if previous := row.get("previous_address"):
        yield ResourceChange(address, "move", detail=f"from {previous}", digest=str(previous))
    if importing := change.get("importing"):
        key = str(importing.get("id", ""))
        yield ResourceChange(address, "import", detail=f"what is there as {key}", digest=key)
    action = _WORDS.get(tuple(change["actions"]), "replace")
    before, after = change.get("before") or {}, change.get("after") or {}
    if action == "create":
        content = {k: v for k, v in after.items() if k not in _CHOSEN_LATER}
        yield ResourceChange(address, action, digest=_digest(content))
    elif action == "update":
        differing = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
        content = {key: [before.get(key), after.get(key)] for key in differing}
        yield ResourceChange(address, action, tuple(differing), digest=_digest(content))
    elif action != "none":
        yield ResourceChange(address, action)


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refuse_unapproved(
    plan: TofuPlan,
    approved: Sequence[Mapping[str, str]] | None,
    *,
    own: Iterable[str],
    removes: bool,
    on: str,
) -> None:
    """PlanChanged for a change that nobody approved; Unsafe for one that nobody could: what is to
    be there is never removed on the way.

    approved: as `ResourceChange.as_json`; None where the plan was made without asking OpenTofu:
    then only what the step is for may happen. own: addresses of the deployment's own resources.
    removes: they are to go.
    """
    for change in plan.changes:
        if change.action == "replace" or (change.action in _GOING and not removes):
            raise _unsafe(change, on)
    if approved is None:
        foreign = [change for change in plan.changes if change.address not in set(own)]
        if foreign:
            raise _not_approved(foreign, on)
        return
    exact = {(a["address"], a["action"], a["digest"]) for a in approved}
    begun = {a["address"] for a in approved if a["action"] == "create"}
    missing = [
        change
        for change in plan.changes
        if (change.address, change.action, change.digest) not in exact
        and not (change.address in begun and change.action in _MADE_GOOD)
    ]
    if missing:
        raise _not_approved(missing, on)


def _not_approved(changes: Sequence[ResourceChange], on: str) -> PlanChanged:
    return PlanChanged(
        "OpenTofu would do something else than was approved",
        on=on,
        why="; ".join(change.words for change in changes),
        left="nothing was changed by OpenTofu",
        do="See what became different: homeport infrastructure drift NAME. Then make the plan "
        "again and read it.",
    )


def _unsafe(change: ResourceChange, on: str) -> Unsafe:
    return Unsafe(
        "OpenTofu would destroy what the deployment stands on",
        on=on,
        why=f"{change.words}: something was changed that cannot be changed in place, or the state "
        "does not know what is there",
        left="nothing was changed by OpenTofu",
        do="Change it back at the provider, or move the deployment with its data: homeport migrate",
    )
