"""`homeport vars VERB --provider P`: generated secrets and public files; see
`engine.vars.generators` for the document that describes them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable

from engine.cli import output
from engine.cli.approval import NOT_APPROVED, approved
from engine.cli.documents import read_document
from engine.cli.vars_answers import Answers, read_value
from engine.errors import Conflict, InvalidInput
from engine.homeport import Homeport
from engine.vars.checking import Finding, Selection
from engine.vars.generators import read_generators
from engine.vars.transfer import read_export

_VERBS = {
    "list": "what was generated; values of public files are not shown, see get",
    "get": "one value, to standard output or a file",
    "set": "put a value of your own in the place of a generated one",
    "generate": "make what is missing, and what depends on it",
    "check": "what generate would make, and why; status 1 where it is anything",
    "export": "all of it as a document; with --output, secrets included",
    "import": "store what an export has",
}
_DEFINITIONS = "vars.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    made = {}
    for name, summary in _VERBS.items():
        made[name] = sub = verbs.add_parser(
            name, help=summary, description=f"{summary.capitalize()}."
        )
        sub.add_argument("--provider", required=True, help="whose store of secrets keeps them")
        if name != "import":
            sub.add_argument("--machine", default="", help="whose files; none: those shared by all")
        sub.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON"
        )
    for name in ("get", "set"):
        made[name].add_argument("file", metavar="GENERATOR/FILE")
    for name in ("set", "generate", "check"):
        made[name].add_argument(
            "--file",
            dest="definitions",
            default=_DEFINITIONS,
            metavar="FILE",
            help=f"what describes the generators; without it {_DEFINITIONS}",
        )
    for name in ("generate", "check"):
        made[name].add_argument("generators", nargs="*", metavar="GENERATOR", help="only these")
        made[name].add_argument(
            "--regenerate", action="store_true", help="those, too, where nothing is wrong"
        )
    made["generate"].add_argument(
        "--prompt",
        action="append",
        default=[],
        metavar="GENERATOR/PROMPT=FILE",
        help="read an answer from a file instead of asking; - is standard input",
    )
    made["set"].add_argument(
        "--from", dest="source", metavar="FILE", help="the value; - is standard input"
    )
    for name in ("get", "export"):
        made[name].add_argument("--output", metavar="FILE", help="a new file, mode 0600")
    made["import"].add_argument("document", metavar="FILE", help="what export wrote")
    for name in ("generate", "import"):
        choice = made[name].add_mutually_exclusive_group()
        choice.add_argument("--plan", action="store_true", help="show and change nothing")
        choice.add_argument("--yes", action="store_true", help="do it without asking")


def run(options: argparse.Namespace) -> int:
    actions = {
        "list": _list,
        "get": _get,
        "set": _set,
        "generate": _generate,
        "check": _check,
        "export": _export,
        "import": _import,
    }
    with Homeport.open() as homeport:
        return actions[options.verb](homeport, options)


def _list(homeport: Homeport, options: argparse.Namespace) -> int:
    kept = [
        one
        for one in homeport.vars.kept(options.provider)
        if not options.machine or one.machine in ("", options.machine)
    ]
    if options.json:
        output.emit_json(
            [
                {
                    "machine": one.machine,
                    "generator": one.generator,
                    "complete": one.record.is_complete,
                    "files": {n: f.model_dump(mode="json") for n, f in one.record.files.items()},
                }
                for one in kept
            ]
        )
    elif not kept:
        output.line("Nothing yet: homeport vars generate --provider NAME --file FILE")
    else:
        output.table(
            ("PLACE", "FILE", "KIND", "OWNER", "MODE", "NEEDED FOR"),
            (
                (
                    one.machine or "shared",
                    f"{one.generator}/{name}",
                    "secret" if file.secret else "public",
                    f"{file.owner}:{file.group}",
                    file.mode,
                    file.needed_for.value if file.deploy else "other generators",
                )
                for one in kept
                for name, file in sorted(one.record.files.items())
            ),
        )
    return 0


def _get(homeport: Homeport, options: argparse.Namespace) -> int:
    generator, file = _split(options.file)
    value = homeport.vars.read(options.provider, options.machine, generator, file)
    if options.output:
        _write_new(options.output, value)
    elif options.json:
        output.emit_json({"file": options.file, "value": _text(value, options.file)})
    elif sys.stdout.isatty():
        output.line(_text(value, options.file))
    else:
        # as it is, so that it can be piped
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
    return 0


def _set(homeport: Homeport, options: argparse.Namespace) -> int:
    generator, file = _split(options.file)
    selection = _selection(options)
    declared = selection.generator(generator).outputs.get(file)
    value = read_value(options.file, options.source, hidden=declared is None or declared.secret)
    homeport.vars.set(options.provider, selection, generator, file, value)
    if options.json:
        output.emit_json({"set": options.file})
    else:
        output.line(f"{options.file} is set. What depends on it is made anew by: vars generate")
    return 0


def _generate(homeport: Homeport, options: argparse.Namespace) -> int:
    selection = _selection(options)
    how = (options.generators, options.regenerate)
    found = homeport.vars.check(options.provider, selection, *how)
    if not _agreed(found, options, "generate"):
        return NOT_APPROVED
    if found and not options.plan:
        answers = Answers(options.prompt)
        told = (lambda finding: None) if options.json else _tell
        homeport.vars.generate(options.provider, selection, found, answers.ask, told, *how)
    if options.json:
        _emit(found, done=not options.plan)
    return 0


def _check(homeport: Homeport, options: argparse.Namespace) -> int:
    found = homeport.vars.check(
        options.provider, _selection(options), options.generators, options.regenerate
    )
    if options.json:
        _emit(found, done=False)
    else:
        _show(found)
    return 1 if found else 0


def _export(homeport: Homeport, options: argparse.Namespace) -> int:
    found = homeport.vars.export(
        options.provider, options.machine, with_secrets=bool(options.output)
    )
    if not options.output:
        output.emit_json(found.model_dump(mode="json"))
        return 0
    _write_new(options.output, found.model_dump_json(indent=1).encode() + b"\n")
    if options.json:
        output.emit_json({"output": options.output, "generators": len(found.generators)})
    else:
        output.line(
            f"{len(found.generators)} generators are in {options.output}, secrets included: "
            "keep it where nobody else reads it, and remove it when it was imported"
        )
    return 0


def _import(homeport: Homeport, options: argparse.Namespace) -> int:
    document = read_export(read_document(options.document), options.document)
    found = homeport.vars.plan_import(options.provider, document)
    if not _agreed(found, options, "store"):
        return NOT_APPROVED
    if found and not options.plan:
        homeport.vars.import_(options.provider, document, found)
        if not options.json:
            output.line(f"{len(found)} generators are stored")
    if options.json:
        _emit(found, done=not options.plan)
    return 0


def _agreed(found: list[Finding], options: argparse.Namespace, what: str) -> bool:
    """Shows it, and asks where it was not said before; a plan needs no agreement."""
    if not options.json:
        _show(found)
    if options.plan or options.yes or not found or approved():
        return True
    output.line(f"Nothing was changed. Approve it with --yes to {what}.")
    return False


def _show(found: Iterable[Finding]) -> None:
    shown = [f"  {'~' if one.only_described else '+'} {_named(one)}: {one.why}" for one in found]
    for text in shown or ["everything is there, as declared"]:
        output.line(text)


def _tell(finding: Finding) -> None:
    output.line(f"{_named(finding)} is stored")


def _named(finding: Finding) -> str:
    return f"{finding.generator} ({finding.machine or 'shared'})"


def _emit(found: Iterable[Finding], *, done: bool) -> None:
    output.emit_json({"generators": [one.model_dump(mode="json") for one in found], "done": done})


def _selection(options: argparse.Namespace) -> Selection:
    document = read_document(options.definitions)
    return Selection(read_generators(document, options.definitions), options.machine)


def _split(text: str) -> tuple[str, str]:
    generator, separator, file = text.partition("/")
    if not (separator and generator and file):
        raise InvalidInput(
            "this is not GENERATOR/FILE",
            on=text,
            left="nothing was changed",
            do="Write it as in the list: homeport vars list --provider NAME",
        )
    return generator, file


def _text(value: bytes, on: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidInput(
            "the value is not text",
            on=on,
            do="Have it written to a file: --output FILE",
        ) from None


def _write_new(name: str, data: bytes) -> None:
    """Only its owner may read it, from its first byte on."""
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Conflict(
            "the file was not written", on=name, why="there is one already", do="Name a new file."
        ) from None
    except OSError as error:
        raise InvalidInput(
            "the file was not written", on=name, why=error.strerror or "", do="Name another file."
        ) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
