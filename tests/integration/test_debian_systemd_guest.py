"""The method `debian` on a real Debian guest: systemd, apt, sudo, and nothing of the lab's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from engine.backends.secrets.generate import generate
from engine.catalog.load import Catalog, load_package
from engine.catalog.migration_script import GuestProgram
from engine.catalog.package import Package
from engine.demo import calendar, chat, comments
from engine.demo.use import VALUES
from engine.errors import HomeportError
from engine.guests.protocols import GuestShell
from engine.methods.debian import open_method
from engine.methods.paths import GuestPaths
from engine.methods.place import Place
from engine.methods.protocols import Installation
from engine.model.provider import GuestAccess
from engine.public import PublicEndpoint
from engine.state.claims import claims_of
from engine.state.program_run import run_program
from engine.state.scripting import run_guest_program
from tests.deployed import wait_until
from tests.integration.test_secrets_stay_hidden import ProcessWatch
from tests.quiet_work import Quiet
from tests.scripted_package import CATALOG
from tests.systemd_guest import USER, SystemdGuest, full_lab, systemd_guest

__all__ = ["full_lab", "systemd_guest"]

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("systemd-guest")]

APPLICATIONS = ("radicale", "isso", "synapse")


@dataclass(frozen=True)
class AtAddress(PublicEndpoint):
    """A public name that no name server knows."""

    at: str = ""

    def addresses(self, *, timeout: float = 5.0) -> list[str]:
        return [self.at]


@dataclass
class Deployed:
    """One application and what Homeport keeps of it between its steps."""

    guest: SystemdGuest
    application: str
    certificate: tuple[bytes, bytes]
    """Chain and key."""
    work: Quiet = field(default_factory=Quiet)

    @cached_property
    def app(self) -> Installation:
        package, schema = self.package
        return Installation(
            deployment=f"{(*APPLICATIONS, 'rounds').index(self.application):08d}",
            name=f"my-{self.application}",
            domain=self.domain,
            access=GuestAccess(user=USER),
            package=package,
            release=package.release(),
            options_schema=schema,
            values=VALUES.get(self.application, {}),
            read_secret=self.secrets.__getitem__,
        )

    @cached_property
    def secrets(self) -> dict[str, str]:
        package, _ = self.package
        return {name: generate(spec) for name, spec in package.secrets.items()}

    @cached_property
    def package(self) -> tuple[Package, Mapping[str, Any]]:
        """With the schema of its options; of the catalog, or one of the tests' own."""
        own = CATALOG / self.application
        if own.is_dir():
            package = load_package(own)
            return package, json.loads((own / package.release().options).read_text())
        catalog = Catalog.open()
        return catalog.package(self.application), catalog.options_schema(self.application)

    @property
    def domain(self) -> str:
        return f"{self.application}.example.org"

    @property
    def endpoint(self) -> PublicEndpoint:
        return AtAddress(self.domain, 443, (), self.certificate[0], at=self.guest.address)

    def paths(self) -> GuestPaths:
        shell = self.guest.shell()
        try:
            return GuestPaths.of(self.app, shell.facts())
        finally:
            shell.close()

    def deploy(self) -> bool:
        """All steps of a deployment, in their order; did the configuration change?"""
        method, app, work = open_method(), self.app, self.work
        shell: GuestShell = self.guest.shell()
        try:
            method.components(shell, app, work)
            method.install(shell, app, work)
            changed = method.configure(shell, app, work)
            method.start(shell, app, work, restart=False)
            method.accounts(shell, app, work)
            method.publish(shell, app, *self.certificate, work)
            return changed
        finally:
            shell.close()

    def use(self) -> list[str]:
        """As its users do, through the guest's proxy; the claims that held."""
        match self.application:
            case "radicale":
                return calendar.use(self.endpoint, "admin", self.secrets["admin-password"])
            case "isso":
                return comments.use(self.endpoint)
            case _:
                return chat.use(self.endpoint)

    def show(self, *names: str) -> dict[str, str]:
        wanted = [word for name in names for word in ("-p", name)]
        lines = self.guest.run("systemctl", "show", *wanted, f"homeport-{self.app.name}.service")
        return dict(line.split("=", 1) for line in lines.splitlines())


@pytest.fixture(scope="module")
def guest(systemd_guest: SystemdGuest) -> SystemdGuest:
    return systemd_guest


@pytest.fixture(scope="module")
def radicale(guest: SystemdGuest) -> Deployed:
    deployed = Deployed(guest, "radicale", self_made_certificate("radicale.example.org"))
    deployed.deploy()
    return deployed


