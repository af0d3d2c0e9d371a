"""`homeport providers [NAME]`, `providers add [NAME]`, `... edit NAME`, `... check NAME`,
`... remove NAME`, `... secrets NAME`, `... policy NAME`, `... rights NAME`."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from engine.cli import output, provider_secrets, provider_setup
from engine.cli.checks import emit_checks, has_failed, print_checks
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.provider import BackendProfile, ProviderProfile

_REFERENCE = "secret:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        help="a provider's name, or add, edit, check, remove, secrets, policy, rights",
    )
    parser.add_argument(
        "subject",
        nargs="?",
        help="name of the provider; add asks for all that it needs, or takes a profile's file",
    )
    parser.add_argument(
        "--secret-file",
        action="append",
        default=[],
        metavar="PATH=FILE",
        help="read the secret of this path from a file instead of asking (add, secrets); with "
        "--answers: hypervisor.token=FILE",
    )
    parser.add_argument("--try", action="store_true", dest="try_out", help=argparse.SUPPRESS)
    parser.add_argument(
        "--draft", action="store_true", help="check a provider that is not saved yet (check)"
    )
    provider_setup.add_arguments(parser)
    provider_secrets.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    actions = {
        "check": _check,
        "add": _add,
        "edit": provider_setup.set_up,
        "remove": _remove,
        "secrets": _secrets,
        "policy": provider_secrets.policy,
        "rights": _rights,
    }
    if options.what in actions:
        if not options.subject and options.what != "add":
            raise InvalidInput(
                f"providers {options.what} needs a name or file", do="See: homeport providers -h"
            )
        return actions[options.what](options)
    with Homeport.open() as homeport:
        profiles = [homeport.provider(options.what)] if options.what else homeport.providers()
    if options.json:
        output.emit_json([profile.model_dump(mode="json") for profile in profiles])
    elif not profiles:
        output.line("No providers yet. Add yours: homeport providers add")
        output.line("Or try the built-in ones: homeport lab up")
    elif options.what:
        output.document(profiles[0].model_dump(mode="json"))
    else:
        output.table(
            ("PROVIDER", "ZONE", "WHAT"),
            ((profile.name, profile.zone, profile.title) for profile in profiles),
        )
    return 0


def _check(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.draft:
            desk = homeport.provider_setup
            checks = desk.check(desk.draft(options.subject))
        elif options.try_out:
            checks = homeport.try_provider(options.subject)
        else:
            checks = homeport.check_provider(options.subject)
    if options.json:
        emit_checks(checks)
    else:
        print_checks(checks)
    return 1 if has_failed(checks) else 0


def _add(options: argparse.Namespace) -> int:
    if not _is_file(options.subject):
        return provider_setup.set_up(options)
    profile = read_profile(Path(options.subject))
    backends = filter(None, (*profile.backends.values(), profile.infrastructure))
    secrets = _asked_for(backends, options)
    with Homeport.open() as homeport:
        homeport.save_provider(profile, secrets)
        checks = homeport.check_provider(profile.name)
    if options.json:
        emit_checks(checks)
    else:
        output.line(f"provider {profile.name} is saved; its connection check:")
        print_checks(checks)
    return 1 if has_failed(checks) else 0


def _is_file(subject: str | None) -> bool:
    """A profile's file rather than a name: names have neither dots nor slashes."""
    return bool(subject) and (
        not set("./").isdisjoint(subject or "") or Path(subject or "").is_file()
    )


def _rights(options: argparse.Namespace) -> int:
    """The least that Homeport's account at the hypervisor needs, as commands to paste there."""
    with Homeport.open() as homeport:
        text = homeport.least_rights(options.subject)
    if options.json:
        output.emit_json({"provider": options.subject, "commands": text})
    else:
        output.line(text)
    return 0


def _secrets(options: argparse.Namespace) -> int:
    return provider_secrets.secrets(options, lambda store: _asked_for([store], options))


def _asked_for(backends: Iterable[BackendProfile], options: argparse.Namespace) -> dict[str, str]:
    """The value of every secret that the settings refer to, from a file or the terminal."""
    given = dict(_split(text) for text in options.secret_file)
    return {path: _secret(path, given) for path in sorted(references(backends))}


def _remove(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        homeport.remove_provider(options.subject)
    if options.json:
        output.emit_json({"removed": options.subject})
    else:
        output.line(f"provider {options.subject} is removed; nothing at it was touched")
    return 0


def read_profile(file: Path) -> ProviderProfile:
    """The profile in a YAML file; InvalidInput names the field that is wrong."""
    try:
        document = yaml.safe_load(file.read_text())
        return ProviderProfile.model_validate(document)
    except OSError as error:
        raise InvalidInput("the profile cannot be read", on=str(file), why=str(error)) from error
    except yaml.YAMLError as error:
        raise InvalidInput("the profile is not YAML", on=str(file), why=str(error)) from error
    except ValidationError as error:
        why = "\n".join(
            f"{'.'.join(map(str, item['loc'])) or 'the file'}: {item['msg']}"
            for item in error.errors()
        )
        raise InvalidInput(
            "the profile is not complete or not right",
            on=str(file),
            why=why,
            do="Describe it by questions instead: homeport providers add NAME",
        ) from error


def references(backends: Iterable[BackendProfile]) -> set[str]:
    """Paths of all secrets that the settings refer to."""
    found: set[str] = set()
    pending: list[Any] = [backend.settings for backend in backends]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str) and value.startswith(_REFERENCE):
            found.add(value.removeprefix(_REFERENCE))
    return found


def _split(text: str) -> tuple[str, str]:
    path, separator, file = text.partition("=")
    if not separator:
        raise InvalidInput("--secret-file wants PATH=FILE", why=f"it was given {text!r}")
    return path, file


def _secret(path: str, given: Mapping[str, str]) -> str:
    if path in given:
        return Path(given[path]).read_text().rstrip("\n")
    if not sys.stdin.isatty():
        raise InvalidInput(
            "a secret of the profile is missing",
            on=path,
            do=f"Give it by file: --secret-file {path}=FILE",
        )
    return getpass.getpass(f"{path}: ")
