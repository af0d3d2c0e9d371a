"""At whose name servers a deployment's names are."""

from __future__ import annotations

from pydantic import AwareDatetime

from engine.model.base import Model


class NameServers(Model):
    """at: the provider at whose name servers the names live: these are asked, and their answers
    count. also: the provider whose name servers have the same records, while the names move from
    the one to the other; else empty."""

    at: str
    also: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Wherever a change is written, in that order."""
        return (self.at, self.also) if self.also else (self.at,)


class NamesMove(Model):
    """A deployment's names on their way from one provider's name servers to another's, until
    that is finished or taken back. Both have them meanwhile; `at` is where they live."""

    deployment: str
    source: str
    target: str
    at: str
    began: AwareDatetime

    @property
    def servers(self) -> NameServers:
        return NameServers(at=self.at, also=self.source if self.at == self.target else self.target)


class Delegation(Model):
    """Where the world is sent for a zone whose names move, beside where it should be.

    wanted: the name servers that the zone at the target names; empty where its backend cannot
    say. public: those that a resolver names. unknown: why nobody could say that.
    """

    zone: str
    source: str
    target: str
    wanted: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    unknown: str = ""