def self_made_certificate(domain: str) -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def files_of(root: Path) -> dict[str, tuple[int, int, int, int, int]]:
    """What a method writes, by path: mode, owner, group, size and time of the last change.

    Without what runs of programs change by themselves.
    """
    found = {}
    for top in ("etc", "opt/homeport"):
        for path in (root / top).rglob("*"):
            if "venv" in path.parts or path.is_dir():
                continue
            s = path.lstat()
            found[str(path)] = (s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns)
    return found


@pytest.mark.parametrize("application", APPLICATIONS)
def test_application_works_and_a_second_run_changes_nothing(
    guest: SystemdGuest, application: str
) -> None:
    deployed = Deployed(guest, application, self_made_certificate(f"{application}.example.org"))
    with (watch := ProcessWatch(deployed.secrets.values())).watching():
        assert deployed.deploy()
        assert deployed.use()
    assert watch.seen == set()
    processes = deployed.show("MainPID", "NRestarts")
    proxy = guest.run("systemctl", "show", "-p", "MainPID", "homeport-proxy.service")
    files = files_of(guest.root)
    deployed.work.lines.clear()
    assert not deployed.deploy()
    assert files_of(guest.root) == files
    assert deployed.show("MainPID", "NRestarts") == processes
    assert guest.run("systemctl", "show", "-p", "MainPID", "homeport-proxy.service") == proxy
    assert not [line for line in deployed.work.lines if line.startswith(("Wrote", "Installing"))]
    assert deployed.use()
    assert not files_showing(guest, deployed.secrets.values())
    logged = guest.run("journalctl", "--no-pager", "-o", "cat")
    assert not [name for name, value in deployed.secrets.items() if value in logged]


def files_showing(guest: SystemdGuest, values: Iterable[str]) -> list[str]:
    """Files of the guest that anybody may read and that hold one of the values."""
    wanted = [value.encode() for value in values]
    shown = []
    for top in ("etc", "opt/homeport", "var/lib/homeport", "var/log", "home", "tmp", "var/tmp"):
        for path in (guest.root / top).rglob("*"):
            if path.is_symlink() or not path.is_file() or "venv" in path.parts:
                continue
            if path.stat().st_mode & 0o004 and any(v in path.read_bytes() for v in wanted):
                shown.append(str(path))
    return shown


def test_new_options_arrive_with_one_restart(radicale: Deployed) -> None:
    before = radicale.show("MainPID")
    first = radicale.app
    radicale.app = replace(first, values={"logging": {"level": "debug"}})
    try:
        assert radicale.deploy()
        assert radicale.show("MainPID") != before
        assert radicale.use()
    finally:
        radicale.app = first
        radicale.deploy()


