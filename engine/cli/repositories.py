"""`homeport repositories [NAME]`, `repositories add NAME --path DIR`, `... sheet NAME`, `... remove
NAME`."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from engine.backup.described import described
from engine.cli import output
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.repository import Keep, RepositoryKind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", help="a repository's name, or add, sheet, remove")
    parser.add_argument("name", nargs="?", help="name of the repository (add, sheet, remove)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--path", metavar="DIRECTORY", help="on this machine (add)")
    place.add_argument("--s3", metavar="URL", help="https://host/bucket or .../prefix (add)")
    parser.add_argument("--access-key", default="", help="the key's public half (add --s3)")
    parser.add_argument("--region", default="", help="where the service wants one (add --s3)")
    parser.add_argument(
        "--secret-key-file", metavar="FILE", help="the key's secret half, instead of asking"
    )
    parser.add_argument(
        "--password-file", metavar="FILE", help="password of a repository that is there already"
    )
    for rule in Keep.model_fields:
        parser.add_argument(f"--keep-{rule}", type=int, metavar="N", help=f"{rule} backups to keep")


def run(options: argparse.Namespace) -> int:
    actions = {"add": _add, "sheet": _sheet, "remove": _remove}
    if options.what in actions:
        if not options.name:
            raise InvalidInput(
                f"repositories {options.what} needs a name", do="See: homeport repositories -h"
            )
        return actions[options.what](options)
    with Homeport.open() as homeport:
        desk = homeport.repositories
        profiles = [desk.get(options.what)] if options.what else desk.all()
    if options.json:
        output.emit_json([profile.model_dump(mode="json") for profile in profiles])
    elif not profiles:
        output.line("No repositories yet: homeport repositories add NAME --path DIRECTORY")
    else:
        output.table(
            ("REPOSITORY", "KIND", "KEEPS", "PLACE"),
            ((p.name, p.kind.value, keeps(p.keep), p.location) for p in profiles),
        )
    return 0


def keeps(keep: Keep) -> str:
    if keep.is_all:
        return "all"
    return ", ".join(f"{count} {rule}" for rule, count in keep.model_dump().items() if count)


def _add(options: argparse.Namespace) -> int:
    if not (options.s3 or options.path):
        raise InvalidInput("a repository needs a place", do="Say --path DIRECTORY or --s3 URL.")
    given = {rule: getattr(options, f"keep_{rule}") for rule in Keep.model_fields}
    kept = {rule: count for rule, count in given.items() if count is not None}
    profile = described(
        options.name,
        options.s3 or os.path.abspath(options.path),
        kind=RepositoryKind.S3 if options.s3 else RepositoryKind.DIRECTORY,
        access_key=options.access_key,
        region=options.region,
        keep=Keep(**kept),
    )
    password = _read(options.password_file) if options.password_file else ""
    secret_key = _secret_key(options) if profile.kind is RepositoryKind.S3 else ""
    with Homeport.open() as homeport:
        made = homeport.repositories.add(profile, password=password, secret_key=secret_key)
    if options.json:
        output.emit_json({"repository": profile.model_dump(mode="json"), "made": made})
        return 0
    output.line(f"repository {profile.name} at {profile.location}: {'made' if made else 'opened'}")
    output.line(
        "Without its password a backup is worth nothing, and it lies on this machine alone."
    )
    output.line(
        f"Print or store its recovery sheet now: homeport repositories sheet {profile.name}"
    )
    return 0


def _sheet(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        sheet = homeport.repositories.sheet(options.name)
    if options.json:
        output.emit_json({"sheet": sheet})
    else:
        output.line(sheet.rstrip("\n"))
    return 0


def _remove(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        homeport.repositories.remove(options.name)
    if options.json:
        output.emit_json({"removed": options.name})
    else:
        output.line(
            f"repository {options.name} is not known any more; what is in it was not touched"
        )
    return 0


def _secret_key(options: argparse.Namespace) -> str:
    if options.secret_key_file:
        return _read(options.secret_key_file)
    if not sys.stdin.isatty():
        raise InvalidInput(
            "the secret half of the key is missing",
            on=options.name,
            do="Give --secret-key-file FILE",
        )
    return getpass.getpass("secret key: ")


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("the file cannot be read", on=file, why=str(error)) from error
