"""What the sealed file adds to what every secrets store does, and values that are generated."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import private_files
from engine.backends.secrets.envelope import DamagedSecrets, Envelope, Key, open_value, seal_value
from engine.backends.secrets.generate import generate
from engine.backends.secrets.installation import (
    installation_ssh_key,
    open_installation_secrets,
    read_reference,
)
from engine.backends.secrets.sealed import SealedSecrets
from engine.catalog.package import SecretSpec
from engine.errors import Denied, HomeportError, InvalidInput, Unsafe
from engine.model.provider import CheckStatus
from engine.paths import Paths

CANARY = "canary-3f9a-very-secret"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "state", tmp_path / "config", tmp_path / "lab")


@pytest.fixture
def store(paths: Paths) -> SealedSecrets:
    return SealedSecrets(paths)


# --- the sealed file --------------------------------------------------------------------


def files(paths: Paths) -> tuple[Path, Path]:
    return paths.state / "secrets" / "sealed.json", paths.config / "secrets.key"


def test_nothing_readable_is_written_and_files_are_private(
    store: SealedSecrets, paths: Paths
) -> None:
    store.put("providers/home/token", CANARY)
    for directory in (paths.state, paths.config):
        for file in directory.rglob("*"):
            mode = stat.S_IMODE(file.stat().st_mode)
            assert mode & 0o077 == 0, file
            if file.is_file():
                data = file.read_bytes()
                assert CANARY.encode() not in data
                assert base64.b64encode(CANARY.encode())[:-2] not in data
    key = files(paths)[1]
    assert not list(paths.state.rglob(key.name))


def test_a_key_that_others_can_read_is_refused(store: SealedSecrets, paths: Paths) -> None:
    store.put("a", CANARY)
    key = files(paths)[1]
    key.chmod(0o640)
    with pytest.raises(Unsafe) as caught:
        store.get("a")
    assert f"chmod 600 '{key}'" in caught.value.do
    assert store.check()[0].status is CheckStatus.FAIL
    key.chmod(0o600)
    assert store.get("a") == CANARY


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_file_or_key_says_what_to_restore(
    store: SealedSecrets, paths: Paths, lost: int
) -> None:
    store.put("a", CANARY)
    file = files(paths)[lost]
    kept = file.read_bytes()
    file.unlink()
    for call in (lambda: store.get("a"), lambda: store.put("b", "v"), lambda: store.list("")):
        with pytest.raises(DamagedSecrets) as caught:
            call()
        assert str(file) in caught.value.do
    assert store.check()[0].status is CheckStatus.FAIL
    private_files.write_private(file, kept)
    assert store.get("a") == CANARY


def test_another_installations_key_is_told_apart(store: SealedSecrets, paths: Paths) -> None:
    store.put("a", CANARY)
    other = Paths(paths.state / "other", paths.config / "other", paths.lab)
    SealedSecrets(other).put("a", "x")
    private_files.write_private(files(paths)[1], files(other)[1].read_bytes())
    with pytest.raises(DamagedSecrets) as caught:
        store.get("a")
    assert "sealed with key" in caught.value.why


def _drop(document: dict[str, dict[str, str]]) -> None:
    del document["records"]["b"]


def _swap(document: dict[str, dict[str, str]]) -> None:
    records = document["records"]
    records["a"], records["b"] = records["b"], records["a"]


def _flip(document: dict[str, dict[str, str]]) -> None:
    record = bytearray(base64.b64decode(document["records"]["a"]))
    record[-1] ^= 1
    document["records"]["a"] = base64.b64encode(record).decode()


@pytest.mark.parametrize("change", [_drop, _swap, _flip])
def test_a_changed_file_is_never_read(
    store: SealedSecrets, paths: Paths, change: Callable[[dict[str, dict[str, str]]], None]
) -> None:
    store.put("a", CANARY)
    store.put("b", "other")
    file = files(paths)[0]
    document = json.loads(file.read_text())
    change(document)
    private_files.write_private(file, json.dumps(document).encode())
    with pytest.raises(DamagedSecrets) as caught:
        store.list("")
    assert str(file) in caught.value.do


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_flipped_bit_and_no_cut_goes_unnoticed(data: st.DataObject) -> None:
    key = Key.generate()
    records = {path: seal_value(key, path, f"value of {path}") for path in ("a", "b/c")}
    whole = Envelope.build(key, records).serialise()
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:position]
    else:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        envelope = Envelope.parse(bytes(damaged))
        envelope.verify(key)
        values = {path: open_value(key, path, r) for path, r in envelope.records.items()}
    except ValueError:
        return
    assert values == {"a": "value of a", "b/c": "value of b/c"}  # only white space was hit


def test_a_newer_format_is_refused(store: SealedSecrets, paths: Paths) -> None:
    store.put("a", CANARY)
    file = files(paths)[0]
    private_files.write_private(file, file.read_bytes().replace(b'"version": 1', b'"version": 2'))
    with pytest.raises(DamagedSecrets) as caught:
        store.get("a")
    assert "version 2" in caught.value.why


def test_a_new_key_opens_everything_and_the_old_one_nothing(
    store: SealedSecrets, paths: Paths
) -> None:
    store.put("a", CANARY)
    store.put("b", "other")
    key = files(paths)[1]
    old = key.read_bytes()
    store.rotate_key()
    assert (store.get("a"), store.get("b")) == (CANARY, "other")
    private_files.write_private(key, old)
    with pytest.raises(DamagedSecrets):
        SealedSecrets(paths).get("a")


class Killed(BaseException):
    pass


@pytest.mark.parametrize("rotating", [False, True])
def test_killed_at_any_write_nothing_is_lost(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, rotating: bool
) -> None:
    """Every system call that changes a directory is a place to die at."""
    if rotating:
        SealedSecrets(paths).put("a", CANARY)
    left = [0]

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(os, "fsync", dying(os.fsync))
    monkeypatch.setattr(Path, "replace", dying(Path.replace))
    for moment in range(1, 50):
        left[0] = moment
        try:
            if rotating:
                SealedSecrets(paths).rotate_key()
            else:
                SealedSecrets(paths).put("a", CANARY)
        except Killed:
            left[0] = 0
            if rotating:
                assert SealedSecrets(paths).get("a") == CANARY
            SealedSecrets(paths).put(f"probe/{moment}", "v")
        else:
            break
    left[0] = 0
    assert moment > 2
    assert SealedSecrets(paths).get("a") == CANARY
    assert len(SealedSecrets(paths).list("probe")) == moment - 1


def test_no_error_or_representation_shows_a_value(store: SealedSecrets, paths: Paths) -> None:
    key = Key.generate()
    assert base64.b64encode(key.material).decode() not in repr(key)
    with pytest.raises(InvalidInput) as caught:
        store.put("a", f"{CANARY}\ud800")
    assert CANARY not in str(caught.value.describe())
    errors: list[HomeportError] = []
    store.put("a", CANARY)
    files(paths)[0].write_text("{}")
    try:
        store.get("a")
    except HomeportError as error:
        errors.append(error)
    assert errors
    assert CANARY not in str(errors[0].describe())


# --- generated values -------------------------------------------------------------------


@given(st.sampled_from(["password", "token", "hex"]), st.integers(min_value=12, max_value=128))
def test_generated_values_have_their_form(kind: str, length: int) -> None:
    value = generate(SecretSpec(kind=kind, length=length))  # type: ignore[arg-type]
    assert len(value) == length
    assert value.isascii()
    assert not set(value) & set(" \t\n'\"\\$`%:@/")
    if kind == "hex":
        int(value, 16)
    if kind == "password":
        assert not set(value) & set("0O1lI")


@pytest.mark.parametrize("kind", ["password", "token"])
def test_what_is_made_up_passes_where_a_password_is_judged_by_its_looks(kind: str) -> None:
    for _ in range(100):
        value = generate(SecretSpec(kind=kind, length=12))  # type: ignore[arg-type]
        assert value.lower() != value != value.upper()
        assert set(value) & set("0123456789")


def test_a_signing_key_seed_is_32_bytes_in_unpadded_base64() -> None:
    value = generate(SecretSpec(kind="ed25519-seed"))
    assert len(base64.b64decode(value + "=")) == 32
    assert not value.endswith("=")


def test_a_length_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        generate(SecretSpec(kind="password", length=4))


# --- the installation's own -------------------------------------------------------------


def test_the_ssh_key_is_made_once_and_in_openssh_form(paths: Paths) -> None:
    first = installation_ssh_key(open_installation_secrets(paths))
    again = installation_ssh_key(open_installation_secrets(paths))
    assert first == again
    assert first.private_pem.startswith("-----BEGIN OPENSSH PRIVATE KEY-----")
    assert first.public_line.startswith("ssh-ed25519 AAAA")
    assert first.private_pem not in repr(first)


def test_references_are_followed_and_plain_values_refused(paths: Paths) -> None:
    store = open_installation_secrets(paths)
    store.put("providers/home/token", CANARY)
    assert read_reference(store, "secret:providers/home/token") == CANARY
    with pytest.raises(InvalidInput) as caught:
        read_reference(store, CANARY)
    assert CANARY not in str(caught.value.describe())


def test_what_cannot_be_written_is_said_and_nothing_is_lost(paths: Paths) -> None:
    store = SealedSecrets(paths)
    store.put("deployments/a/b", "rocks")
    in_the_way = paths.state / "secrets" / "sealed.json.tmp"
    in_the_way.mkdir()
    with pytest.raises(Denied) as refused:
        store.put("deployments/a/b", "sand")
    assert str(in_the_way) in refused.value.on
    assert refused.value.do
    in_the_way.rmdir()
    assert store.get("deployments/a/b") == "rocks"
