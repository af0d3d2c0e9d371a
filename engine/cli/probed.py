"""What a probe found, for a person or a program."""

from __future__ import annotations

from engine.cli import output
from engine.homeport import Homeport


def tell_of_probe(homeport: Homeport, operation_id: str, *, as_json: bool) -> int:
    """1 where there is something that nobody claims."""
    found = homeport.probed(operation_id)
    if as_json:
        output.emit_json_line(found.model_dump(mode="json"))
        return 1 if found.unclaimed or found.more else 0
    what = f"{found.application} {found.release}"
    if not found.loads:
        output.line("its package declares no load: it was only started and stopped")
    if not found.unclaimed and not found.more:
        output.line(f"{what} wrote {found.written} paths; all that it keeps is declared")
        return 0
    output.line(f"{what} keeps what no state unit of its package has:")
    output.table(
        ("WHAT", "NAME", "ITEMS", "BYTES", "WRITTEN BY"),
        ((one.kind, one.name, str(one.items), str(one.bytes), one.by) for one in found.unclaimed),
    )
    if found.more:
        output.line("and more than is listed here")
    output.line("declare each under state, or under ignored with the reason")
    return 1
