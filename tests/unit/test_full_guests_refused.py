"""A lab of full guests where this machine cannot have them, or the lab has others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import Conflict, Denied, NotFound
from engine.lab.lab import Lab
from engine.lab.lab_record import new_record
from engine.lab.nspawn import control_group


def test_without_root_it_says_how_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Denied) as refused:
        Lab(tmp_path / "lab").up(guests="nspawn")
    assert "sudo homeport lab up --guests nspawn" in refused.value.do
    assert not (tmp_path / "lab").exists()


def test_missing_programs_are_named_with_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound) as refused:
        Lab(tmp_path / "lab").up(guests="nspawn")
    assert "apt-get install systemd-container mmdebstrap iproute2" in refused.value.do
    assert not (tmp_path / "lab").exists()


def test_a_lab_keeps_its_kind_of_guests(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    (tmp_path / "lab.json").write_text(
        new_record(tmp_path, lambda host, port: True).model_dump_json()
    )
    with pytest.raises(Conflict) as refused:
        lab.up(guests="nspawn")
    assert "homeport lab reset" in refused.value.do


def test_groups_are_short_enough_to_name_a_link_and_differ() -> None:
    names = {control_group.group_of(f"harbour-a-0123456789ab/{vmid}") for vmid in range(9000, 9999)}
    assert len(names) == 999
    assert max(map(len, names)) <= len("123456789012345") - len("vb-")
