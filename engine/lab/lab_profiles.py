"""The two providers of a lab, as the installation is told of them: ordinary profiles.

Nothing in them is particular to a lab; the same drivers are configured for real providers.
"""

from __future__ import annotations

from engine.lab.api.settings import BRIDGE, DISK_STORAGE, IMAGE_VOLUME, POOL, TOKEN_ID
from engine.lab.lab_record import API_PORT, GuestKind, Harbour, LabRecord
from engine.model.provider import BackendProfile, GuestAccess, ProviderProfile, Service

DNS_ALGORITHM = "hmac-sha256"
_ACCESS: dict[GuestKind, GuestAccess] = {
    "light": GuestAccess(user="root", ssh_port=2222, http_port=8080, https_port=8443),
    "nspawn": GuestAccess(user="debian", ssh_port=22, http_port=80, https_port=443),
}


def dns_key_name(harbour: Harbour) -> str:
    return f"homeport-{harbour.name}"


def provider_profile(
    record: LabRecord, harbour: Harbour, *, api_ca: str, authority_root: str, directory_url: str
) -> ProviderProfile:
    """api_ca, authority_root: PEM of what signs the API's certificate and the authority's."""
    names_host, names_port = record.names_address
    return ProviderProfile(
        name=harbour.name,
        title=f"{harbour.name.replace('-', ' ').title()} (lab)",
        zone=harbour.zone,
        method="debian",
        access=_ACCESS[record.guests],
        backends={
            Service.HYPERVISOR: BackendProfile(
                kind="proxmox",
                settings={
                    "hosts": [f"{harbour.address(1)}:{API_PORT}"],
                    "token_id": TOKEN_ID,
                    "token_ref": f"secret:{_token_path(harbour)}",
                    "ca_pem": api_ca,
                    "storage": DISK_STORAGE,
                    "image": IMAGE_VOLUME,
                    "container_template": "local:vztmpl/debian-12-standard",
                    "bridge": BRIDGE,
                    "pool": POOL,
                    "vmid_first": 9000,
                    "vmid_last": 9999,
                },
            ),
            Service.ADDRESSES: BackendProfile(
                kind="pool",
                settings={
                    "network": str(record.bridged if record.bridge else harbour.network),
                    "first": harbour.address(10),
                    "last": harbour.address(250),
                    "gateway": harbour.address(1),
                    "nameservers": [names_host],
                },
            ),
            Service.DNS: BackendProfile(
                kind="octodns",
                settings={
                    "class": "octodns_bind.Rfc2136Provider",
                    "zone": harbour.zone,
                    "args": {
                        "host": names_host,
                        "port": names_port,
                        "key_name": dns_key_name(harbour),
                        "key_algorithm": DNS_ALGORITHM,
                    },
                    "secret_args": {"key_secret": f"secret:{_key_path(harbour)}"},
                    "authoritative": [f"{names_host}:{names_port}"],
                },
            ),
            Service.SECRETS: BackendProfile(kind="sealed"),
            Service.CERTIFICATES: BackendProfile(
                kind="acme", settings={"directory": directory_url, "ca_pem": authority_root}
            ),
        },
    )


def provider_secrets(harbour: Harbour, *, api_token: str, dns_key: str) -> dict[str, str]:
    """What the profile's references stand for: path -> value."""
    return {_token_path(harbour): api_token, _key_path(harbour): dns_key}


def _token_path(harbour: Harbour) -> str:
    return f"providers/{harbour.name}/hypervisor-token"


def _key_path(harbour: Harbour) -> str:
    return f"providers/{harbour.name}/dns-key"
