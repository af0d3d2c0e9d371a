"""A repository as a person describes it: a name, a place, and what opens the place."""

from __future__ import annotations

from pydantic import ValidationError

from engine.errors import InvalidInput
from engine.model.repository import Keep, RepositoryKind, RepositoryProfile


def described(
    name: str,
    place: str,
    *,
    kind: RepositoryKind | None = None,
    access_key: str = "",
    region: str = "",
    keep: Keep | None = None,
) -> RepositoryProfile:
    """place: the absolute path of a directory, or the address of a bucket, which tells the kind
    where none is given. InvalidInput, on the field that is wrong, for what no repository can be.
    """
    seen = RepositoryKind.S3 if "://" in place else RepositoryKind.DIRECTORY
    try:
        return RepositoryProfile(
            name=name,
            kind=kind or seen,
            location=place,
            access_key=access_key,
            region=region,
            keep=keep or Keep(),
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "location"
        raise InvalidInput(
            "the repository cannot be set up so",
            on=f"{name}: {field}" if name else field,
            why="; ".join(_said(str(item["msg"])) for item in error.errors()),
            left="nothing was changed",
        ) from None


def _said(message: str) -> str:
    """Without pydantic's own beginning of a sentence that is ours."""
    return message.removeprefix("Value error, ")
