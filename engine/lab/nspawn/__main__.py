"""`python -m engine.lab.nspawn DIRECTORY`: the keeper of one guest, started by the hypervisor."""

from __future__ import annotations

import sys

from engine.lab.guest.__main__ import main
from engine.lab.nspawn.keeper import run

if __name__ == "__main__":
    sys.exit(main(run))
