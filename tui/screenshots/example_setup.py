"""Setting up a provider on the examples: the real questions, and services of fixed words."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

from engine.backends.setup import Choice, setup_of
from engine.backends.shown import ShownCertificate
from engine.model.provider import BackendProfile, Check, ProviderProfile, Service
from engine.operations.workplace import Workplace
from engine.provider_setup.desk import SetupDesk
from engine.provider_setup.draft import SetupDraft
from engine.provider_setup.questions import Asked, Question, question_at

_HOST = "192.168.1.10:8006"
_FINGERPRINT = ":".join(f"{(number * 37 + 11) % 256:02X}" for number in range(32))
_OFFERED = {
    "storage": [Choice("local-lvm", "812 GiB free, on node pve"), Choice("tank", "3 TiB free")],
    "image": [Choice("local:import/debian-12-generic-amd64.qcow2", "on node pve")],
    "bridge": [Choice("vmbr0", "on node pve"), Choice("vmbr1", "on node pve")],
    "pool": [Choice("homeport")],
    "class": [
        Choice("octodns_bind.Rfc2136Provider", "octodns-bind 1.1.0"),
        Choice("octodns_powerdns.PowerDnsProvider", "octodns-powerdns 1.2.0"),
    ],
}
HALF_DONE = SetupDraft(
    name="stairs",
    title="The machine under the stairs",
    zone="example.org",
    answered=(Service.ADDRESSES,),
    backends={
        Service.HYPERVISOR: BackendProfile(
            kind="proxmox",
            settings={"hosts": [_HOST], "token_id": "homeport@pve!homeport", "pool": "homeport"},
        ),
        Service.ADDRESSES: BackendProfile(
            kind="pool", settings={"network": "192.168.1.0/24", "first": "192.168.1.200"}
        ),
        Service.DNS: BackendProfile(
            kind="octodns",
            settings={"class": "octodns_powerdns.PowerDnsProvider", "zone": "example.org"},
        ),
    },
)


class ExampleSetupDesk(SetupDesk):
    """Keeps drafts, secrets and providers in memory; asks nobody.

    checks: what every check finds.
    """

    def __init__(
        self, profiles: list[ProviderProfile], checks: Sequence[Check], *, half_done: bool
    ) -> None:
        self.secrets: dict[str, str] = {}
        self.checks = checks
        drafts: dict[str, Mapping[str, Any]] = {}
        workplace = SimpleNamespace(
            inventory=SimpleNamespace(
                drafts=SimpleNamespace(
                    save=drafts.__setitem__,
                    get=drafts.get,
                    drop=lambda key: drafts.pop(key, None),
                    keys=lambda prefix: sorted(key for key in drafts if key.startswith(prefix)),
                ),
                providers=SimpleNamespace(
                    all=lambda: profiles,
                    get=lambda name: next(one for one in profiles if one.name == name),
                ),
                audit=SimpleNamespace(record=lambda *told: None),
                living_at=lambda name: [],
            ),
            installation_secrets=lambda: SimpleNamespace(
                put=self.secrets.__setitem__, get=self.secrets.get, delete=self._forget
            ),
        )

        def save(profile: ProviderProfile, secrets: Mapping[str, str]) -> None:
            self.secrets |= secrets
            profiles[:] = [*(one for one in profiles if one.name != profile.name), profile]

        super().__init__(cast(Workplace, workplace), save)
        if half_done:
            self.keep(HALF_DONE)

    def _forget(self, prefix: str) -> None:
        for path in [path for path in self.secrets if path.startswith(prefix)]:
            del self.secrets[path]

    def question(
        self, draft: SetupDraft, service: Service, position: int, *, aside: bool = False
    ) -> Question | None:
        setup: Any = copy.copy(setup_of(service.value, draft.backends[service].kind))
        setup.hosts = lambda settings: ()
        setup.choices = lambda settings, ground: _OFFERED
        found = question_at(setup, draft, service, position, lambda reference: "")
        if found is None or found.asked is not Asked.COMPARE:
            return found
        believed = bool(draft.settings(service).get("fingerprint"))
        why = "" if believed else "no authority that is trusted here has signed its certificate"
        shown = ShownCertificate(_HOST, _FINGERPRINT, why)
        return found.model_copy(update={"certificates": (shown,)})

    def check(self, draft: SetupDraft, *, aside: bool = False) -> list[Check]:
        draft.profile()
        return list(self.checks)
