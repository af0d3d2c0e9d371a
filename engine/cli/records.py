"""`homeport records NAME [check|add|remove|apply|move] RECORD...`: what a deployment has in DNS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.names import Delegation
from engine.model.plan import Plan
from engine.model.record import RecordsInZone, RecordStanding

_VERBS = ("list", "check", "add", "remove", "apply", "move")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument(
        "verb",
        nargs="?",
        choices=_VERBS,
        default="list",
        metavar="VERB",
        help="list, which is the default; check: how each stands in the zone, with status 1 where "
        "one is not as it should be; add; remove; apply: write what is missing in the zone; move: "
        "to another provider's name servers, with --to, --finish or --back",
    )
    parser.add_argument(
        "records",
        nargs="*",
        metavar="RECORD",
        help='each in quotes: "MX @ 10 mail.example.org", "TXT _dmarc v=DMARC1; p=none", "CNAME '
        'www @". Names are below the domain (@), or whole with a dot at the end; '
        '{public_address} is its address. To remove, "MX @" is all of them',
    )
    parser.add_argument("--ttl", type=int, metavar="SECONDS", help="of those added; by default 300")
    moves = parser.add_mutually_exclusive_group()
    moves.add_argument(
        "--to",
        metavar="PROVIDER",
        help="make them at its name servers, too; its zone must hold the domain. Both are "
        "written to until that is finished",
    )
    moves.add_argument(
        "--finish",
        action="store_true",
        help="remove them at the old name servers, once the zone is delegated to the new ones",
    )
    moves.add_argument(
        "--back", action="store_true", help="remove them at the new name servers again"
    )
    parser.add_argument(
        "--anyway",
        action="store_true",
        help="with --finish or --back: whatever the zone's delegation says, as for a zone that is "
        "not public",
    )
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if bool(options.records) != (options.verb in ("add", "remove")):
        raise InvalidInput(
            "the command is not whole" if not options.records else "the command says too much",
            on=f"homeport records {options.name} {options.verb}",
            do="Give add or remove, and then the records, each in quotes.",
        )
    wanted = [bool(options.to), options.finish, options.back].count(True)
    if wanted != (options.verb == "move") or (options.anyway and (options.to or not wanted)):
        raise InvalidInput(
            "the command is not whole" if options.verb == "move" else "the command says too much",
            on=f"homeport records {options.name} {options.verb}",
            do="Give move with --to PROVIDER, --finish or --back; --anyway goes with the last two.",
        )
    with Homeport.open() as homeport:
        if options.verb == "move":
            return settle(homeport, _move(homeport, options), options)
        if options.verb == "list":
            return _list(homeport, options)
        if options.verb == "check":
            found = homeport.records_in_zone(options.name)
            return _check(found, homeport.delegation(options.name), options)
        given = {options.verb: options.records} if options.records else {}
        plan = homeport.plan_records(options.name, ttl=options.ttl, **given)
        return settle(homeport, plan, options)


def _move(homeport: Homeport, options: argparse.Namespace) -> Plan:
    if options.to:
        return homeport.plan_names_move(options.name, options.to)
    if options.finish:
        return homeport.plan_names_finish(options.name, anyway=options.anyway)
    return homeport.plan_names_back(options.name, anyway=options.anyway)


def _list(homeport: Homeport, options: argparse.Namespace) -> int:
    own = homeport.deployment(options.name).deployment.records
    added = {(record.name, record.values) for record in own}
    found = homeport.records(options.name)
    if options.json:
        output.emit_json(
            [
                {**record.model_dump(mode="json"), "added": (record.name, record.values) in added}
                for record in found
            ]
        )
        return 0
    for record in found:
        for value in record.values:
            of = "added" if (record.name, record.values) in added else "of its package"
            output.line(f"{record.type:5}  {record.name}  {value}  (TTL {record.ttl} s, {of})")
    if not found:
        output.line("none beside the record of its address")
    return 0


def _check(found: RecordsInZone, delegation: Delegation | None, options: argparse.Namespace) -> int:
    other = found.other
    if options.json:
        told = {"delegation": delegation.model_dump(mode="json")} if delegation else {}
        output.emit_json({**found.model_dump(mode="json"), **told})
        return 0 if found.is_whole else 1
    if other is not None:
        output.line(f"at {found.at}, where the names live:")
    _table(found.records)
    if other is not None:
        output.line(f"at {other.at}, which is written to as well:")
        if other.trouble:
            output.line(other.trouble)
        else:
            _table(other.records)
    if delegation is not None:
        _tell_delegation(delegation, options.name)
    if not found.is_whole:
        output.line(f"to write what is missing: homeport records {options.name} apply")
    return 0 if found.is_whole else 1


def _table(records: Sequence[RecordStanding]) -> None:
    output.table(
        ("TYPE", "NAME", "VALUE", "IN THE ZONE"),
        ((one.record.type, one.record.name, ", ".join(one.shown), _stands(one)) for one in records),
    )


def _tell_delegation(delegation: Delegation, name: str) -> None:
    """Where it stands, and what is next."""
    zone, target = delegation.zone, delegation.target
    output.line(f"{name}'s names move from {delegation.source} to {target}; both are written to")
    public = ", ".join(delegation.public)
    output.line(f"{zone} is delegated to: {public or f'unknown ({delegation.unknown})'}")
    output.line(f"the zone at {target} names: {', '.join(delegation.wanted) or 'unknown'}")
    output.line(
        f"once only these are delegated to: homeport records {name} move --finish (or --back)"
    )


def _stands(one: RecordStanding) -> str:
    there = f": {', '.join(one.there)}" if one.stands == "otherwise" else ""
    return one.stands + there
