"""An installation whose provider keeps its secrets in a real OpenBao, `homeport state serve` as a
process of its own, and what a client of OpenTofu's http backend sends to it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from engine.backends.secrets.openbao.policy import own_policy
from engine.backends.secrets.openbao.settings import OpenBaoSettings
from engine.homeport import Homeport
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.paths import Paths
from engine.tfstate.desk import StateDesk
from engine.tfstate.model import StateName
from engine.tfstate.policy import state_policy
from tests.conformance.openbao_world import HOST, REFERENCE, OpenBaoWorld, make_tls, openbao

ROLE = "homeport"
LINEAGE = "11111111-2222-3333-4444-555555555555"
RUN = "import sys; from engine.cli.main import main; sys.exit(main())"


def document(serial: int, lineage: str = LINEAGE, **more: Any) -> bytes:
    state = {"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": lineage}
    return json.dumps(state | {"outputs": {}, "resources": []} | more).encode()


def lock_info(name: str, **more: str) -> dict[str, str]:
    info = {"ID": name, "Operation": "OperationTypeApply", "Info": "", "Who": "ann@desk"}
    return info | {"Version": "1.11.4", "Created": "2026-11-27T03:00:00Z", "Path": ""} | more


@dataclass
class Client:
    """Requests as OpenTofu's http backend makes them."""

    url: str
    user: str
    password: str
    ca: str

    def request(self, method: str, body: bytes = b"", **more: Any) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        headers = {"Content-Type": "application/json"}
        if body:
            digest = hashlib.md5(body, usedforsecurity=False).digest()
            headers["Content-MD5"] = base64.b64encode(digest).decode()
        auth = (self.user, self.password)
        more = {"headers": headers, "auth": auth, "timeout": 60, **more}
        return session.request(method, self.url, data=body, verify=self.ca, **more)

    def get(self) -> requests.Response:
        return self.request("GET")

    def put(self, body: bytes, lock: str = "") -> requests.Response:
        return self.request("POST", body, params={"ID": lock} if lock else {})

    def lock(self, name: str) -> requests.Response:
        return self.request("LOCK", json.dumps(lock_info(name)).encode())

    def unlock(self, name: str) -> requests.Response:
        return self.request("UNLOCK", json.dumps(lock_info(name)).encode())


@dataclass
class StateWorld:
    bao: OpenBaoWorld
    home: Path
    process: subprocess.Popen[str] | None = None
    port: int = 0

    @property
    def ca(self) -> str:
        return str(self.tls / "ca.pem")

    @property
    def tls(self) -> Path:
        """Of the service; its authority is another one than OpenBao's."""
        return self.home / "tls"

    @property
    def log(self) -> Path:
        return self.home / "service.log"

    @contextmanager
    def desk(self) -> Iterator[StateDesk]:
        with Homeport.open(Paths.from_environment({"HOMEPORT_HOME": str(self.home)})) as homeport:
            yield homeport.opentofu_states()

    def client(self, name: str, user: str = "ann") -> Client:
        with self.desk() as desk:
            secret = desk.grant(StateName.parse(name), user)
        return Client(self.url(name), user, secret, self.ca)

    def store(self) -> tuple[BackendProfile, dict[str, str]]:
        """The provider's OpenBao, and the secrets that it needs by their references."""
        paths = Paths.from_environment({"HOMEPORT_HOME": str(self.home)})
        with Homeport.open(paths) as homeport:
            found = homeport.provider("home").backends[Service.SECRETS]
            reference = str(found.settings["secret_id_ref"])
            secrets = homeport._workplace.installation_secrets()
            return found, {reference: secrets.get(reference.removeprefix("secret:"))}

    def url(self, name: str) -> str:
        return f"https://{HOST}:{self.port}/state/{name}"

    def homeport(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RUN, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def allow(self, policy: str) -> None:
        """More than the service asks for."""
        admin = self.bao.admin()
        had = admin.sys.read_policy(ROLE)["data"]["rules"]
        admin.sys.create_or_update_policy(ROLE, f"{had}\n{policy}")

    def start(self) -> None:
        certificate = ("--cert", str(self.tls / "server.pem"))
        key = ("--key", str(self.tls / "server.key"))
        where = ("--listen", f"{HOST}:{self.port}")
        argv = ("state", "serve", "--json", *certificate, *key, *where)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, *argv],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, self.log.read_text()
        self.port = int(json.loads(said)["listening"].rpartition(":")[2])

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "HOMEPORT_HOME": str(self.home)}


@contextmanager
def state_world() -> Iterator[StateWorld]:
    """OpenBao is open, the service runs, and there is no state yet."""
    with openbao() as bao, tempfile.TemporaryDirectory(prefix="hp-state-") as name:
        settings = OpenBaoSettings(**bao.settings("any"))
        role = bao.role(ROLE, own_policy(settings) + "\n" + state_policy(settings))
        admin = bao.admin()
        admin.sys.enable_secrets_engine("transit")
        admin.secrets.transit.create_key(settings.transit_key)
        home = Path(name)
        nothing = {service: BackendProfile(kind="none") for service in Service}
        store = BackendProfile(kind="openbao", settings=bao.settings(role))
        profile = ProviderProfile(
            name="home", zone="test.lab", backends=nothing | {Service.SECRETS: store}
        )
        paths = Paths.from_environment({"HOMEPORT_HOME": name}).ensure()
        with Homeport.open(paths) as homeport:
            homeport.save_provider(profile, {REFERENCE: bao.secret_id(ROLE)})
        world = StateWorld(bao, home)
        world.tls.mkdir()
        make_tls(world.tls)
        try:
            world.start()
            yield world
        finally:
            world.kill()
