"""One service's part in the declarations of deployments: looked at, applied, taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from engine.backends.infrastructure.opentofu.changes import KnownResource, TofuPlan
from engine.backends.infrastructure.opentofu.documents import Ground
from engine.backends.infrastructure.opentofu.parts import Part, Resource
from engine.backends.infrastructure.opentofu.workspace import Workspace
from engine.backends.protocols import DeclaredChange, Progress
from engine.errors import Conflict

Owns = Callable[[KnownResource], bool]
"""Is a resource that a state knows, of the part's kinds, the deployment's?"""


class _Unheard:
    """Where nobody listens to a backend."""

    def log(self, text: str) -> None: ...

    def progress(self, done: float, total: float | None, unit: str = "items") -> None: ...

    def raise_if_cancelled(self) -> None: ...


@dataclass(frozen=True)
class Declaring:
    """approved: all that may be done; None where nobody was asked: then what a step is for.
    name, progress: of the deployment, and for backends whose calls are told of none."""

    ground: Ground
    part: Part
    approved: Sequence[Mapping[str, str]] | None = None
    name: str = ""
    progress: Progress = field(default_factory=_Unheard)

    def bound_to(
        self, approved: Sequence[Mapping[str, str]] | None, name: str, progress: Progress | None
    ) -> Declaring:
        return replace(self, approved=approved, name=name, progress=progress or self.progress)

    def preview(
        self, owner: str, name: str, wanted: Sequence[Resource], progress: Progress
    ) -> list[DeclaredChange]:
        workspace = Workspace(self.ground, owner, name)
        if not wanted and not workspace.known():
            return []
        plan = workspace.preview(self.part, wanted, progress)
        return [DeclaredChange(change.words, change.as_json()) for change in plan.changes]

    def apply(
        self,
        owner: str,
        want: Callable[[], Sequence[Resource]],
        owns: Owns,
        progress: Progress,
        name: str = "",
    ) -> TofuPlan:
        """See `Workspace.apply`."""
        workspace = Workspace(self.ground, owner, name or self.name)
        return workspace.apply(self.part, want, owns, self.approved, progress)

    def known(self, owner: str, owns: Owns) -> list[KnownResource]:
        """What the deployment's state knows of this part."""
        found = Workspace(self.ground, owner).known()
        return [one for one in found if one.kind in self.part.kinds and owns(one)]

    def may_remove(self, owner: str, owns: Owns, kind: str) -> bool:
        """Is there one of this kind, and may it go? Asked before what cannot be taken back is done
        on the way there; `withdraw` asks again of everything."""
        going = {one.address for one in self.known(owner, owns) if one.kind == kind}
        if self.approved is not None:
            going &= {one["address"] for one in self.approved if one["action"] == "delete"}
        return bool(going)

    def withdraw(self, owner: str, owns: Owns, progress: Progress) -> bool:
        """What was declared is gone. False where that was nothing."""
        if not self.known(owner, owns):
            return False
        workspace = Workspace(self.ground, owner)
        plan = workspace.apply(self.part, tuple, owns, self.approved, progress)
        return not plan.is_empty

    def clear(self, owner: str, progress: Progress) -> None:
        """The last step of a removal."""
        Workspace(self.ground, owner).remove_if_empty(progress)

    def directory(self, owner: str) -> str:
        """Where it is declared; "" where nothing is."""
        workspace = Workspace(self.ground, owner)
        return str(workspace.directory.path) if workspace.directory.exists else ""

    def not_ours(self, thing: str, owner: str) -> Conflict:
        """Something that was made by others, under a name that the state remembers as ours."""
        return Conflict(
            "what is in OpenTofu's state is not the deployment's any more",
            on=owner,
            why=f"{thing} does not bear the mark {owner}",
            left="it was not touched",
            do=f"If {thing} is somebody else's, take it out of the state: "
            f"{self.ground.settings.binary} state rm ADDRESS, in {self.directory(owner)}. Then "
            "destroy again.",
        )


class Declared:
    """What a back-end answers whose things are declared (`Declares`), whatever it serves. A class
    of such back-ends is made of the one that it stands for, too."""

    def __init__(self, native: Any, declaring: Declaring) -> None:
        self._native = native
        self._declaring = declaring

    def bound_to(
        self,
        approved: Sequence[Mapping[str, str]] | None,
        name: str = "",
        progress: Progress | None = None,
    ) -> Self:
        return type(self)(self._native, self._declaring.bound_to(approved, name, progress))

    def directory(self, owner: str) -> str:
        return self._declaring.directory(owner)


def named_for(owner: str) -> Owns:
    """Owns what is called as databases and buckets are: "hp_APPLICATION_DEPLOYMENT_PLACE"."""
    sign = f"_{owner.rpartition('-')[2]}_"

    def owns(known: KnownResource) -> bool:
        label = known.address.partition(".")[2]
        return label.startswith("hp_") and sign in label

    return owns
