"""Reviews of upgrades: from a deployment and the catalog to `forms.upgrade`, and to a plan.

`forms` decides what becomes of every option; this gives it what the engine knows: the releases
between, what their packages declare, what people said before, and where secrets are only
referred to.
"""

from __future__ import annotations

import getpass
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from engine.catalog.options import Schema, unmanaged
from engine.catalog.programs import run_program
from engine.catalog.secret_values import is_reference, secret_values
from engine.errors import InvalidInput
from engine.model.deployment import Deployment
from engine.model.outdated import Outdated
from engine.operations.gates import newer_releases, refuse_destroyed, refuse_older, release_of
from engine.planning.upgrade import passed_releases
from forms.paths import path_text
from forms.upgrade import Ledger, Release, Review, Status

if TYPE_CHECKING:
    from engine.catalog.load import Catalog
    from engine.catalog.package import Package
    from engine.inventory.inventory import Inventory

_MOST_SHOWN = 8
_FORMAT = 1
"""Of a ledger's data (`forms.upgrade.Ledger.to_data`)."""


class Reviewing:
    def __init__(self, catalog: Catalog, inventory: Inventory) -> None:
        self._catalog = catalog
        self._inventory = inventory

    def review(self, name: str, release: str | None = None, who: str = "") -> Review:
        """The upgrade of a deployment to a release, by default the newest.

        InvalidInput, NotFound for what is no upgrade. Nothing is changed by a review.
        """
        deployment = self._inventory.deployments.get(name)
        refuse_destroyed(deployment)
        package = self._catalog.package(deployment.application)
        wanted = release_of(package, release)
        refuse_older(package, deployment, wanted)
        return self._review(deployment, wanted.version, who or getpass.getuser())

    def review_values(
        self, application: str, old: str, new: str, values: Mapping[str, Any], who: str = ""
    ) -> Review:
        """The upgrade of values that belong to no deployment.

        NotFound for what the catalog does not have, InvalidInput for what is no upgrade.
        """
        package = self._catalog.package(application)
        before, after = release_of(package, old).version, release_of(package, new).version
        if after not in newer_releases(package, before):
            raise InvalidInput(
                what="this is no upgrade",
                on=f"{package.name} {before} -> {after}",
                why=f"{after} does not come after {before}",
                do=f"Choose two of {', '.join(one.version for one in package.releases)}, "
                "the older one first.",
            )
        who = who or getpass.getuser()
        return self._made(package, before, after, values, who, schema_of=unmanaged)

    def _review(self, deployment: Deployment, release: str, who: str) -> Review:
        package = self._catalog.package(deployment.application)
        return self._made(package, deployment.release, release, deployment.values, who)

    def _made(
        self,
        package: Package,
        old: str,
        new: str,
        values: Mapping[str, Any],
        who: str,
        schema_of: Callable[[Schema], Schema] = lambda schema: schema,
    ) -> Review:
        chain = [
            Release(
                version,
                schema_of(self._catalog.options_schema(package.id, version)),
                tuple(note.text for note in package.release(version).notes),
            )
            for version in (old, *passed_releases(package, old, new))
        ]
        secrets = secret_values(chain[0].schema, values)  # type: ignore[arg-type]
        return Review(
            chain,
            values,
            application=package.id,
            migrations=self._catalog.migrations(package.id),
            ledger=self.ledger(package.id),
            runner=run_program,
            held=[path for path, value in secrets if is_reference(value)],
            who=who,
        )

    def outdated(self, name: str | None = None) -> list[Outdated]:
        """Those with a newer release in the catalog, by name; of one deployment, or of all."""
        deployments = self._inventory.deployments
        asked = [deployments.get(name)] if name is not None else deployments.all()
        return [found for deployment in asked if (found := self._behind(deployment))]

    def _behind(self, deployment: Deployment) -> Outdated | None:
        newer = newer_releases(self._catalog.package(deployment.application), deployment.release)
        if not newer:
            return None
        review = self._review(deployment, newer[0], "")
        counts, (new, by_itself) = review.counts(), without_anybody(review)
        return Outdated(
            deployment=deployment,
            release=newer[0],
            releases=len(newer),
            changed=sum(n for status, n in counts.items() if status not in _AS_BEFORE),
            new=new,
            by_itself=by_itself,
            attention=tuple(review.row(key).path for key in review.queue),
        )

    def ledger(self, application: str | None = None) -> Ledger:
        records = self._inventory.identities.of(application)
        return Ledger.from_data({"format": _FORMAT, "identities": records})

    def add_to_ledger(self, ledger: Ledger) -> int:
        """What is new of it; how many records."""
        return self._inventory.identities.add(ledger.to_data()["identities"])


def without_anybody(review: Review) -> tuple[int, int]:
    """How many options are new and how many change that nobody has to decide."""
    counts = Counter(review.counts())
    counts.subtract(review.row(key).status for key in review.queue)
    new = counts[Status.NEW]
    return new, sum(n for status, n in counts.items() if status not in _AS_BEFORE) - new


_AS_BEFORE = (Status.SAME, Status.CUSTOM, Status.SECRET)


def archived_values(review: Review) -> dict[str, Any]:
    """What leaves the document, by its dotted path in the old release. Of secrets only the
    references: their values stay where they are kept."""
    return {
        path_text(kept.place): kept.value
        for kept in review.archive()
        if not kept.secret or (isinstance(kept.value, str) and is_reference(kept.value))
    }


def refuse_undecided(name: str, review: Review) -> None:
    """InvalidInput, naming what is open, unless everything is decided."""
    if review.ready:
        return
    rows = [review.row(key) for key in review.queue]
    shown = "; ".join(f"{row.path}: {row.problem or row.note}" for row in rows[:_MOST_SHOWN])
    more = f"; and {len(rows) - _MOST_SHOWN} more" if len(rows) > _MOST_SHOWN else ""
    raise InvalidInput(
        what="the upgrade needs decisions that only a person can make",
        on=f"{name}: {review.title}",
        why=shown + more,
        left="nothing was changed",
        do=f"Decide them full screen: homeport upgrade {name} --review; or give them in a file: "
        "--answers FILE",
    )
