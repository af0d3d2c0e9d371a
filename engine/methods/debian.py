"""The method "debian": packages and a service unit on a systemd guest.

One code path for Debian 12 and 13, Ubuntu 22.04 and newer, and the lab's guests. A guest
differs only by its facts: the prefix of paths and the address of its loopback. Every call
looks at what is there and makes the rest, so it may be repeated after a kill anywhere.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from engine.catalog.placeholders import expand_command, expand_text
from engine.catalog.render import RenderedFile, file_paths, render_files
from engine.errors import RemoteFailure
from engine.guests import scripts
from engine.guests.protocols import GuestShell
from engine.methods import (
    apt,
    caddy,
    fence,
    mariadb,
    passed_on,
    postgresql,
    rabbitmq,
    redis,
    release,
    systemd,
    timers,
)
from engine.methods.bindings import PlaceBindings, account_name, authority_file, bindings_of
from engine.methods.in_turn import Command, run_in_turn
from engine.methods.place import Place
from engine.methods.probing import wait_until_healthy
from engine.methods.protocols import Installation, Work
from engine.methods.proven import is_taken_back, keep_proven, now_proven, restart_due, take_back
from engine.methods.unitfile import Unit
from engine.model.move import Forwarded
from engine.state.scripting import SANDBOX

_COMPONENTS = {
    "postgresql": postgresql,
    "mariadb": mariadb,
    "redis": redis,
    "rabbitmq": rabbitmq,
}
_QUIESCE_SECONDS = 600


def open_method() -> DebianMethod:
    return DebianMethod()


class DebianMethod:
    """`engine.methods.protocols.Method`."""

    def components(self, shell: GuestShell, app: Installation, work: Work) -> None:
        place = Place.of(shell, app, work)
        needed = [name for name in app.package.needs.components if name not in app.databases]
        packages = [_COMPONENTS[name].DEBIAN_PACKAGE for name in needed]
        packages += [_COMPONENTS[name].DEBIAN_CLIENT for name in app.databases]
        if "rabbitmq" in needed:
            rabbitmq.prepare(place)
        apt.ensure_packages(place, (caddy.DEBIAN_PACKAGE, *packages))
        caddy.retire_default_service(place)
        if "postgresql" in needed:
            postgresql.ensure_postgresql(place, secrets.token_bytes)
        if "mariadb" in needed:
            mariadb.ensure_mariadb(place)
        if "redis" in needed:
            redis.ensure_redis(place)
        if "rabbitmq" in needed:
            rabbitmq.ensure_rabbitmq(place, secrets.token_bytes)

    def check(self, shell: GuestShell, app: Installation, work: Work) -> None:
        place = Place.of(shell, app, work)
        release.check_python(place)
        _rendered(place, bindings_of(place))

    def install(self, shell: GuestShell, app: Installation, work: Work) -> None:
        place = Place.of(shell, app, work)
        _ensure_ground(place)
        if app.package.scripts:
            # Now, and not while the application is away.
            apt.ensure_packages(place, (SANDBOX,))
        release.ensure_release(place)

    def configure(self, shell: GuestShell, app: Installation, work: Work) -> bool:
        place = Place.of(shell, app, work)
        bindings = bindings_of(place)
        files = _rendered(place, bindings)
        _ensure_ground(place)
        was_proven = keep_proven(place)
        changed = False
        for file in files:
            path = place.paths.within(file.path)
            if place.write(path, file.data, mode=file.mode, owner=_owner(place, file.mode)):
                work.log(f"Wrote {path}")
                changed = True
        changed |= _write_authorities(place)
        changed |= timers.write_timers(place, bindings)
        changed |= systemd.write_unit(place, place.paths.unit_file, _unit(place, bindings))
        if was_proven and not changed:
            now_proven(place)
        return changed

    def start(
        self,
        shell: GuestShell,
        app: Installation,
        work: Work,
        *,
        restart: bool,
        as_is: bool = False,
    ) -> None:
        place = Place.of(shell, app, work)
        unit = place.paths.unit
        if not as_is and is_taken_back(place):
            self.configure(shell, app, work)
        reload = Command(("systemctl", "daemon-reload"))
        first = [timers.linked(place), reload] if as_is else []
        due, noting = restart_due(place, *first)
        before = (*noting, Command(("systemctl", "enable", unit)))
        with work.spent("application-start"):
            try:
                systemd.start(place, unit, restart=restart or due, before=before)
                wait_until_healthy(place)
                timers.start(place)
            except RemoteFailure as failure:
                if as_is:
                    raise
                raise take_back(place, failure) from failure
        if as_is:
            _run_as_service(place, app.package.quiesce.after)
        now_proven(place)

    def stop(
        self, shell: GuestShell, app: Installation, work: Work, *, pass_on_to: str = ""
    ) -> None:
        place = Place.of(shell, app, work)
        first = caddy.passing_on(place, bindings_of(place), pass_on_to) if pass_on_to else ()
        if app.package.quiesce.before:
            asked = ("systemctl", "is-active", "--quiet", place.paths.unit)
            running = Command(asked, may_fail=True)
            if run_in_turn(place, *first, running)[-1].status == 0:
                _run_as_service(place, app.package.quiesce.before)
            first = ()
        run_in_turn(place, *first, *_ending(place), timeout=systemd.START_SECONDS)

    def accounts(self, shell: GuestShell, app: Installation, work: Work) -> None:
        """Accounts by command; those in a file or an option are part of the configuration."""
        place = Place.of(shell, app, work)
        for account in app.package.accounts:
            if account.kind == "command":
                _run_account_command(place, account.argv, account.secret, by_stdin=account.stdin)
                work.log(f"The account {account_name(place)} is there")

    def publish(
        self,
        shell: GuestShell,
        app: Installation,
        chain_pem: bytes,
        key_pem: bytes,
        work: Work,
        *,
        forward_to: str = "",
        behind: str = "",
    ) -> None:
        place = Place.of(shell, app, work)
        caddy.publish(
            place, bindings_of(place), chain_pem, key_pem, forward_to=forward_to, behind=behind
        )

    def forwarded(
        self, shell: GuestShell, app: Installation, work: Work, since: datetime
    ) -> Forwarded:
        return passed_on.count(Place.of(shell, app, work), since)

    def fence(self, shell: GuestShell, app: Installation, work: Work) -> tuple[str, ...]:
        place = Place.of(shell, app, work)
        if app.package.quiesce.before:
            self.stop(shell, app, work)
            return fence.put_up_and_prove(place)
        return fence.put_up_and_prove(place, *_ending(place))

    def unfence(self, shell: GuestShell, app: Installation, work: Work) -> None:
        fence.take_down(Place.of(shell, app, work))


def _ending(place: Place) -> tuple[Command, ...]:
    """The service does not run, and does not start by itself."""
    verbs, masked = ("disable", "stop"), fence.masked(place)
    return tuple(Command(("systemctl", v, place.paths.unit), unless=masked) for v in verbs)


def _write_authorities(place: Place) -> bool:
    """Of the provider's database servers; True where anything changed."""
    written = [
        place.write(
            authority_file(place, component, access),
            access.ca_pem.encode(),
            mode=0o640,
            owner=_owner(place, 0o640),
        )
        for component, access in place.app.databases.items()
        if access.ssl_mode == "verify-full" and access.ca_pem
    ]
    return any(written)


