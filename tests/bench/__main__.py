"""`make bench`: every figure on a line of its own: name, ours, peer, ratio, goal.

Each `bench_*.py` beside this file has `measure()`, which gives rows; it runs in a process
of its own so that no figure carries the memory or the imports of another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RUN_ONE = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])['measure']()))"


def main() -> int:
    """Run the benchmarks named on the command line, or all; 1 where one could not run. --full:
    those that have a larger size run at it."""
    chosen = [word for word in sys.argv[1:] if word != "--full"]
    environment = os.environ | ({"BENCH_FULL": "1"} if "--full" in sys.argv else {})
    failed = 0
    print(f"{'name':<44} {'ours':>14} {'peer':>14} {'ratio':>8}  goal")
    for file in sorted(HERE.glob("bench_*.py")):
        if chosen and file.stem.removeprefix("bench_") not in chosen:
            continue
        done = subprocess.run(
            [sys.executable, "-c", RUN_ONE, str(file)],
            capture_output=True,
            text=True,
            cwd=HERE.parent.parent,
            env=environment,
        )
        if done.returncode:
            failed = 1
            print(f"{file.stem}: could not run\n{done.stderr[-2000:]}", file=sys.stderr)
            continue
        for row in json.loads(done.stdout.splitlines()[-1]):
            peer, ratio = row.get("peer") or "-", row.get("ratio") or "-"
            print(
                f"{row['name']:<44} {row['ours']:>14} {peer:>14} {ratio:>8}  {row['goal']}",
                flush=True,
            )
    return failed


if __name__ == "__main__":
    sys.exit(main())
