"""Programs of migrations give values, and can do nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.programs import run_program
from forms.migrations import Outcome, apply, read_migrations

DOUBLE = """
def migrate(values):
    return {"limit": values["limits.low"] * 2, "names": [None, True, 1.5, "ä"]}
"""


def test_a_program_makes_new_values_of_old_ones() -> None:
    assert run_program(DOUBLE, {"limits.low": 21}) == {
        "limit": 42,
        "names": [None, True, 1.5, "ä"],
    }


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (
            "def migrate(values):\n    fail('no unit is known')",
            "the program ends in an error: no unit",
        ),
        ("def migrate(values):\n    return values['x']", "x"),
        ("def migrate(values", "Parse error"),
        ("x = 1", "`migrate` not found"),
        ("def migrate(values):\n    return 1", "gave no values"),
        ("load('//etc/passwd', 'x')\ndef migrate(values):\n    return {}", "No imports"),
        ("def migrate(values):\n    return {'a': open('/etc/passwd')}", "open"),
        ("def migrate(values):\n    return migrate(values)", "ends in an error"),
        (
            "def migrate(values):\n    for i in range(1 << 30):\n        pass\n    return {}",
            "2 seconds",
        ),
        (
            "def migrate(values):\n    a = ['x']\n    for i in range(40):\n        a += a\n"
            "    return {'a': a}",
            "512 MiB",
        ),
    ],
)
def test_what_gives_no_values_says_why(program: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        run_program(program, {"a": 1})
    assert why in str(raised.value)


def test_a_program_that_fails_leaves_the_values_to_a_person(tmp_path: Path) -> None:
    declared = {"from": ["limits.low"], "to": ["limit"], "run": "def migrate(v):\n  fail('no')"}
    found = read_migrations(
        {"format": 1, "migrations": [{"version": "2", "changes": [{"script": declared}]}]}
    )
    applied = apply(found.changes("1", "2"), {"limits": {"low": 1}}, runner=run_program)
    assert applied.document == {"limits": {"low": 1}}
    assert [(e.outcome, e.why) for e in applied.effects] == [
        (Outcome.ASKED, "the program ends in an error: no")
    ]
