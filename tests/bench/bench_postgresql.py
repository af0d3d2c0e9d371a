"""What moving a PostgreSQL server costs, beside a dump that is restored by two processes.

Two guests of the lab at two providers, with the same data. The window is what passes between the
freeze and a target that may be written: for ours the last bytes of WAL, the promotion and the
comparison of everything (V3); for the dump all of it, and nothing is compared. The runs are
interleaved; the median of each counts. HOMEPORT_BENCH_MB: size of the database, 1000 if unset.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.guests.protocols import GuestTarget
from engine.lab import cli as lab_cli
from engine.lab.lab import Lab
from engine.paths import Paths
from engine.state.passage import GuestPassage
from engine.state.postgresql import PostgresKind, open_kind
from engine.state.protocols import Ground, Side, Unit
from tests.bench import openssh_ground
from tests.conformance.state_ground import both_grounds
from tests.conformance.test_state_conformance import psql
from tests.deployed import installation
from tests.lab_fixture import RunningLab

RUNS = int(os.environ.get("HOMEPORT_BENCH_RUNS", "3"))
MEGABYTES = int(os.environ.get("HOMEPORT_BENCH_MB", "1000"))
ROWS_PER_MB = 2300
"""Of about 400 bytes with their index."""
WRITTEN = 2000
"""Rows that are changed and added between the seed and the freeze."""

MAKE = """\
DROP DATABASE IF EXISTS cargo WITH (FORCE);
CREATE DATABASE cargo OWNER synapse TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\\connect cargo
SET synchronous_commit = off;
CREATE TABLE events (id bigserial PRIMARY KEY, room int, made timestamptz, body text);
CREATE TABLE state (id bigserial PRIMARY KEY, room int, made timestamptz, body text);
INSERT INTO events (room, made, body)
  SELECT n % 977, '2026-01-01'::timestamptz + n * interval '1 s', (SELECT string_agg(
    md5(n::text || k), '') FROM generate_series(1, 9) k) FROM generate_series(1, {rows}) n;
INSERT INTO state (room, made, body) SELECT room, made, reverse(body) FROM events;
CREATE INDEX ON events (room, made);
VACUUM ANALYZE;
CHECKPOINT;
"""
WRITE = """\
UPDATE events SET body = 'changed' WHERE id % {every} = {which};
INSERT INTO state (room, made, body) SELECT 1, now(), 'new' FROM generate_series(1, {count});
"""


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as home:
        os.environ["HOMEPORT_HOME"] = home
        paths = Paths.from_environment().ensure()
        running = RunningLab(Lab(paths.lab), paths)
        try:
            with (
                installation(running) as here,
                both_grounds(here) as (source, target, lab_way),
                way_to(source, lab_way, Path(home)) as way,
            ):
                rows = MEGABYTES * ROWS_PER_MB // 2
                make(source, rows)
                size = int(psql(source, "SELECT pg_database_size('cargo')")) / 1e6
                ours, window, dump = [], [], []
                for number in range(RUNS):
                    dump.append(timed(lambda: dumped(source, target)))
                    psql(target, "DROP DATABASE cargo WITH (FORCE)")
                    passage = GuestPassage(f"bench-{number}", source.place, target.place, way)
                    whole, frozen = moved(source, target, passage, rows, number)
                    ours.append(whole)
                    window.append(frozen)
                    psql(target, "DROP DATABASE cargo WITH (FORCE)")
                return told(size, ours, window, dump)
        finally:
            lab_cli.reset(paths, force=True)


@contextmanager
def way_to(source: Ground, lab_way: GuestTarget, home: Path) -> Iterator[GuestTarget]:
    """By OpenSSH, where that is to be had, and not by the lab's SSH server, which is written in
    Python; the peer has no way to pay for at all."""
    if not openssh_ground.is_possible():
        yield lab_way
        return
    with openssh_ground.openssh_of(source.place, home / "openssh") as way:
        yield way


def make(source: Ground, rows: int) -> None:
    words = ["runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    source.place.shell.run([*words, "-f", "-"], input=MAKE.format(rows=rows).encode(), timeout=3600)


def moved(
    source: Ground, target: Ground, passage: GuestPassage, rows: int, number: int
) -> tuple[float, float]:
    """Seconds of the whole, and of the part between the freeze and the start."""
    kind: PostgresKind = open_kind()
    sides = [Side(Unit("cargo", "postgresql", "cargo"), ground) for ground in (source, target)]
    passage.open([])
    try:
        whole = timed(lambda: kind.seed(sides[0], sides[1], passage))
        every = rows // WRITTEN
        psql(source, WRITE.format(every=every, which=number, count=WRITTEN), "cargo")
        whole += timed(lambda: kind.seed(sides[0], sides[1], passage))
        psql(source, WRITE.format(every=every * 20, which=number + 7, count=WRITTEN), "cargo")
        window = timed(lambda: kind.delta(sides[0], sides[1], passage))
        window += timed(lambda: kind.compare(sides[0], sides[1]))
        kind.settle(sides[0], sides[1], passage)
    finally:
        passage.close()
    return whole + window, window


def dumped(source: Ground, target: Ground) -> None:
    """As somebody would do it by hand. The dump is written where both guests get at it: the peer
    has the way between them for nothing."""
    psql(
        target,
        "CREATE DATABASE cargo OWNER synapse TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    directory = f"{target.place.paths.data}/dump"
    dump = ["pg_dump", "--format=directory", "--jobs=2", "--compress=1", f"--file={directory}"]
    restore = ["pg_restore", "--jobs=2", "--dbname=cargo", directory]
    as_server = ["runuser", "-u", "postgres", "--"]
    source.place.shell.run([*as_server, *dump, "cargo"], timeout=3600)
    target.place.shell.run([*as_server, *restore], timeout=3600)
    target.place.shell.run(["rm", "-rf", "--", directory])


def timed(act: Callable[[], object]) -> float:
    """Seconds on the wall: most of the work is done by other processes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def told(
    size: float, ours: list[float], window: list[float], dump: list[float]
) -> list[dict[str, str]]:
    medians = [statistics.median(each) for each in (ours, window, dump)]
    name = f"PostgreSQL of {size:.0f} MB"
    return [
        {
            "name": f"{name}: moved, whole",
            "ours": f"{medians[0]:.1f} s",
            "peer": f"{medians[2]:.1f} s",
            "ratio": f"{medians[0] / medians[2]:.2f}",
            "goal": "<= 0.65 x (peer: pg_dump, pg_restore -j2)",
        },
        {
            "name": f"{name}: freeze to start",
            "ours": f"{medians[1]:.1f} s",
            "peer": f"{medians[2]:.1f} s",
            "ratio": f"{medians[1] / medians[2]:.2f}",
            "goal": "<= 5 s, compared (V3)",
        },
    ]
