"""A real NetBox behind TLS, its database restored from a dump, for tests to allocate from.

What its owner does there is done by pynetbox with a token of the superuser; Homeport's own
token has the rights that the README tells to give, by the very text of the README.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pynetbox
import pytest
import requests

from engine.backends.addresses.netbox.rights import set_up_script
from tests.cached_packages import cached_environment
from tests.conformance.dns_worlds import free_port
from tests.conformance.openbao_world import make_tls
from tests.conformance.redis_socket import redis_at
from tests.database_server import postgresql, programs

HOST = "127.0.0.1"
VERSION = "4.7.3"
STARTUP = 240.0
REFERENCE = "secret:providers/home/netbox"
_DUMP = f"netbox-{VERSION}.dump"


@dataclass
class NetBoxWorld:
    directory: Path
    python: Path
    port: int
    ca_pem: str
    environment: dict[str, str]
    admin_token: str = ""
    token: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def admin(self) -> Any:
        """Its owner's client."""
        api = pynetbox.api(self.url, token=self.admin_token)
        api.http_session.verify = str(self.directory / "ca.pem")
        api.http_session.trust_env = False
        return api

    def start(self) -> None:
        argv = [
            str(self.python.with_name("gunicorn")),
            *("netbox.wsgi", "-b", f"{HOST}:{self.port}", "-w", "1", "--threads", "8"),
            *("--timeout", "120", "--access-logfile", "-", "--no-control-socket"),
            *("--certfile", str(self.directory / "server.pem")),
            *("--keyfile", str(self.directory / "server.key")),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    def wait(self) -> None:
        deadline = time.monotonic() + STARTUP
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            try:
                requests.get(f"{self.url}/api/", verify=str(self.directory / "ca.pem"), timeout=60)
            except requests.RequestException:
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # its worker with it
            self.process.wait()
            self.process = None

    def run_script(self, text: str) -> str:
        """What a script prints that runs as `netbox shell` would run it."""
        prelude = "import django; django.setup()\n"
        done = subprocess.run(
            [str(self.python), "-c", prelude + text],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"url": self.url, "ca_pem": self.ca_pem, "token_ref": REFERENCE, **more}


@contextmanager
def netbox() -> Iterator[NetBoxWorld]:
    dump = _dump()
    place = cached_environment(
        f"netbox=={VERSION}", python="3.12", overrides="psycopg[binary,pool]\n"
    )
    with (
        postgresql() as socket,
        tempfile.TemporaryDirectory(prefix="hp-nb-") as name,
        redis_at(Path(name) / "redis"),
    ):
        directory = Path(name)
        _restore(socket, dump)
        port = free_port()
        (directory / "conf").mkdir()
        for made in ("media", "reports", "scripts", "static"):
            (directory / made).mkdir()
        (directory / "conf" / "configuration.py").write_text(_configuration(socket, directory))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": name,
            "NETBOX_ROOT": name,
            "DJANGO_SETTINGS_MODULE": "netbox.settings",
        }
        world = NetBoxWorld(
            directory, place / "bin" / "python", port, make_tls(directory), environment
        )
        try:
            world.start()
            users = json.loads(world.run_script(_USERS + set_up_script() + _TELL).splitlines()[-1])
            world.admin_token, world.token = users["admin"], users["homeport"]
            world.wait()
            yield world
        finally:
            world.stop()


def _dump() -> Path:
    """Beside the clone, unless HOMEPORT_SHARED_DATA says where."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    dump = Path(os.environ.get("HOMEPORT_SHARED_DATA") or beside) / _DUMP
    if not dump.exists():
        pytest.skip(f"needs {_DUMP}, a pg_dump of an empty NetBox, in ../shared/data")
    return dump


def _restore(socket: Path, dump: Path) -> None:
    found = programs()
    assert found is not None
    for argv in (
        ["createdb", "-h", socket, "-U", "homeport", "netbox"],
        ["pg_restore", "-h", socket, "-U", "homeport", "-d", "netbox", "-O", "-x", "-j2", dump],
    ):
        _run([str(found / str(argv[0])), *map(str, argv[1:])])


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def _configuration(socket: Path, directory: Path) -> str:
    redis = f"unix://{directory}/redis"
    return (
        f"ALLOWED_HOSTS = ['{HOST}']\n"
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql',\n"
        f"  'NAME': 'netbox', 'USER': 'homeport', 'HOST': '{socket}', 'CONN_MAX_AGE': 300}}}}\n"
        f"_cache = {{'URL': '{redis}'}}\n"
        f"REDIS = {{'tasks': {{**_cache, 'URL': '{redis}?db=0'}},\n"
        f"  'caching': {{**_cache, 'URL': '{redis}?db=1'}}}}\n"
        "SECRET_KEY = 'k' * 60\nAPI_TOKEN_PEPPERS = {1: 'p' * 60}\n"
        "CENSUS_REPORTING_ENABLED = False\nRELEASE_CHECK_URL = None\n"
        f"MEDIA_ROOT = '{directory}/media'\n"
    )


_USERS = """
from users.models import Token, User
admin = User.objects.create_superuser("admin", "admin@example.org", "Admin-1234567890")
_admin_token = Token(user=admin, write_enabled=True)
_admin_token.save()
"""
_TELL = """
import json
print(json.dumps({
    "admin": f"nbt_{_admin_token.key}.{_admin_token.token}",
    "homeport": f"nbt_{token.key}.{token.token}",
}))
"""
