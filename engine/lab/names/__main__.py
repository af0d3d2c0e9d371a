"""`python -m engine.lab.names --dir DIR --host ADDRESS --port PORT`: one lab's name server.

DIR holds `names.json` (made by the lab, readable by its owner only): the zones, each with
the key that may change it. The zones' records are kept beside it as master files.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from pathlib import Path

import dns.name
import dns.tsig

from engine.lab.names.server import NameServer
from engine.lab.names.zonefile import ZoneStore

CONFIGURATION = "names.json"
FAULTS = "faults.json"


def load(directory: Path, host: str) -> NameServer:
    """The server for what `names.json` says; zones that are not there yet are made."""
    zones: dict[dns.name.Name, ZoneStore] = {}
    keys: dict[dns.name.Name, dns.tsig.Key] = {}
    for zone, key in json.loads((directory / CONFIGURATION).read_text())["zones"].items():
        store = ZoneStore.create(directory / f"{zone}.zone", zone, host)
        zones[store.origin] = store
        keys[store.origin] = dns.tsig.Key(key["name"], key["secret"], key["algorithm"])
    return NameServer(zones, keys, directory / FAULTS)


async def serve(server: NameServer, host: str, port: int) -> None:
    task = asyncio.ensure_future(server.serve(host, port))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.lab.names", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, default=5353)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(serve(load(given.dir, given.host), given.host, given.port))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
