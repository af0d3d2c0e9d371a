"""Clan's generated secrets in OpenBao: a store for Clan's `custom` setting, which `clan.nix` beside
this module makes for the machines. Clan imports this module and asks `SecretStore` for everything.
Which OpenBao it is stands in `homeport.yaml` beside Clan's flake:

    provider: home      # a provider of this Homeport; its secrets store is used
    folder: main        # in that store; another one for each Clan

    clan/PROVIDER/FOLDER/vars/PLACEMENT/GENERATOR/FILE          the values
    clan/PROVIDER/FOLDER/requests/PLACEMENT/GENERATOR/FILE      which machines may have them
    clan/PROVIDER/FOLDER/validation/PLACEMENT/GENERATOR         Clan's validation hashes

They move with the provider's secrets. Owner, group, mode and phase are labels of the values, so
that they can be used without the flake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.backends.protocols import HasLabels, HasPolicies, Secrets
from engine.errors import InvalidInput, NotFound
from engine.homeport import Homeport
from engine.model.base import Model
from engine.vars.clan_settings import (
    SETTINGS,
    ClanSettings,
    only_openbao,
    read_settings,
    told_to_clan,
)
from engine.vars.memory_directory import memory_directory
from engine.vars.store import decoded, encoded, placement

if TYPE_CHECKING:
    from engine.vars.clan_interface import GeneratorId, GeneratorStore, StoreBase, Var
else:
    try:
        from clan_lib.vars._types import StoreBase
    except ImportError:
        from engine.vars.clan_interface import StoreBase

UPLOAD_DIRECTORY = "/var/lib/homeport-vars"
_PARTITIONING = "partitioning"


class Request(Model):
    """Who may have a file: the machines onto which it is put."""

    deploy: tuple[str, ...]


class SecretStore(StoreBase):
    """Opened with Clan's flake; OpenBao is asked when something is first needed of it.

    Errors are Clan's own where Clan is installed.
    """

    @property
    def store_name(self) -> str:
        return "homeport"

    @property
    def is_secret_store(self) -> bool:
        return True

    # values

    def get(self, generator: GeneratorId, name: str) -> bytes:
        cache = getattr(self, "_secret_cache", None)
        key = self.rel_dir(generator, name)
        if cache is not None and key in cache:
            return bytes(cache[key])
        with told_to_clan():
            value = decoded(self._secrets.get(self._path("vars", generator, name)))
        if cache is not None:
            cache[key] = value
        return value

    def _set(
        self, generator: GeneratorId, name: str, value: bytes, *request: Any, **named: Any
    ) -> list[Path]:
        """request: whom the file is for, the last argument; Clan has given it by position and by
        several names. For a shared file machines are added to those of before, as Clan asks for
        one machine after the other. It is stored before the value: no value is there of which
        nobody knows whose it is."""
        [asked] = (*request, *named.values())
        with told_to_clan():
            path = self._path("vars", generator, name)
            before = self._request(generator, name) if asked.deploy else None
            known = set(before.deploy) if before is not None else set()
            self._put_request(generator, name, known | set(asked.deploy))
            self._secrets.put(path, encoded(value))
            self._present.add(path)
        cache = getattr(self, "_secret_cache", None)
        if cache is not None:
            cache[self.rel_dir(generator, name)] = value
        return []

    def exists(self, generator: GeneratorId, name: str) -> bool:
        """Answered from one list of names, read once."""
        with told_to_clan():
            return self._path("vars", generator, name) in self._present

    def delete(self, generator: GeneratorId, name: str) -> Iterable[Path]:
        with told_to_clan():
            path = self._path("vars", generator, name)
            self._secrets.delete(path)
            self._secrets.delete(self._path("requests", generator, name))
        self._present.discard(path)
        cache = getattr(self, "_secret_cache", None)
        if cache is not None:
            cache.pop(self.rel_dir(generator, name), None)
        return []

    def delete_store(self, machine: str) -> Iterable[Path]:
        """All that is the machine's own. What is shared stays."""
        with told_to_clan():
            place = placement(machine)
            if not machine:
                raise InvalidInput("a machine must be named", left="nothing was removed")
            for kind in ("vars", "requests", "validation"):
                self._secrets.delete(f"{self._folder}/{kind}/{place}")
            self.__dict__.pop("_present", None)
        cache = getattr(self, "_secret_cache", None)
        if cache is not None:
            cache.clear()
        return []

    # validation

    def get_validation(self, generator: GeneratorId) -> str | None:
        try:
            with told_to_clan(NotFound):
                return self._secrets.get(self._path("validation", generator))
        except NotFound:
            return None

    def set_validation(self, generator: GeneratorId, hash_str: str | None) -> list[Path]:
        with told_to_clan():
            path = self._path("validation", generator)
            if hash_str is None:
                self._secrets.delete(path)
            else:
                self._secrets.put(path, hash_str)
        return []

    # to the machine

    def populate_dir(
        self,
        generators: Sequence[GeneratorStore],
        machine: str,
        output_dir: Path,
        phases: list[str],
    ) -> None:
        """PHASE/GENERATOR/FILE, and GENERATOR/FILE for partitioning, where Clan's installer looks
        for them; mode as declared. Owners are set on the machine, which knows its users."""
        with told_to_clan():
            for generator, file in _deployed(generators, machine):
                if file.needed_for not in phases:
                    continue
                phase = "" if file.needed_for == _PARTITIONING else file.needed_for
                target = output_dir / phase / generator.name / file.name
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
                value = self.get(generator.key, file.name)
                target.unlink(missing_ok=True)
                target.touch(mode=0o600, exist_ok=False)
                target.write_bytes(value)
                target.chmod(file.mode)
                self._describe(machine, generator, file)

    def get_upload_directory(self, machine: str) -> str:
        del machine  # the same on all
        return UPLOAD_DIRECTORY

    def upload(
        self,
        generators: Sequence[GeneratorStore],
        machine: str,
        host: Any,
        phases: list[str],
    ) -> None:
        """By Clan's own way of uploading; host is Clan's."""
        from clan_lib.ssh.upload import upload  # type: ignore[import-not-found]

        with memory_directory() as directory:
            self.populate_dir(generators, machine, directory, phases)
            upload(host, directory, Path(self.get_upload_directory(machine)))

    # health

    def health_check(
        self,
        machine: str,
        generators: Sequence[GeneratorStore] | None = None,
        file_name: str | None = None,
    ) -> str | None:
        """Files that the machine may have and should not; None where there are none.

        What it may not have yet, and owner or mode that are declared differently, are no matter of
        health: Clan generates nothing for a machine that is not healthy, and the next deployment
        puts them right, as `fix` does.
        """
        with told_to_clan():
            wrong = [
                f"{generator.name}/{file.name}: the machine {machine} may read it, and it is "
                "declared not to be deployed"
                for generator, file in self._stored(machine, generators, file_name)
                if not file.deploy and self._may_have(machine, generator, file)
            ]
        return "\n".join(wrong) or None

    def fix(
        self,
        machine: str,
        generators: Sequence[GeneratorStore] | None = None,
        file_name: str | None = None,
    ) -> None:
        """What is known of the machine's files is put right; no value is changed."""
        with told_to_clan():
            for generator, file in self._stored(machine, generators, file_name):
                self._describe(machine, generator, file)

    def policy(self, machine: str) -> str:
        """For OpenBao's administrator: a policy by which the machine reads exactly the files that
        are deployed to it, should it fetch them by itself."""
        with told_to_clan():
            if not isinstance(self._secrets, HasPolicies):
                raise InvalidInput("this store of secrets has no policies", on=self._provider)
            top = f"{self._folder}/requests/"
            allowed = [
                f"{self._folder}/vars/{path.removeprefix(top)}"
                for path in self._secrets.list(top)
                if machine in Request.model_validate_json(self._secrets.get(path)).deploy
            ]
            return self._secrets.reading_policy(allowed)

    # parts

    def _stored(
        self, machine: str, generators: Sequence[GeneratorStore] | None, file_name: str | None
    ) -> Iterator[tuple[GeneratorStore, Var]]:
        for generator in generators or ():
            for file in generator.files:
                if (
                    file.secret
                    and machine in generator.machines
                    and file_name in (None, file.name)
                    and self.exists(generator.key, file.name)
                ):
                    yield generator, file

    def _request(self, generator: GeneratorId, name: str) -> Request | None:
        try:
            text = self._secrets.get(self._path("requests", generator, name))
            return Request.model_validate_json(text)
        except (NotFound, ValidationError):
            return None

    def _put_request(self, generator: GeneratorId, name: str, deploy: Iterable[str]) -> None:
        text = Request(deploy=tuple(sorted(deploy))).model_dump_json()
        self._secrets.put(self._path("requests", generator, name), text)

    def _may_have(self, machine: str, generator: GeneratorStore, file: Var) -> bool:
        request = self._request(generator.key, file.name)
        return request is not None and machine in request.deploy

    def _describe(self, machine: str, generator: GeneratorStore, file: Var) -> None:
        if self._may_have(machine, generator, file) != file.deploy:
            request = self._request(generator.key, file.name)
            others = set(request.deploy) - {machine} if request is not None else set()
            mine = {machine} if file.deploy else set()
            self._put_request(generator.key, file.name, others | mine)
        if isinstance(self._secrets, HasLabels):
            path = self._path("vars", generator.key, file.name)
            self._secrets.label(path, _labels(generator, file))

    def _path(self, kind: str, generator: GeneratorId, *names: str) -> str:
        return "/".join((self._folder, kind, generator.rel_dir().as_posix(), *names))

    @cached_property
    def _present(self) -> set[str]:
        return set(self._secrets.list(f"{self._folder}/vars"))

    @cached_property
    def _settings(self) -> ClanSettings:
        return read_settings(Path(self.clan_dir) / SETTINGS)

    @property
    def _folder(self) -> str:
        return f"clan/{self._provider}/{self._settings.folder}"

    @cached_property
    def _homeport(self) -> Homeport:
        return Homeport.open()

    @cached_property
    def _provider(self) -> str:
        return self._settings.provider or only_openbao(self._homeport)

    @cached_property
    def _secrets(self) -> Secrets:
        return self._homeport.secret_stores.open(self._provider)


def _deployed(
    generators: Sequence[GeneratorStore], machine: str
) -> Iterator[tuple[GeneratorStore, Var]]:
    for generator in generators:
        for file in generator.files:
            if file.secret and file.deploy and machine in generator.machines:
                yield generator, file


def _labels(generator: GeneratorStore, file: Var) -> dict[str, str]:
    return {
        "generator": generator.name,
        "secret": "true",
        "deploy": str(file.deploy).lower(),
        "needed_for": file.needed_for,
        "file_owner": file.owner,
        "file_group": file.group,
        "file_mode": f"{file.mode:04o}",
    }
