"""The method on a real guest: killed after, or cut off before, any of its commands, and run
again. Nothing is done twice, nothing secret is in any command."""

from __future__ import annotations

import base64
import datetime
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from engine.backends.protocols import GuestSpec
from engine.backends.secrets.installation import installation_ssh_key
from engine.catalog.load import Catalog
from engine.errors import OutcomeUnknown
from engine.guests.protocols import Completed, GuestFacts, GuestTarget
from engine.guests.ssh import SshShell, open_shell
from engine.methods.debian import DebianMethod
from engine.methods.paths import GuestPaths
from engine.methods.place import Place
from engine.methods.protocols import Installation
from engine.operations.steps.certificate import new_key
from tests.deployed import Installation as Homeport
from tests.deployed import installation
from tests.lab_fixture import RunningLab
from tests.quiet_work import Quiet

pytestmark = pytest.mark.integration

OWNER = "hp-testtest-inter000"
SECRETS = {"admin-password": "canary-Pw-1f3a9"}
DOMAIN = "inter.harbour-a.lab"


@dataclass
class Interrupted:
    """A shell that breaks at its n-th command: before it is sent, or after it was done; or at
    the first one that begins with a word."""

    shell: SshShell
    breaks_at: int
    after: bool
    count: int = 0
    commands: list[str] = field(default_factory=list)
    breaks_at_word: str = "no such word"

    def _pass(self, what: str, act: Callable[[], Any]) -> Any:
        self.count += 1
        self.commands.append(what)
        if self.count == self.breaks_at or what.startswith(self.breaks_at_word):
            if self.after:
                act()
            raise OutcomeUnknown(f"cut off at {what}")
        return act()

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Completed:
        words = [*argv, *(env or {}).values()]
        done: Completed = self._pass(" ".join(words), lambda: self.shell.run(argv, env=env, **more))
        return done

    def write_file(
        self, path: str, data: bytes, *, mode: int = 0o644, owner: str | None = None
    ) -> bool:
        changed: bool = self._pass(
            f"write {path}", lambda: self.shell.write_file(path, data, mode=mode, owner=owner)
        )
        return changed

    def read_file(self, path: str) -> bytes | None:
        data: bytes | None = self._pass(f"read {path}", lambda: self.shell.read_file(path))
        return data

    def facts(self) -> GuestFacts:
        return self.shell.facts()

    def close(self) -> None:
        self.shell.close()


@dataclass(frozen=True)
class Ground:
    """A fresh guest and what goes onto it."""

    shell: SshShell
    open_another: Callable[[], SshShell]
    app: Installation
    chain: bytes
    key: bytes

    def phases(self) -> list[Callable[[Any, Quiet], Any]]:
        """The method's calls in the order of the steps, each taking a shell and a context."""
        method, app = DebianMethod(), self.app
        return [
            lambda shell, work: method.components(shell, app, work),
            lambda shell, work: method.install(shell, app, work),
            lambda shell, work: method.configure(shell, app, work),
            lambda shell, work: method.start(shell, app, work, restart=False),
            lambda shell, work: method.accounts(shell, app, work),
            lambda shell, work: method.publish(shell, app, self.chain, self.key, work),
        ]


@pytest.fixture
def ground(lab: RunningLab) -> Iterator[Ground]:
    with installation(lab) as here:
        backends = here.backends()
        try:
            yield make_ground(here)
        finally:
            backends.hypervisor.destroy(OWNER, Quiet())
            backends.addresses.release(OWNER)


def make_ground(here: Homeport) -> Ground:
    backends, provider = here.backends(), here.homeport.provider("harbour-a")
    key = installation_ssh_key(here.homeport._workplace.installation_secrets())
    lease = backends.addresses.allocate(OWNER, "inter")
    spec = GuestSpec(
        OWNER, "inter", 1, 512, 4, lease.address, lease.gateway, lease.nameservers,
        provider.zone, provider.access.user, (key.public_line,),
    )  # fmt: skip
    guest = backends.hypervisor.ensure(spec, Quiet())
    backends.hypervisor.start(guest, Quiet())
    target = GuestTarget(
        lease.address.partition("/")[0],
        provider.access.ssh_port,
        provider.access.user,
        backends.hypervisor.host_keys(guest, Quiet()),
    )
    catalog = Catalog.open(here.homeport.paths)
    package = catalog.package("radicale")
    chain, tls_key = self_signed()
    app = Installation(
        deployment="inter000",
        name="inter",
        domain=DOMAIN,
        access=provider.access,
        package=package,
        release=package.release(),
        options_schema=catalog.options_schema("radicale", package.release().version),
        values={},
        read_secret=SECRETS.__getitem__,
        account="ada",
    )

    def open_another() -> SshShell:
        return open_shell(target, key.private_pem)

    return Ground(open_another(), open_another, app, chain, tls_key)


def self_signed() -> tuple[bytes, bytes]:
    pem = new_key().encode()
    key: Any = serialization.load_pem_private_key(pem, None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM), pem


