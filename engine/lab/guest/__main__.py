"""`python -m engine.lab.guest DIRECTORY`: the init of one guest, started by the hypervisor."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from engine.lab.guest.init import AlreadyRunning, run


def main(run: Callable[[Path], Coroutine[None, None, None]] = run) -> int:
    """run: the guest's life, whatever kind of guest it is."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    try:
        asyncio.run(run(Path(sys.argv[1])))
    except AlreadyRunning:
        logging.error("the guest is running already")
        return 3
    except OSError as error:
        logging.error("the guest cannot start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
