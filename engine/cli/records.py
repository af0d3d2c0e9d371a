"""`homeport records NAME [check|add|remove|apply] RECORD...`: what a deployment has in DNS."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.approval import add_plan_arguments, settle
from engine.errors import InvalidInput
from engine.homeport import Homeport
from engine.model.record import RecordsInZone, RecordStanding

_VERBS = ("list", "check", "add", "remove", "apply")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument(
        "verb",
        nargs="?",
        choices=_VERBS,
        default="list",
        metavar="VERB",
        help="list, which is the default; check: how each stands in the zone, with status 1 where "
        "one is not as it should be; add; remove; apply: write what is missing in the zone",
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
    add_plan_arguments(parser)


def run(options: argparse.Namespace) -> int:
    if bool(options.records) != (options.verb in ("add", "remove")):
        raise InvalidInput(
            "the command is not whole" if not options.records else "the command says too much",
            on=f"homeport records {options.name} {options.verb}",
            do="Give add or remove, and then the records, each in quotes.",
        )
    with Homeport.open() as homeport:
        if options.verb == "list":
            return _list(homeport, options)
        if options.verb == "check":
            return _check(homeport.records_in_zone(options.name), options)
        given = {options.verb: options.records} if options.records else {}
        plan = homeport.plan_records(options.name, ttl=options.ttl, **given)
        return settle(homeport, plan, options)


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


def _check(found: RecordsInZone, options: argparse.Namespace) -> int:
    status = 0 if all(one.served for one in found.records) else 1
    if options.json:
        output.emit_json(found.model_dump(mode="json"))
        return status
    output.table(
        ("TYPE", "NAME", "VALUE", "IN THE ZONE"),
        (
            (one.record.type, one.record.name, ", ".join(one.shown), _stands(one))
            for one in found.records
        ),
    )
    if status:
        output.line(f"to write what is missing: homeport records {options.name} apply")
    return status


def _stands(one: RecordStanding) -> str:
    there = f": {', '.join(one.there)}" if one.stands == "otherwise" else ""
    return one.stands + there