def answers(ground: Ground) -> bool:
    """The application lets its account in, through the proxy, with our certificate."""
    context = ssl.create_default_context(cadata=ground.chain.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificate is its own authority
    address = ground.shell.facts().address
    plain = socket.create_connection((address, ground.app.access.https_port), 10)
    client = http.client.HTTPConnection(DOMAIN)
    client.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
    who = base64.b64encode(f"ada:{SECRETS['admin-password']}".encode()).decode()
    client.request("PROPFIND", "/ada/", headers={"Authorization": f"Basic {who}", "Depth": "0"})
    return client.getresponse().status == 207


def test_broken_off_at_any_command_it_ends_the_same(ground: Ground) -> None:
    work = Quiet()
    commands: list[str] = []
    for phase in ground.phases():
        commands += break_off_everywhere(ground, phase, work)
    assert len(commands) > 100
    assert answers(ground)

    # Once more, undisturbed: nothing is left to do, nothing is started anew.
    started = main_process(ground)
    shell = Interrupted(ground.shell, 0, after=False)
    outcomes = [phase(shell, work) for phase in ground.phases()]
    assert outcomes[2] is False
    assert main_process(ground) == started
    paths = GuestPaths.of(ground.app, ground.shell.facts())
    left = ground.shell.run(["ls", "-A", paths.base, paths.config, paths.run]).stdout
    for trace in ("restart-needed", "proven", "taken-back", ".homeport.", "first-account"):
        assert trace not in left

    said = "\n".join([*commands, *shell.commands, *work.lines])
    assert SECRETS["admin-password"] not in said
    assert "PRIVATE KEY" not in said


def break_off_everywhere(
    ground: Ground, phase: Callable[[Any, Quiet], Any], work: Quiet
) -> list[str]:
    """Run the phase until it gets through, breaking off one command later each time."""
    commands: list[str] = []
    for breaks_at in range(1, 100):
        shell = Interrupted(ground.shell, breaks_at, after=breaks_at % 2 == 0)
        try:
            phase(shell, work)
        except OutcomeUnknown:
            commands += shell.commands
        else:
            return commands
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("runs_already", [False, True])
def test_a_broken_off_start_is_not_begun_again(ground: Ground, runs_already: bool) -> None:
    """What the service does at its start (tables, migrations) must not be ended in the middle
    by the attempt that comes after a kill."""
    method, work = DebianMethod(), Quiet()
    for phase in ground.phases()[: 4 if runs_already else 2]:
        phase(ground.shell, work)
    slow = starting_slowly(ground.app)
    method.configure(ground.shell, slow, work)
    before = main_process(ground)
    cut_off = Interrupted(ground.shell, 0, after=False, breaks_at_word="python3 -I -c")
    with pytest.raises(OutcomeUnknown):
        method.start(cut_off, slow, work, restart=False)
    started = main_process(ground)
    assert started != before

    method.start(ground.shell, slow, work, restart=False)
    assert main_process(ground) == started


def main_process(ground: Ground) -> str:
    unit = GuestPaths.of(ground.app, ground.shell.facts()).unit
    shown: str = ground.shell.run(["systemctl", "show", "-p", "MainPID", unit]).stdout
    return shown


def test_a_start_is_not_judged_by_what_the_service_did_before(ground: Ground) -> None:
    """systemd refuses a service that started five times in ten seconds, and counts restarts on
    until told otherwise. A configuration that is put back right after a bad one meets both."""
    for phase in ground.phases()[:4]:
        phase(ground.shell, Quiet())
    unit = GuestPaths.of(ground.app, ground.shell.facts()).unit
    for restarted in (("active", "1"), ("active", "2")):
        ground.shell.run(["systemctl", "kill", "--signal=KILL", unit])
        until(partial(runs_after, ground, unit, restarted))

    method, slow = DebianMethod(), starting_slowly(ground.app)
    method.configure(ground.shell, slow, Quiet())
    method.start(ground.shell, slow, Quiet(), restart=True)

    method.configure(ground.shell, ground.app, Quiet())
    for _ in range(6):
        method.start(ground.shell, ground.app, Quiet(), restart=True)


def starting_slowly(app: Installation) -> Installation:
    """The same application, that answers only after three seconds."""
    program, *arguments = app.package.service.exec
    wait = "import runpy, sys, time; time.sleep(3); sys.argv = sys.argv[1:]; "
    wait += "runpy.run_path(sys.argv[0], run_name='__main__')"
    exec_ = ("{venv}/bin/python", "-c", wait, program, *arguments)
    service = app.package.service.model_copy(update={"exec": exec_})
    return replace(app, package=app.package.model_copy(update={"service": service}))


def runs_after(ground: Ground, unit: str, state: tuple[str, str]) -> bool:
    """Is this its state, and how often it was started again?"""
    wanted = ["systemctl", "show", "-p", "ActiveState", "-p", "NRestarts", unit]
    lines = ground.shell.run(wanted).stdout.splitlines()
    found = dict(line.split("=", 1) for line in lines)
    return (found["ActiveState"], found["NRestarts"]) == state


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_private_files_are_private(ground: Ground) -> None:
    for phase in ground.phases():
        phase(ground.shell, Quiet())
    root = Path(ground.shell.facts().root)
    config = root / "etc/homeport/inter"
    for file in config.iterdir():
        assert file.stat().st_mode & 0o007 == 0, file
    for file in (root / "etc/caddy/tls").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_installers_of_two_attempts_never_run_at_once(ground: Ground) -> None:
    """An installer that outlived its worker is waited for."""
    paths = GuestPaths.of(ground.app, ground.shell.facts())
    log = f"{paths.root}/tmp/log"
    program = "import sys, time; f = open(sys.argv[1], 'a'); f.write('('); f.flush(); "
    program += "time.sleep(0.3); f.write(')')"

    def install() -> None:
        shell = ground.open_another()
        Place.of(shell, ground.app, Quiet()).run_long("python3", "-c", program, log)
        shell.close()

    threads = [threading.Thread(target=install) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ground.shell.read_file(log) == b"()()()"
