"""The guest's reverse proxy: Caddy under a unit of our own, with our JSON configuration.

The distribution's unit would serve a welcome page from a Caddyfile; it is switched off, and
updates of the package cannot bring it back over ours.
"""

from __future__ import annotations

from engine.catalog.placeholders import Bindings, expand
from engine.methods import passed_on, systemd
from engine.methods.in_turn import Command, run_in_turn, written
from engine.methods.place import Place
from engine.methods.proxy import Site, authority, caddy_config
from engine.methods.unitfile import Unit
from engine.public import PublicEndpoint

DEBIAN_PACKAGE = "caddy"
UNIT = "homeport-proxy.service"
USER = "caddy"
"""Made by the distribution's package."""
_HARDENING = (
    "AmbientCapabilities=CAP_NET_BIND_SERVICE",
    "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
    "LimitNOFILE=1048576",
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "UMask=0077",
)


def retire_default_service(place: Place) -> None:
    """The distribution's own unit is off, whatever an update of the package did.

    Always asked for: a kill right after the package's installation must not leave it on.
    """
    place.run("systemctl", "disable", "--now", "caddy.service", check=False)


def publish(
    place: Place,
    bindings: Bindings,
    chain_pem: bytes,
    key_pem: bytes,
    *,
    forward_to: str = "",
    behind: str = "",
) -> None:
    """Serve the deployment's domain with this certificate; HTTP is sent on to HTTPS.

    forward_to, behind: addresses, as `engine.methods.protocols.Method.publish` has them.
    """
    site = _site(place, bindings, forward_to, behind)
    owner = f"{USER}:{USER}"
    place.directory(site.storage, "0750", owner)
    files = run_in_turn(
        place,
        written(site.certificate, chain_pem, mode=0o600, owner=owner),
        written(site.key, key_pem, mode=0o600, owner=owner),
        _config(place, site),
    )
    changed = any(file.stdout.strip() == "changed" for file in files)
    unit_file = f"{place.paths.systemd}/{UNIT}"
    new_unit = systemd.write_unit(place, unit_file, _unit(place, site.storage))
    if new_unit or not systemd.is_active(place, UNIT):
        enable = Command(("systemctl", "enable", UNIT))
        systemd.start(place, UNIT, restart=new_unit, before=(enable,))
    else:
        systemd.enable(place, UNIT)
        # Always: a kill between writing and this line must not leave the old certificate.
        systemd.reload(place, UNIT)
    place.work.log(f"{site.url} is served" + ("" if changed else ", as before"))


def passing_on(place: Place, bindings: Bindings, to: str) -> tuple[Command, ...]:
    """By these, a proxy that serves the domain passes its requests on to this address from then
    on; as `publish` does it, with nothing but what that takes. They fail where it does not run."""
    config = _config(place, _site(place, bindings, to, ""))
    return config, Command(("systemctl", "reload", UNIT))


def _directory(place: Place) -> str:
    return f"{place.facts.root}/etc/caddy"


def _config_file(place: Place) -> str:
    return f"{_directory(place)}/caddy.json"


def _config(place: Place, site: Site) -> Command:
    return written(_config_file(place), caddy_config(site), mode=0o640, owner=f"root:{USER}")


def _site(place: Place, bindings: Bindings, forward_to: str, behind: str) -> Site:
    app, facts = place.app, place.facts
    access, directory = app.access, _directory(place)
    return Site(
        domain=app.domain,
        url=PublicEndpoint(app.domain, access.https_port, (), None).url,
        listen=facts.address if facts.root else "",
        http_port=access.http_port,
        https_port=access.https_port,
        upstream=f"{facts.loopback}:{app.package.service.port}",
        certificate=f"{directory}/tls/{app.name}.crt",
        key=f"{directory}/tls/{app.name}.key",
        storage=f"{facts.root}/var/lib/caddy",
        documents={
            f"/.well-known/{path}": expand(document, bindings)
            for path, document in app.package.well_known.items()
        },
        log=passed_on.log_file(place),
        forward_to=authority(forward_to, access.https_port) if forward_to else "",
        behind=behind,
    )


def _unit(place: Place, storage: str) -> Unit:
    config = _config_file(place)
    program = f"{place.facts.root}/usr/bin/caddy"
    run = f"{place.facts.root}/run/homeport-proxy"
    place.directory(run, "0750", f"{USER}:{USER}")
    return Unit(
        description="Homeport's reverse proxy",
        exec=(program, "run", "--config", config),
        reload=(program, "reload", "--force", "--config", config),
        user=USER,
        directory=run,
        type="notify",
        stop_seconds=10,
        runtime_directory="homeport-proxy",
        writable=(storage,),
        options=_HARDENING,
    )