def test_service_is_confined(radicale: Deployed) -> None:
    guest, paths = radicale.guest, radicale.paths()
    shown = radicale.show(
        *("User", "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp"),
        *("PrivateDevices", "CapabilityBoundingSet", "RestrictSUIDSGID", "MainPID"),
    )
    pid = shown.pop("MainPID")
    assert shown == {
        "User": paths.user,
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "CapabilityBoundingSet": "",
        "RestrictSUIDSGID": "yes",
    }
    status = guest.run("cat", f"/proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uid = guest.run("id", "-u", paths.user)
    assert set(fields["Uid"].split()) == {uid}
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    guest.run("install", "-d", "-m", "0755", "/srv/open")
    guest.run("chmod", "0777", "/srv/open")
    guest.run("install", "-m", "0600", "-o", USER, "/etc/hostname", "/srv/private")
    inside = ("nsenter", f"--target={pid}", "--mount", "--", "setpriv", "--clear-groups")
    as_service = (*inside, f"--reuid={paths.user}", f"--regid={paths.user}", "--")
    tried = {
        f"{paths.config}/radicale.ini": ("cat", f"{paths.config}/radicale.ini"),
        "own data": ("touch", f"{paths.data}/own"),
        "another's private file": ("cat", "/srv/private"),
        "the proxy's key": ("cat", "/etc/caddy/tls/my-radicale.key"),
        "a file all may write, outside its directories": ("touch", "/srv/open/x"),
        "its own configuration": ("touch", f"{paths.config}/radicale.ini"),
        "homes": ("ls", f"/home/{USER}"),
        "devices": ("ls", "/dev/kmsg"),
    }
    said = {}
    shell = guest.shell()
    try:
        for what, argv in tried.items():
            said[what] = shell.run((*as_service, *argv), check=False).status == 0
    finally:
        shell.close()
    assert [what for what, worked in said.items() if worked] == [
        f"{paths.config}/radicale.ini",
        "own data",
    ]


LOOK = """\
import json, os, sys
task = json.load(sys.stdin)["inputs"]
rights = [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")]
print("user", os.getuid() == int(task["uid"]), "rights", rights, "homes", os.listdir("/home"))
for path in (task["own"], task["other"], "/etc/planted", "/run/planted"):
    try:
        open(path, "w").write("x")
        print("wrote", path)
    except OSError as error:
        print("refused", path)
print("networks", [line.split(":")[0].strip() for line in open("/proc/net/dev")][2:])
"""


def test_programs_of_a_package_run_as_the_service_and_its_writes_are_seen(
    radicale: Deployed,
) -> None:
    work = Quiet()
    shell = radicale.guest.shell()
    try:
        place = Place.of(shell, radicale.app, work)
        uid, _ = place.user_ids()
        own, other = f"{place.paths.data}/collections/own", f"{place.paths.data}/other"
        program = GuestProgram(
            exec=("python3", "{program}"),
            program=LOOK,
            inputs={"uid": str(uid), "own": own, "other": other},
            writes=("{data}/collections",),
        )
        task = {"root": "", "desk": "/var/lib/homeport/.probe", "uid": uid, "places": []}
        names = {"failed": "it failed", "on": "the guest"}
        run_guest_program(place, program, "first", {})
        run_program(place, "writes", task | {"verb": "mark"}, **names)
        run_guest_program(place, program, "look", {})
        [load] = radicale.app.package.load
        run_guest_program(place, load, "load", {})
        run_program(place, "writes", task | {"verb": "hold"}, **names)
        written = run_program(place, "writes", task | {"verb": "compare"}, **names)["written"]
        claims = claims_of(place)
    finally:
        shell.close()
    said = [line.removeprefix("look: ") for line in work.lines if line.startswith("look: ")]
    assert said == [
        "user True rights ['0000000000000000'] homes []",
        f"wrote {own}",
        *(f"refused {path}" for path in (other, "/etc/planted", "/run/planted")),
        "networks ['lo']",
    ]
    paths = {entry["path"]: entry["by"] for entry in written}
    assert own in paths
    assert any("/probe/" in path for path in paths)
    assert set(paths.values()) == {f"a program of user {place.paths.user}"}
    assert [path for path in paths if not claims.has(path)] == []


def test_only_the_proxy_listens_to_the_world(radicale: Deployed) -> None:
    """Beside SSH; and the distribution's own Caddy service stays off."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in radicale.guest.run("cat", f"/proc/net/{table}").splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == "0A" and set(address) == {"0"}:
                found.add(int(port, 16))
    assert found == {22, 80, 443}
    state = radicale.guest.run("systemctl", "is-enabled", "caddy.service", check=False)
    assert state == "disabled"


def test_killed_service_comes_back_by_itself(radicale: Deployed) -> None:
    before = radicale.show("MainPID")["MainPID"]
    radicale.guest.run("kill", "-KILL", before)
    wait_until_used(radicale)
    assert radicale.show("MainPID")["MainPID"] not in (before, "0")


def test_starts_in_a_row_are_not_refused(radicale: Deployed) -> None:
    """More than systemd's limit of five in ten seconds, by failures of before or by us."""
    shell = radicale.guest.shell()
    try:
        for _ in range(7):
            open_method().start(shell, radicale.app, radicale.work, restart=True)
    finally:
        shell.close()
    assert radicale.show("NRestarts") == {"NRestarts": "0"}
    assert radicale.use()


def test_restarts_of_the_units_keep_the_application(radicale: Deployed) -> None:
    radicale.guest.run("systemctl", "restart", "homeport-proxy", "homeport-my-radicale")
    wait_until_used(radicale)


@pytest.fixture(scope="module")
def rounds(guest: SystemdGuest) -> Deployed:
    deployed = Deployed(guest, "rounds", self_made_certificate("rounds.example.org"))
    deployed.deploy()
    return deployed


def test_regular_work_runs_beside_its_service_and_never_without(rounds: Deployed) -> None:
    guest, paths = rounds.guest, rounds.paths()
    sweep, done = paths.job("sweep"), guest.root / f"{paths.data}/work/done".lstrip("/")
    units = [paths.timer(name) for name in ("tick", "yearly", "sweep")]

    def active() -> list[str]:
        shown = guest.run("systemctl", "is-active", paths.unit, *units, check=False)
        return shown.splitlines()

    def lines(begin: str) -> int:
        return sum(line.startswith(begin) for line in done.read_text().splitlines())

    assert active() == ["active"] * 4
    wait_until(lambda: done.exists() and lines("tick") > 0)

    # A job that a stop ends in the middle has ended before the service, and is done again.
    guest.run("touch", f"{paths.run}/held")
    guest.run("systemctl", "start", "--no-block", sweep)
    wait_until(lambda: lines("sweep begun") == 1)
    guest.run("systemctl", "stop", paths.unit)
    assert active() == ["inactive"] * 4
    ticks = lines("tick")
    guest.run("systemctl", "start", paths.unit)
    wait_until(lambda: lines("sweep ended") == 1)
    assert lines("sweep begun") == 2
    wait_until(lambda: lines("tick") > ticks)
    guest.run("systemctl", "restart", paths.unit)
    assert active() == ["active"] * 4
    before = rounds.show("MainPID")["MainPID"]
    guest.run("kill", "-KILL", before)
    wait_until(lambda: rounds.show("MainPID")["MainPID"] not in (before, "0"))
    wait_until(lambda: active() == ["active"] * 4)
    assert lines("yearly") == 0

    shell = guest.shell()
    try:
        proofs = open_method().fence(shell, rounds.app, rounds.work)
    finally:
        shell.close()
    assert any("regular work requires the service" in proof for proof in proofs)
    guest.reboot()
    for unit in (*units, sweep):
        with pytest.raises(HomeportError, match="masked"):
            guest.run("systemctl", "start", unit)
    assert active() == ["inactive"] * 4
    shell = guest.shell()
    try:
        open_method().unfence(shell, rounds.app, rounds.work)
        open_method().start(shell, rounds.app, rounds.work, restart=False)
    finally:
        shell.close()
    assert active() == ["active"] * 4
    assert lines("sweep begun") == 2


def test_timers_that_a_package_no_longer_has_are_gone_and_come_back_with_what_worked(
    rounds: Deployed,
) -> None:
    guest, paths, first = rounds.guest, rounds.paths(), rounds.app
    service = first.package.service

    def with_service(**changes: object) -> Installation:
        changed = service.model_copy(update=changes)
        return replace(first, package=first.package.model_copy(update={"service": changed}))

    def timers() -> set[str]:
        shown = guest.run("systemctl", "list-units", "--plain", "--no-legend", "homeport-*.timer")
        files = guest.run("ls", "/etc/systemd/system").splitlines()
        found = {line.split()[0] for line in shown.splitlines()}
        assert found == {file for file in files if file.endswith(".timer")}
        return {name.removeprefix("homeport-my-rounds-").removesuffix(".timer") for name in found}

    assert timers() == {"tick", "yearly", "sweep"}
    for path in (paths.config, paths.unit_file):
        guest.run("cp", "-aT", path, f"/srv/kept-{path.rpartition('/')[2]}")
    fewer = {name: service.timers[name] for name in ("tick", "yearly")}
    rounds.app = with_service(timers=fewer)
    assert rounds.deploy()
    assert timers() == {"tick", "yearly"}

    # An upgrade's way back puts files back and starts with those, whatever the package says.
    guest.run("systemctl", "stop", paths.unit)
    guest.run("rm", "-rf", paths.config)
    for path in (paths.config, paths.unit_file):
        guest.run("cp", "-aT", f"/srv/kept-{path.rpartition('/')[2]}", path)
    shell = guest.shell()
    try:
        open_method().start(shell, rounds.app, rounds.work, restart=False, as_is=True)
    finally:
        shell.close()
    assert timers() == {"tick", "yearly", "sweep"}

    other = {"tick": service.timers["tick"], "new": service.timers["yearly"]}
    rounds.app = with_service(timers=other, exec=("/bin/false",))
    with pytest.raises(HomeportError):
        rounds.deploy()
    assert timers() == {"tick", "yearly", "sweep"}
    rounds.app = first
    assert not rounds.deploy()
    assert guest.run("systemctl", "is-active", paths.unit) == "active"


def test_guest_comes_back_from_a_reboot_with_the_applications(
    radicale: Deployed, rounds: Deployed
) -> None:
    radicale.deploy()  # the guest's proxy serves who was deployed last
    radicale.use()
    radicale.guest.reboot()
    wait_until_used(radicale)
    work = (rounds.paths().timer(name) for name in rounds.app.package.service.timers)
    assert set(rounds.guest.run("systemctl", "is-active", *work).splitlines()) == {"active"}
    failed = radicale.guest.run("systemctl", "list-units", "--failed", "--output=json")
    assert [unit["unit"] for unit in json.loads(failed) if "homeport" in unit["unit"]] == []
    assert not radicale.deploy()


def wait_until_used(deployed: Deployed, seconds: float = 60.0) -> None:
    """Used as its users do, once it answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            assert deployed.use()
            return
        except HomeportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
