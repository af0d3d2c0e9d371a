from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import (
    Cancelled,
    Denied,
    HostKeyMismatch,
    InvalidInput,
    OutcomeUnknown,
    RemoteFailure,
    Unreachable,
)
from engine.guests.facts import parse_probe
from engine.guests.lines import LineSplitter
from engine.guests.ssh import SshShell, open_shell
from tests.unit.ssh_server import Server, ssh_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("guest")
    with ssh_server({"HOMEPORT_GUEST_ROOT": str(root)}) as running:
        yield running


@pytest.fixture
def shell(server: Server) -> Iterator[SshShell]:
    opened = open_shell(server.target, server.private_key)
    yield opened
    opened.close()


def test_arguments_arrive_as_they_were_given(shell: SshShell) -> None:
    words = ["a b", "$(id)", "`id`", "'", '"', ";", "\\", "*", "", "-n", "ä\n"]
    done = shell.run(["printf", "%s\\0", *words])
    assert done.stdout.split("\0")[:-1] == words


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_no_argument_ever_becomes_shell(shell: SshShell, words: list[str]) -> None:
    done = shell.run(["printf", "%s\\0", "start", *words])
    assert done.stdout.split("\0")[:-1] == ["start", *words]


def test_zero_byte_in_an_argument_is_refused(shell: SshShell) -> None:
    with pytest.raises(InvalidInput):
        shell.run(["echo", "a\0b"])


def test_input_goes_in_and_environment_is_set(shell: SshShell) -> None:
    assert shell.run(["cat"], input=b"x" * 300_000).stdout == "x" * 300_000
    assert shell.run(["printenv", "COLOUR"], env={"COLOUR": "a b"}).stdout == "a b\n"


def test_failure_says_what_the_program_said(shell: SshShell) -> None:
    with pytest.raises(RemoteFailure, match="No such file") as failure:
        shell.run(["ls", "/nowhere"])
    assert "127.0.0.1" in failure.value.on
    assert failure.value.do
    assert shell.run(["false"], check=False).status == 1


def test_lines_come_as_they_are_printed_on_the_callers_thread(shell: SshShell) -> None:
    seen: list[tuple[str, bool]] = []
    caller = threading.current_thread()
    script = b"echo one; printf '\\033[31mtwo\\033[0m\\rthree'; echo; echo four >&2"
    shell.run(
        ["sh", "-s"],
        input=script,
        on_line=lambda line: seen.append((line, threading.current_thread() is caller)),
    )
    assert {line for line, _ in seen} == {"one", "three", "four"}
    assert all(on_thread for _, on_thread in seen)


def test_cancelling_from_a_line_ends_the_command(shell: SshShell, tmp_path: Path) -> None:
    def cancel(line: str) -> None:
        raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        shell.run(["sh", "-c", "echo go; exec sleep 60"], on_line=cancel)
    assert shell.run(["echo", "alive"]).stdout == "alive\n"


def test_cancelling_a_command_that_says_nothing(shell: SshShell) -> None:
    def cancel() -> None:
        raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled):
        shell.run(["sleep", "60"], on_wait=cancel)
    assert shell.run(["echo", "alive"]).stdout == "alive\n"


def test_timeout_leaves_the_outcome_open(shell: SshShell) -> None:
    with pytest.raises(OutcomeUnknown, match="0 seconds"):
        shell.run(["sleep", "60"], timeout=0.2)


def test_lost_connection_leaves_the_outcome_open_and_the_next_shell_works(server: Server) -> None:
    shell = open_shell(server.target, server.private_key)

    def drop(line: str) -> None:
        server.drop()

    with pytest.raises(OutcomeUnknown):
        shell.run(["sh", "-c", "echo go; exec sleep 60"], on_line=drop)
    shell.close()
    again = open_shell(server.target, server.private_key)
    assert again.run(["echo", "back"]).stdout == "back\n"
    again.close()


def test_a_closed_shells_connection_is_used_again(server: Server) -> None:
    open_shell(server.target, server.private_key).close()
    before = server.accepted
    open_shell(server.target, server.private_key).close()
    assert server.accepted == before


def test_other_host_key_is_never_talked_to(server: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    for keys in ((other,), ()):
        with pytest.raises(HostKeyMismatch):
            open_shell(dataclasses.replace(server.target, host_keys=keys), server.private_key)


def test_unknown_client_key_is_denied(server: Server) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    with pytest.raises(Denied):
        open_shell(server.target, key)


def test_nobody_listening_is_unreachable(server: Server) -> None:
    with pytest.raises(Unreachable):
        open_shell(dataclasses.replace(server.target, port=1), server.private_key)


def test_write_file_is_idempotent_and_leaves_nothing_beside(
    shell: SshShell, tmp_path: Path
) -> None:
    path = tmp_path / "new dir" / "it's a $(file)"
    assert shell.write_file(str(path), b"\0\xff text", mode=0o640)
    assert not shell.write_file(str(path), b"\0\xff text", mode=0o640)
    assert shell.write_file(str(path), b"\0\xff text", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    assert shell.read_file(str(path)) == b"\0\xff text"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert shell.read_file(str(tmp_path / "none")) is None


def test_write_file_replaces_a_link_and_not_what_it_points_to(
    shell: SshShell, tmp_path: Path
) -> None:
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "link").symlink_to("victim")
    assert shell.write_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "victim").read_text() == "untouched"
    assert not (tmp_path / "link").is_symlink()


def test_write_that_cannot_be_done_says_why(shell: SshShell) -> None:
    with pytest.raises(RemoteFailure, match="written") as failure:
        shell.write_file("/proc/none", b"x")
    assert failure.value.why


def test_facts_of_a_guest_that_is_a_directory(shell: SshShell) -> None:
    facts = shell.facts()
    assert facts.root
    assert facts.loopback == facts.address == "127.0.0.1"
    assert facts.python.startswith("3.")
    assert facts.memory_mib > 0
    assert facts.disk_free_mib > 0


def test_facts_of_a_machine() -> None:
    probe = (
        "root=\naddress=\nuid=1000\nsudo=yes\npython=Python 3.11.2\nsystemd=yes\n"
        "memory_kib=1000000\ndisk=/dev/sda1 8123456 2000000 5120000 28% /\n"
        'os.PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nos.VERSION_ID="12"\nos.ID=debian\n'
    )
    probed = parse_probe(probe, "192.0.2.7")
    assert probed.prefix == ("sudo", "-n", "--")
    assert probed.facts.root == ""
    assert probed.facts.loopback == "127.0.0.1"
    assert probed.facts.address == "192.0.2.7"
    assert (probed.facts.os_id, probed.facts.os_version) == ("debian", "12")
    assert probed.facts.python == "3.11.2"
    assert probed.facts.systemd
    assert (probed.facts.memory_mib, probed.facts.disk_free_mib) == (976, 5000)


@given(st.text(), st.integers(1, 7))
def test_lines_never_carry_control_characters(text: str, size: int) -> None:
    data = text.encode()
    splitter = LineSplitter()
    lines = [
        line
        for start in range(0, len(data), size)
        for line in splitter.feed(data[start : start + size])
    ]
    lines += splitter.feed(b"", last=True)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for line in lines for char in line)