def _owner(place: Place, mode: int) -> str:
    """Root's own, read by the service through its group; a file for its owner alone is the
    service's."""
    user = place.paths.user
    return f"root:{user}" if mode & 0o070 else f"{user}:{user}"


def _ensure_ground(place: Place) -> None:
    """The service's user and its directories, modes and owners as they should be."""
    paths, user = place.paths, place.paths.user
    directories = [
        (paths.base, "0755", "root", "root"),
        (paths.config, "0750", "root", user),
        (paths.data, "0750", user, user),
        (paths.run, "0750", user, user),
    ]
    bindings = bindings_of(place)
    for path, mode in place.app.package.directories.items():
        own = paths.within(expand_text(path, bindings))
        directories.append((own, f"{int(mode, 8):04o}", user, user))
    words = (word for directory in directories for word in directory)
    script = ("sh", "-c", scripts.SERVICE_GROUND, "service-ground")
    place.run(*script, user, paths.data, *words)


def _rendered(place: Place, bindings: PlaceBindings) -> list[RenderedFile]:
    app = place.app
    existing = _existing(place, bindings)
    return render_files(
        app.package, app.release, app.options_schema, app.values, bindings, existing
    )


def _existing(place: Place, bindings: PlaceBindings) -> dict[str, bytes]:
    """The files that keep lines of others: password files."""
    package = place.app.package
    found = {}
    for file, path in zip(package.config, file_paths(package, bindings), strict=True):
        if file.format == "htpasswd":
            data = place.shell.read_file(place.paths.within(path))
            if data is not None:
                found[path] = data
    return found


def _unit(place: Place, bindings: PlaceBindings) -> Unit:
    app, paths, service = place.app, place.paths, place.app.package.service
    return Unit(
        description=f"{app.package.name} {app.release.version} ({app.name}), by Homeport",
        exec=expand_command(service.exec, bindings),
        before=tuple(expand_command(argv, bindings) for argv in service.before),
        environment={k: expand_text(v, bindings) for k, v in service.environment.items()},
        user=paths.user,
        directory=paths.data,
        after=tuple(
            _COMPONENTS[name].UNIT
            for name in app.package.needs.components
            if name not in app.databases
        ),
        wants=timers.timer_units(place),
        stop_seconds=service.stop_seconds,
        runtime_directory=f"homeport/{app.name}",
        writable=(paths.data,),
    )


def _run_as_service(place: Place, commands: tuple[tuple[str, ...], ...]) -> None:
    for argv in commands:
        words = expand_command(argv, bindings_of(place))
        place.run("runuser", "-u", place.paths.user, "--", *words, timeout=_QUIESCE_SECONDS)


def _run_account_command(
    place: Place, argv: tuple[str, ...], secret: str, *, by_stdin: bool
) -> None:
    """As the service's own user; the password by standard input or a file only it can read."""
    user = place.paths.user
    password = place.app.read_secret(secret).encode()
    password_file = f"{place.paths.run}/first-account"
    command = expand_command(argv, bindings_of(place, password_file=password_file))
    if not by_stdin:
        place.write(password_file, password, mode=0o400, owner=f"{user}:{user}")
    try:
        done = place.run(
            *("runuser", "-u", user, "--", *command),
            data=password + b"\n" if by_stdin else None,
            timeout=300,
            check=False,
        )
    finally:
        if not by_stdin:
            place.shell.run(("rm", "-f", "--", password_file), check=False)
    if done.status != 0:
        raise RemoteFailure(
            "the first account cannot be made",
            on=f"{account_name(place)} at {place.app.domain}",
            why=(done.stderr or done.stdout).strip()[-800:],
            left="the application runs, without this account",
            do="Read what the application said, then retry.",
        )
