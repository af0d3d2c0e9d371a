"""From a draft to a provider: what has to hold before, and where its secrets lie afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Conflict, NotReady
from engine.model.deployment import Deployment
from engine.model.provider import Check, CheckStatus, ProviderProfile, Service
from engine.planning.store_move import same_store
from engine.provider_setup.draft import SetupDraft, references, renamed


def refuse_unproven(draft: SetupDraft, checks: Sequence[Check], *, unproven: bool) -> None:
    """NotReady for what was not seen working, unless the user wants it all the same."""
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    if unproven or (checks and not failed):
        return
    raise NotReady(
        "the provider was not seen working",
        on=draft.name,
        why="; ".join(f"{check.title}: {check.found}" for check in failed) or "it was not checked",
        left="it is kept as a draft; nothing can be deployed there",
        do="Mend what the check names and check again, or save it unproven.",
    )


def refuse_to_strand(
    before: ProviderProfile, draft: SetupDraft, living: Sequence[Deployment]
) -> None:
    """Conflict where what deployments there rely on would change under them."""
    old, new = before.backends, draft.backends
    relied_on = {
        "the zone": before.zone != draft.zone,
        "the store of secrets": not same_store(old[Service.SECRETS], new[Service.SECRETS]),
        "the kind of hypervisor": old[Service.HYPERVISOR].kind != new[Service.HYPERVISOR].kind,
    }
    changed = [word for word, differs in relied_on.items() if differs]
    if living and changed:
        raise Conflict(
            f"{' and '.join(changed)} cannot change while deployments live there",
            on=draft.name,
            why=f"these do: {', '.join(one.name for one in living)}",
            left="the provider is as it was; the change is kept as a draft",
            do="Move or destroy them first, or add another provider. Secrets move by: "
            f"homeport providers secrets {draft.name} --to STORE",
        )


def settled(draft: SetupDraft, place: str) -> tuple[ProviderProfile, dict[str, str]]:
    """The profile, and where each secret of the draft goes (path -> path). place: where those
    of the draft lie, in the installation's own store."""
    paths = {
        path: f"providers/{draft.name}/{path.removeprefix(place + '/')}"
        for backend in draft.backends.values()
        for path in references(backend.settings)
        if path.startswith(place + "/")
    }
    for service, backend in draft.backends.items():
        draft = draft.with_settings(service, renamed(backend.settings, paths))
    return draft.profile(), paths
