"""What the setup of a provider says about its parts, and how far each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text import Cell, Line, Role, Span, columns

if TYPE_CHECKING:
    from engine.provider_setup.outline import Outlined

ABOUT, PROOF = "about", "proof"
TITLES = {
    "hypervisor": "Hypervisor",
    "addresses": "Addresses",
    "dns": "DNS",
    "secrets": "Secrets",
    "certificates": "Certificates",
}
HELP = {
    ABOUT: "The zone in which applications get their names, and how guests are reached.",
    "hypervisor": "Where guests run. You see the certificate of its API and compare it, get the "
    "commands that give Homeport its least rights, and choose among what is there.",
    "addresses": "Who hands out the addresses of guests.",
    "dns": "Who answers for the zone. Only names of Homeport's own are ever changed.",
    "secrets": "Where the passwords and keys of applications lie.",
    "certificates": "Who vouches for the names of applications.",
    PROOF: "Every service is asked, and what can be tried without harm is tried. What is missing "
    "is named, with the one command that mends it. Then it is saved.",
}
OTHER = "A service that a provider may have."


def part_line(title: str, said: str, is_done: bool, width: int) -> Line:
    mark = Span("+ ", "good") if is_done else Span("- ", "muted")
    word = said or ("answered" if is_done else "to be answered")
    role: Role = "plain" if said else "muted"
    return (mark, *columns((Cell(title, 14, "strong"), Cell(word, width - 18, role))))


def service_line(one: Outlined, width: int) -> Line:
    title = TITLES.get(one.service.value, one.service.value.capitalize())
    said = ", ".join(filter(None, (one.said, one.title)))
    if not one.is_required and not one.kind:
        said = "none"
    elif one.kind and not one.is_answered:
        said = f"{said}: to be answered"
    return part_line(title, said, one.is_answered, width)


def proof_line(ready: bool, width: int) -> Line:
    said = "see it working, and save it" if ready else "when all is answered"
    return (
        Span("> " if ready else "  ", "accent"),
        *columns((Cell("Check", 14, "strong"), Cell(said, width - 18, "muted"))),
    )
