"""`homeport state serve --cert FILE --key FILE`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from engine.cli import output
from engine.cli.state_arguments import add_provider
from engine.errors import InvalidInput
from engine.homeport import Homeport

EPILOG = """\
Runs until it is told to stop (SIGTERM); SIGHUP reads the certificate again. Any number of them may
serve the same states. /health answers 200 while OpenBao is open, 503 otherwise."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_provider(parser)
    parser.add_argument("--listen", default="127.0.0.1:8444", metavar="HOST:PORT")
    parser.add_argument("--cert", required=True, type=Path, help="certificate with chain (PEM)")
    parser.add_argument("--key", required=True, type=Path, help="its key (PEM)")


def run(options: argparse.Namespace) -> int:
    from engine.tfstate.service import serve

    host, port = _address(options.listen)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("homeport.state").setLevel(logging.INFO)

    def listening(port: int) -> None:
        if options.json:
            output.emit_json_line({"listening": f"{host}:{port}"})
        else:
            output.line(f"serving states at https://{host}:{port}/state/PROJECT/NAME")

    with Homeport.open() as homeport:
        states = homeport.opentofu_states(options.provider).states
        asyncio.run(serve(states, host, port, options.cert, options.key, listening))
    return 0


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and port.isdecimal() and int(port) < 65536):
        raise InvalidInput(
            "this is not an address to listen on", on=text, do="Write HOST:PORT, as 0.0.0.0:8444."
        )
    return host.strip("[]"), int(port)
