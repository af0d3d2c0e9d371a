"""The programs a lab is made of: where each keeps its files, how it is started, where it
listens. The only module that knows all of them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RemoteFailure
from engine.lab.api.launch import ApiFailed, ApiHandle, start_api
from engine.lab.authority import Authority
from engine.lab.lab_profiles import DNS_ALGORITHM, dns_key_name
from engine.lab.lab_record import API_PORT, Harbour, LabRecord, LabSecrets
from engine.lab.lifecycle import Part
from engine.private_files import write_private

_PACKAGE_HOME = Path(__file__).parents[2]


@dataclass(frozen=True)
class LabLayout:
    """Files and directories of a lab. Everything below it is for its owner's eyes only."""

    directory: Path

    @property
    def record_path(self) -> Path:
        return self.directory / "lab.json"

    @property
    def secrets_path(self) -> Path:
        return self.directory / "secrets.json"

    @property
    def run(self) -> Path:
        """Process files and logs."""
        return self.directory / "run"

    @property
    def names(self) -> Path:
        return self.directory / "names"

    @property
    def authority(self) -> Path:
        return self.directory / "authority"

    @property
    def cache(self) -> Path:
        """What guests of both harbours share."""
        return self.directory / "cache"

    def harbour(self, harbour: Harbour) -> Path:
        return self.directory / harbour.name


def authority(layout: LabLayout, record: LabRecord) -> Authority:
    host, port = record.authority_address
    names_host, names_port = record.names_address
    return Authority(layout.authority, host, port, resolver=f"{names_host}:{names_port}")


def prepare(layout: LabLayout, record: LabRecord, secrets: LabSecrets) -> None:
    """Write what the parts read when they start."""
    zones = {
        zone: {
            "name": dns_key_name(harbour),
            "algorithm": DNS_ALGORITHM,
            "secret": secrets.dns_keys[harbour.name],
        }
        for harbour in record.harbours
        for zone in (harbour.zone, harbour.reverse_zone)
    }
    write_private(layout.names / "names.json", json.dumps({"zones": zones}).encode())
    authority(layout, record).prepare()


def describe(layout: LabLayout, record: LabRecord) -> list[Part]:
    """The parts that are nothing but a process; the hypervisors have a launcher of their own."""
    parts = [_names(layout, record), _authority(layout, record)]
    return [*parts, _proxy(layout, record)] if record.guests == "nspawn" else parts


def start_hypervisor(layout: LabLayout, record: LabRecord, harbour: Harbour) -> ApiHandle:
    """The harbour's API answers and its guests that should run do; both repaired if need be."""
    directory = layout.harbour(harbour)
    try:
        return start_api(
            directory,
            name=harbour.name,
            host=harbour.address(1),
            port=API_PORT,
            network=str(harbour.network),
            bridge=record.bridge,
            proxy="http://{}:{}".format(*record.proxy_address),
        )
    except ApiFailed as error:
        raise RemoteFailure(
            f"the hypervisor of {harbour.name} did not start",
            on=f"{harbour.address(1)}:{API_PORT}",
            why=" / ".join(str(error).splitlines()[-3:]),
            left="the other parts of the lab go on",
            do=f"Read {directory / 'api.log'}, then run: homeport lab up",
        ) from error


def _names(layout: LabLayout, record: LabRecord) -> Part:
    host, port = record.names_address
    return Part(
        name="names",
        title="the name server",
        directory=layout.run,
        argv=_python("engine.lab.names", "--dir", layout.names, "--host", host, "--port", port),
        address=(host, port),
        environment=_environment(record),
    )


def _authority(layout: LabLayout, record: LabRecord) -> Part:
    described = authority(layout, record)
    return Part(
        name="authority",
        title="the certificate authority",
        directory=layout.run,
        argv=described.argv(),
        address=(described.host, described.port),
        environment={**_environment(record), **described.environment()},
        tls_root=described.root_path,
    )


def _proxy(layout: LabLayout, record: LabRecord) -> Part:
    host, port = record.proxy_address
    words = ("--host", host, "--port", port, "--network", str(record.bridged))
    return Part(
        name="packages",
        title="the guests' way to packages",
        directory=layout.run,
        argv=_python("engine.lab.forward_proxy", *words),
        address=(host, port),
        environment=_environment(record),
    )


def _python(module: str, *arguments: str | int | Path) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", module, *map(str, arguments))


def _environment(record: LabRecord) -> dict[str, str]:
    """What every part sees; nothing else of the environment of whoever ran `lab up`."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_PACKAGE_HOME),
        "HOMEPORT_LAB": record.id,
    }
