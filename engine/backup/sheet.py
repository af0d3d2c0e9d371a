"""The recovery sheet: what somebody needs on the day when this machine is gone.

A repository without its password is worth nothing, and the password lies on the machine that
may be what was lost. The sheet says all that is needed, with Homeport and without it, so that it
can be kept on paper or in a password manager. It is therefore as secret as the data.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from engine.backup.notes import ABOUT, SECRETS
from engine.backup.restic import STREAM
from engine.model.repository import Backup, RepositoryKind, RepositoryProfile


def recovery_sheet(
    profile: RepositoryProfile, password: str, secret_key: str, backups: Sequence[Backup]
) -> str:
    """Plain text. backups: newest first; the newest of each deployment is named."""
    s3 = profile.kind is RepositoryKind.S3
    where = f"s3:{profile.location.rstrip('/')}" if s3 else profile.location
    keys = [f"  key       {profile.access_key}", f"  secret    {secret_key}"] if s3 else []
    newest: dict[str, Backup] = {}
    for backup in backups:
        newest.setdefault(backup.deployment, backup)
    held = [f"  {backup.name}: {backup.title}" for backup in newest.values()]
    lines = [
        f"RECOVERY SHEET of the repository {profile.name}",
        "Whoever has this sheet and the repository has all data in it. Keep it on paper or in a",
        "password manager, away from the machine that Homeport runs on.",
        "",
        f"  place     {profile.location}",
        f"  password  {password}",
        *keys,
        "",
        "Newest backups in it",
        *(held or ["  none could be read when this sheet was made"]),
        "",
        "WITH HOMEPORT, on a new machine (apt install restic openssh-client)",
        f"  homeport repositories add {profile.name} {_place_words(profile)} \\",
        "      --password-file FILE-WITH-THE-PASSWORD",
        "  homeport backups",
        "  homeport restore NAME --as NAME --provider PROVIDER   (see: homeport providers add)",
        "",
        "WITHOUT HOMEPORT: restic and GNU tar, as root so that owners are kept",
        f"  export RESTIC_REPOSITORY={shlex.quote(where)}",
        *(["  export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."] if s3 else []),
        "  restic snapshots --tag homeport        (asks for the password)",
        f"  restic dump SNAPSHOT {STREAM} | tar --extract --xattrs --acls --numeric-owner",
        "A backup holds",
        f"  {ABOUT:24}release, domain, options, and what each part is",
        f"  {SECRETS:24}passwords and identity keys of the application",
        "  manifest.json           parts with counts and checksums",
        "  one entry for each part: a directory (files), a file NAME (SQLite database; for",
        "  PostgreSQL an archive for pg_restore; for Redis a list of its keys)",
    ]
    return "\n".join(lines) + "\n"


def _place_words(profile: RepositoryProfile) -> str:
    if profile.kind is RepositoryKind.DIRECTORY:
        return f"--path {shlex.quote(profile.location)}"
    key = f" --access-key {shlex.quote(profile.access_key)}"
    region = f" --region {profile.region}" if profile.region else ""
    return f"--s3 {shlex.quote(profile.location)}{key}{region}"
