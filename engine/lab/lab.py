"""A whole lab: two hosting providers, their name server and their authority, in one directory.

`up` starts what is missing and repairs what crashed; `down` ends everything and keeps the
state; `reset` leaves nothing behind. Each takes the lab's lock, so two of them never meet.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from engine.errors import Conflict, InvalidInput, NotFound
from engine.lab import lab_parts
from engine.lab.api.launch import destroy_guests, power_off_guests, running_api, stop_api
from engine.lab.lab_parts import LabLayout
from engine.lab.lab_profiles import provider_profile, provider_secrets
from engine.lab.lab_record import (
    API_PORT,
    GuestKind,
    Harbour,
    LabRecord,
    LabSecrets,
    new_record,
    new_secrets,
)
from engine.lab.lifecycle import Part, running_pid, start, stop, wait_ready
from engine.lab.nspawn import base, bridge
from engine.model.base import Model
from engine.model.provider import ProviderProfile
from engine.private_files import write_private

_READY_SECONDS = 30.0
_GRACE_SECONDS = 10.0

_GUESTS: dict[GuestKind, str] = {"light": "light guests", "nspawn": "full Debian guests"}

State = Literal["running", "stopped", "crashed"]
Say = Callable[[str], None]


class PartStatus(Model):
    """One part of the lab. crashed: it should run and does not; `up` starts it again."""

    name: str
    title: str
    state: State
    pid: int | None
    address: str


class Lab:
    """The lab in a directory, which need not exist yet."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._layout = LabLayout(self.directory)

    @property
    def exists(self) -> bool:
        return self._layout.record_path.exists()

    def record(self) -> LabRecord:
        """NotFound when there is no lab here."""
        try:
            return LabRecord.model_validate_json(self._layout.record_path.read_bytes())
        except FileNotFoundError:
            raise NotFound(
                "there is no lab yet", on=str(self.directory), do="Make one: homeport lab up"
            ) from None
        except ValidationError as error:
            raise InvalidInput(
                "the lab's own record cannot be read",
                on=str(self._layout.record_path),
                why=f"{error.error_count()} of its entries are damaged or of another version",
                left="nothing was changed",
                do="End the lab's processes, remove its directory, then run: homeport lab up",
            ) from None

    def up(
        self, say: Say = lambda text: None, *, guests: GuestKind | None = None
    ) -> list[PartStatus]:
        """Everything runs and answers afterwards; made first where there is no lab.

        guests: their kind; None takes those that the lab has, or light ones. Conflict where the
        lab has others; Denied or NotFound where this machine cannot have them.
        """
        kind = self._kind(guests)
        if kind == "nspawn":
            base.refuse_where_impossible()
            base.ensure_base(say)
        with self._locked():
            record = self._create(say, kind) if not self.exists else self.record()
            if not record.wanted:
                record = self._save(record.model_copy(update={"wanted": True}))
            secrets = LabSecrets.model_validate_json(self._layout.secrets_path.read_bytes())
            lab_parts.prepare(self._layout, record, secrets)
            if record.bridge:
                base.put_base(self._layout.cache)
                bridge.up(record.bridge, record.bridge_addresses)
            self._start_everything(record, say)
            return self._status(record)

    def down(self, say: Say = lambda text: None) -> bool:
        """Nothing of the lab runs afterwards; its state stays. False: there is no lab."""
        if not self.exists:
            return False
        with self._locked():
            record = self._save(self.record().model_copy(update={"wanted": False}))
            self._stop_everything(record, say)
        return True

    def reset(self, say: Say = lambda text: None) -> bool:
        """Neither a process nor a file of the lab is left. False: there is no lab."""
        if not self.exists:
            self._refuse_foreign_directory()
            return False
        with self._locked():
            record = self.record()
            self._stop_everything(record, say)
            say("removing the lab's files")
            for harbour in record.harbours:
                destroy_guests(self._layout.harbour(harbour))
            self._remove_files()
        return True

    def status(self) -> list[PartStatus]:
        """How every part is; empty when there is no lab. Takes no lock and changes nothing."""
        return self._status(self.record()) if self.exists else []

    def provider_profiles(self) -> list[tuple[ProviderProfile, Mapping[str, str]]]:
        """Each harbour's profile, with the values of the secrets that it refers to.

        NotFound while the lab does not run: only then are its authorities and tokens known.
        """
        record = self.record()
        dns_keys = LabSecrets.model_validate_json(self._layout.secrets_path.read_bytes()).dns_keys
        authority = lab_parts.authority(self._layout, record)
        result: list[tuple[ProviderProfile, Mapping[str, str]]] = []
        for harbour in record.harbours:
            api = running_api(self._layout.harbour(harbour))
            if api is None or not authority.root_path.exists():
                raise NotFound("the lab does not run", on=harbour.name, do="Run: homeport lab up")
            profile = provider_profile(
                record,
                harbour,
                api_ca=api.ca_pem,
                authority_root=authority.root_path.read_text(),
                directory_url=authority.directory_url,
            )
            values = provider_secrets(harbour, api_token=api.token, dns_key=dns_keys[harbour.name])
            result.append((profile, values))
        return result

    def _kind(self, wanted: GuestKind | None) -> GuestKind:
        had = self.record().guests if self.exists else None
        if wanted and had and wanted != had:
            raise Conflict(
                f"the lab does not get {_GUESTS[wanted]}",
                on=str(self.directory),
                why=f"it has {_GUESTS[had]}, and a lab has guests of one kind",
                left="nothing was changed",
                do="Remove it first, or use another HOMEPORT_HOME: homeport lab reset",
            )
        return wanted or had or "light"

    def _create(self, say: Say, guests: GuestKind) -> LabRecord:
        say(f"making a lab in {self.directory}")
        record = new_record(self.directory, guests=guests)
        write_private(self._layout.secrets_path, new_secrets().model_dump_json().encode())
        return self._save(record)

    def _save(self, record: LabRecord) -> LabRecord:
        write_private(self._layout.record_path, record.model_dump_json(indent=2).encode())
        return record

    def _start_everything(self, record: LabRecord, say: Say) -> None:
        """All parts at once; every failure is waited for, the first one is raised."""
        with ThreadPoolExecutor() as pool:
            tasks: list[Future[Any]] = [
                pool.submit(lab_parts.start_hypervisor, self._layout, record, harbour)
                for harbour in record.harbours
            ]
            for part in lab_parts.describe(self._layout, record):
                tasks.append(pool.submit(self._start_part, part, say))
        for task in tasks:
            task.result()

    def _start_part(self, part: Part, say: Say) -> None:
        if start(part):
            say(f"starting {part.title}")
        wait_ready(part, deadline=time.monotonic() + _READY_SECONDS)

    def _stop_everything(self, record: LabRecord, say: Say) -> None:
        """The hypervisors first, so that none of them starts a guest again."""
        with ThreadPoolExecutor() as pool:
            tasks = [
                pool.submit(self._stop_hypervisor, harbour, say) for harbour in record.harbours
            ]
            for part in lab_parts.describe(self._layout, record):
                tasks.append(pool.submit(self._stop_part, part, say))
        for task in tasks:
            task.result()
        if record.bridge:
            bridge.down(record.bridge)

    def _stop_hypervisor(self, harbour: Harbour, say: Say) -> None:
        directory = self._layout.harbour(harbour)
        stop_api(directory)
        power_off_guests(directory)
        say(f"{harbour.name} and its guests are down")

    def _stop_part(self, part: Part, say: Say) -> None:
        if stop(part, grace=_GRACE_SECONDS):
            say(f"{part.title} is down")

    def _status(self, record: LabRecord) -> list[PartStatus]:
        result: list[PartStatus] = []

        def add(name: str, title: str, pid: int | None, address: str) -> None:
            silent: State = "crashed" if record.wanted else "stopped"
            state: State = silent if pid is None else "running"
            result.append(PartStatus(name=name, title=title, state=state, pid=pid, address=address))

        for part in lab_parts.describe(self._layout, record):
            add(part.name, part.title, running_pid(part), f"{part.address[0]}:{part.address[1]}")
        for harbour in record.harbours:
            api = running_api(self._layout.harbour(harbour))
            title = f"the hypervisor of {harbour.name}"
            pid = api.pid if api is not None else None
            add(harbour.name, title, pid, f"{harbour.address(1)}:{API_PORT}")
        return result

    def _remove_files(self) -> None:
        """lab.json goes last: an interrupted reset can be repeated."""
        last = self._layout.record_path
        for path in self.directory.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path != last:
                path.unlink()
        last.unlink()
        self.directory.rmdir()

    def _refuse_foreign_directory(self) -> None:
        if self.directory.is_dir() and any(self.directory.iterdir()):
            raise Conflict(
                "the lab cannot be removed",
                on=str(self.directory),
                why="the directory holds files that are not a lab's",
                left="nothing was changed",
                do="Look into the directory and remove it yourself if nobody needs it",
            )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Waits for another `up`, `down` or `reset` of this lab to finish."""
        path = self.directory / "lab.lock"
        while True:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                break
            os.close(descriptor)  # a reset removed the lab while we waited
        try:
            yield
        finally:
            os.close(descriptor)
