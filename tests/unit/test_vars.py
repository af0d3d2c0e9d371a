"""Generated secrets: what is declared is made, walled in, and stored whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Conflict, HomeportError, InvalidInput, NotReady, RemoteFailure
from engine.vars.checking import Selection, found_wanting, generations
from engine.vars.generators import Generator, Phase, VarFile, read_generators
from engine.vars.graph import in_order, with_dependents, with_needs
from engine.vars.memory_directory import memory_directory
from engine.vars.sandbox import MOST_BYTES, run_generator
from engine.vars.store import RECORD, VarStore, declared, decoded, encoded
from tests.unit.step_context import MemorySecrets

CANARY = "canary-3f9a-very-secret"


def read(**generators: dict[str, Any]) -> dict[str, Generator]:
    return read_generators({"generators": generators}, "vars.yaml")


def one(script: str, *, files: tuple[str, ...] = ("made",), **more: Any) -> Generator:
    return Generator(name="one", files={name: VarFile() for name in files}, script=script, **more)


# --- what is declared -------------------------------------------------------------------


def test_files_are_secret_and_for_root_unless_said_otherwise() -> None:
    found = read(ca={"files": {"key": {}}, "script": "x"})["ca"].outputs["key"]
    assert found == VarFile(
        secret=True, deploy=True, needed_for=Phase.SERVICES, owner="root", group="root", mode="0400"
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"files": {"key": {"mode": "400"}}, "script": "x"}, "ca.files.key.mode"),
        ({"files": {"../key": {}}, "script": "x"}, "ca.files"),
        ({"files": {"_record": {}}, "script": "x"}, "ca.files"),
        ({"files": {"key": {"needed_for": "lunch"}}, "script": "x"}, "ca.files.key.needed_for"),
        ({"files": {"key": {"owner": "a b"}}, "script": "x"}, "ca.files.key.owner"),
        ({"files": {"key": {}}, "skript": "x"}, "ca.skript"),
        ({"files": {"key": {}}}, "no script that could make key"),
        ({"script": "x"}, "neither files nor a prompt"),
        ({"files": {"key": {}}, "script": "x", "dependencies": ["none"]}, "no generator none"),
        ({"files": {"key": {}}, "script": "x", "runtime_inputs": ["-x"]}, "ca.runtime_inputs"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(ca=fields)
    assert told in refused.value.why


def test_errors_repeat_no_value() -> None:
    with pytest.raises(InvalidInput) as refused:
        read(ca={"files": {"key": {"mode": CANARY}}, "script": "x"})
    assert CANARY not in str(refused.value.describe())


def test_a_shared_generator_cannot_use_one_of_a_machine() -> None:
    with pytest.raises(InvalidInput, match="shared"):
        read(
            a={"files": {"f": {}}, "script": "x", "share": True, "dependencies": ["b"]},
            b={"files": {"f": {}}, "script": "x"},
        )


def test_validation_is_compared_by_its_content_alone() -> None:
    first = one("x", validation={"days": 1, "names": ["a"]})
    assert first.validation_hash == one("y", validation={"names": ["a"], "days": 1}).validation_hash
    assert first.validation_hash != one("x", validation={"days": 2, "names": ["a"]}).validation_hash
    assert one("x").validation_hash is None


def test_a_circle_is_refused_and_shown() -> None:
    generators = read(
        **{
            name: {"files": {"f": {}}, "script": "x", "dependencies": [dep]}
            for name, dep in (("a", "b"), ("b", "c"), ("c", "a"))
        }
    )
    with pytest.raises(InvalidInput, match=r"a -> b|b -> c|c -> a"):
        in_order(generators)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Generator]:
    """Without a circle: each depends on some of those before it."""
    names = [f"g{number}" for number in range(draw(st.integers(1, 7)))]
    order = draw(st.permutations(names))
    return {
        name: Generator(
            name=name,
            files={"f": VarFile()},
            script="x",
            dependencies=tuple(draw(st.sets(st.sampled_from(order[:i])))) if i else (),
        )
        for i, name in enumerate(order)
    }


@given(graphs(), st.data())
def test_needs_come_first_and_dependents_are_found(
    generators: dict[str, Generator], data: st.DataObject
) -> None:
    order = [generator.name for generator in in_order(generators)]
    assert sorted(order) == sorted(generators)
    for name, generator in generators.items():
        assert all(order.index(dep) < order.index(name) for dep in generator.dependencies)
    chosen = data.draw(st.sets(st.sampled_from(order), min_size=1))
    assert chosen <= with_needs(chosen, generators)
    for name in generators:
        reaches = bool(with_needs({name}, generators) & chosen)
        assert (name in with_dependents(chosen, generators)) == reaches


# --- the sandbox ------------------------------------------------------------------------


def test_a_script_gets_answers_and_dependencies_and_gives_its_files() -> None:
    generator = one(
        "cat $in/ca/key $prompts/admin > $out/made",
        prompts={"admin": {"type": "hidden"}},
        dependencies=("ca",),
    )
    made = run_generator(generator, {"admin": b"pw"}, {"ca": {"key": b"\x00\xffk"}})
    assert made == {"made": b"\x00\xffkpw"}


def test_a_kept_answer_needs_no_script() -> None:
    generator = Generator(name="one", prompts={"admin": {"type": "hidden", "persist": True}})
    assert run_generator(generator, {"admin": b"pw"}, {}) == {"admin": b"pw"}


def test_a_script_sees_programs_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAO_TOKEN", CANARY)
    (tmp_path / "there").write_text("x")
    script = f"""
        test ! -e {tmp_path} ; test ! -e /root ; test ! -e /home ; test ! -e /var
        ls -A /etc | tr '\\n' ' ' > $out/etc
        ls -d /proc/[0-9]* | wc -l > $out/processes
        wc -l < /proc/net/route > $out/routes
        env > $out/env
        for file in $in/x $prompts/x $prompts/admin /usr/x /x
        do
            if echo x >> $file; then exit 9; fi
        done
    """
    generator = one(
        script, files=("etc", "processes", "routes", "env"), prompts={"admin": {"type": "hidden"}}
    )
    made = run_generator(generator, {"admin": CANARY.encode()}, {})
    assert set(made["etc"].split()) <= {b"passwd", b"group", b"alternatives", b"ssl", b"pki"}
    assert int(made["processes"]) < 8
    assert int(made["routes"]) <= 1
    assert CANARY.encode() not in made["env"]


def test_a_script_without_rights_is_walled_in_too(tmp_path: Path) -> None:
    """bubblewrap is used in another way by those who are not root."""
    if os.geteuid() != 0:
        pytest.skip("the other tests ran as such a user")
    nobody = 65534
    tried = subprocess.run(
        ["bwrap", "--ro-bind", "/", "/", "--unshare-net", "true"],
        user=nobody,
        group=nobody,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(f"no sandbox without rights here: {tried.stderr.decode()[-200:]}")
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.setgroups([])
            os.setgid(nobody)
            os.setuid(nobody)
            os.write(writer, run_generator(one("id -u > $out/made"), {}, {})["made"])
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as made:
        assert made.read() == f"{nobody}\n"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("true", "it did not make made"),
        ("echo > $out/made; echo > $out/more", "it made more, which is not declared"),
        ("ln -s /etc/passwd $out/made", "made is not a regular file"),
        ("mkdir $out/made", "made is not a regular file"),
        ("mkfifo $out/made", "made is not a regular file"),
        (f"head -c {MOST_BYTES + 1} /dev/zero > $out/made", "larger than 512 KiB"),
        ("echo > $out/made; false; true", "it ended with status 1"),
        ("false | true; echo > $out/made", "it ended with status 1"),
        ("echo $nothing > $out/made", "nothing: unbound variable"),
        ("nonexistent-program", "nonexistent-program: command not found"),
        ("sleep 60", "it took more than 1 seconds"),
    ],
)
def test_a_script_that_does_not_do_what_is_declared_has_failed(script: str, told: str) -> None:
    with pytest.raises(RemoteFailure) as failed:
        run_generator(one(script, seconds=1), {}, {})
    assert told in failed.value.why


def test_what_a_failing_script_says_names_no_secret_that_it_was_given_or_made() -> None:
    generator = one(
        "set -x; cat $prompts/admin $in/ca/key; printf made-by-it > $out/made; cat $out/made; "
        "echo plain words; exit 3",
        prompts={"admin": {"type": "hidden"}},
    )
    with pytest.raises(RemoteFailure) as failed:
        run_generator(
            generator, {"admin": CANARY.encode()}, {"ca": {"key": b"key-of-the-authority"}}
        )
    said = str(failed.value.describe())
    assert "plain words" in said
    assert CANARY not in said
    assert "key-of-the-authority" not in said
    assert "made-by-it" not in said


def test_a_missing_program_is_told_before_anything_runs() -> None:
    with pytest.raises(NotReady, match="no-such-program"):
        run_generator(one("true", runtime_inputs=("no-such-program",)), {}, {})


def test_nothing_of_a_run_is_left() -> None:
    with pytest.raises(RemoteFailure):
        run_generator(one("echo > $out/made; mkdir $out/d; chmod 0 $out/d; exit 1"), {}, {})
    assert not list(Path("/dev/shm").glob(f"hp-vars-{os.getpid()}-*"))


def test_what_a_killed_run_left_goes_with_the_next() -> None:
    script = "import os; from engine.vars.memory_directory import memory_directory as m\n"
    script += (
        "with m() as top: (top / 'secret').write_text('x'); print(top, flush=True); os.abort()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    left = Path(done.stdout.strip())
    assert left.name.startswith("hp-vars-")
    with memory_directory() as mine, memory_directory() as another:
        assert mine.exists()
        assert another.exists()
        assert not left.exists()


# --- the store --------------------------------------------------------------------------


@given(st.binary() | st.text().map(str.encode) | st.binary().map(lambda tail: b"base64:" + tail))
def test_any_value_comes_back_from_a_store_of_text(value: bytes) -> None:
    assert decoded(encoded(value)) == value


class Stopped(Exception):
    """As a kill."""


class Mortal(MemorySecrets):
    """Its process is killed before the change of this number."""

    def __init__(self, values: dict[str, str], changes: int) -> None:
        super().__init__()
        self.values, self.changes = values, changes

    def _change(self) -> None:
        self.changes -= 1
        if self.changes < 0:
            raise Stopped

    def put(self, path: str, value: str) -> None:
        self._change()
        super().put(path, value)

    def delete(self, prefix: str) -> int:
        self._change()
        return super().delete(prefix)


def stored(secrets: MemorySecrets, generators: dict[str, Generator], machine: str = "m") -> None:
    """As if each had run."""
    store, selection = VarStore(secrets, "home"), Selection(generators, machine)
    for generator in in_order(generators):
        record = declared(generator, generations(store, selection, generator))
        values = {name: name.encode() for name in generator.outputs}
        store.write(selection.machine_of(generator.name), generator.name, record, values)


def wanting(secrets: MemorySecrets, generators: dict[str, Generator]) -> dict[str, str]:
    found = found_wanting(VarStore(secrets, "home"), Selection(generators, "m"))
    return {finding.generator: finding.why for finding in found}


CHAIN: dict[str, dict[str, Any]] = {
    "ca": {"files": {"key": {}, "cert": {}}, "script": "x", "share": True},
    "web": {"files": {"cert": {}}, "script": "x", "dependencies": ["ca"]},
    "other": {"files": {"f": {}}, "script": "x"},
}


def test_what_was_made_as_declared_is_left_alone() -> None:
    secrets = MemorySecrets()
    assert set(wanting(secrets, read(**CHAIN))) == {"ca", "web", "other"}
    stored(secrets, read(**CHAIN))
    assert wanting(secrets, read(**CHAIN)) == {}
    changed = CHAIN | {"ca": CHAIN["ca"] | {"script": "y"}}
    assert wanting(secrets, read(**changed)) == {}


def test_a_lost_file_a_new_file_and_another_validation_make_it_run_with_all_that_depends() -> None:
    secrets = MemorySecrets()
    stored(secrets, read(**CHAIN))
    validated = CHAIN | {"ca": CHAIN["ca"] | {"validation": 2}}
    assert set(wanting(secrets, read(**validated))) == {"ca", "web"}
    more = CHAIN | {"web": CHAIN["web"] | {"files": {"cert": {}, "key": {}}}}
    assert wanting(secrets, read(**more)) == {"web": "key is not there"}
    secrets.delete("vars/home/shared/ca/key")
    assert wanting(secrets, read(**CHAIN)) == {
        "ca": "key is not there",
        "web": "it depends on ca, which is made anew",
    }


def test_what_was_made_from_an_older_one_runs_again() -> None:
    secrets, generators = MemorySecrets(), read(**CHAIN)
    stored(secrets, generators)
    ca = {"ca": generators["ca"]}
    stored(secrets, ca)
    assert wanting(secrets, generators) == {"web": "ca has changed since"}


def test_another_owner_is_written_down_without_a_run() -> None:
    secrets = MemorySecrets()
    stored(secrets, read(**CHAIN))
    owned = CHAIN | {"ca": CHAIN["ca"] | {"files": {"key": {"owner": "www"}, "cert": {}}}}
    [finding] = found_wanting(VarStore(secrets, "home"), Selection(read(**owned), "m"))
    assert (finding.generator, finding.only_described) == ("ca", True)


def test_only_those_asked_for_run_with_what_they_need_and_what_depends_on_them() -> None:
    secrets, generators = MemorySecrets(), read(**CHAIN)
    store, selection = VarStore(secrets, "home"), Selection(generators, "m")
    assert [f.generator for f in found_wanting(store, selection, ["web"])] == ["ca", "web"]
    stored(secrets, generators)
    anew = found_wanting(store, selection, ["ca"], anew=True)
    assert [f.generator for f in anew] == ["ca", "web"]


@given(st.integers(0, 4))
def test_killed_while_it_stores_it_is_seen_and_healed(changes: int) -> None:
    secrets, generators = MemorySecrets(), read(**CHAIN)
    stored(secrets, generators)
    record = declared(generators["ca"], {})
    mortal = Mortal(dict(secrets.values), changes)
    try:
        VarStore(mortal, "home").write("", "ca", record, {"key": b"new", "cert": b"new"})
    except Stopped:
        whole = mortal.values == secrets.values
        assert whole or wanting(mortal, generators)["ca"].startswith("it was stopped")
    else:
        assert wanting(mortal, generators) == {"web": "ca has changed since"}
    mortal.changes = 100
    stored(mortal, generators)
    assert wanting(mortal, generators) == {}


def test_files_that_are_not_declared_any_more_go_with_the_next_run() -> None:
    secrets = MemorySecrets()
    stored(secrets, read(ca={"files": {"a": {}, "b": {}}, "script": "x"}))
    stored(secrets, read(ca={"files": {"a": {}}, "script": "x"}))
    assert VarStore(secrets, "home").present("m", "ca") == {"a"}


def test_two_providers_and_two_machines_in_one_store_stay_apart() -> None:
    secrets, generators = MemorySecrets(), read(**CHAIN)
    stored(secrets, generators, "m")
    assert set(VarStore(secrets, "away").kept()) == set()
    found = found_wanting(VarStore(secrets, "home"), Selection(generators, "n"))
    assert [finding.generator for finding in found] == ["other", "web"]


def test_a_record_that_cannot_be_read_is_not_covered() -> None:
    secrets = MemorySecrets()
    secrets.put(f"vars/home/shared/ca/{RECORD}", '{"format": 2}')
    with pytest.raises(Conflict):
        wanting(secrets, read(**CHAIN))


def test_a_machine_must_be_named_for_what_is_not_shared() -> None:
    with pytest.raises(HomeportError, match="machine must be named"):
        Selection(read(**CHAIN)).machine_of("web")
    assert Selection(read(**CHAIN)).machine_of("ca") == ""


class Shared(MemorySecrets):
    """Somebody else writes a file when this is put."""

    other = ("", "", "")

    def put(self, path: str, value: str) -> None:
        super().put(path, value)
        if path == self.other[0]:
            super().put(*self.other[1:])


@pytest.mark.parametrize("theirs", ["key", "cert", RECORD])
def test_files_of_two_runs_at_once_never_count_as_whole(theirs: str) -> None:
    secrets, generators = Shared(), read(**CHAIN)
    stored(secrets, generators)
    top = "vars/home/shared/ca"
    their_record = declared(generators["ca"], {}).model_dump_json()
    value = their_record if theirs == RECORD else "theirs"
    secrets.other = (f"{top}/cert", f"{top}/{theirs}", value)
    mine = declared(generators["ca"], {})
    with pytest.raises(Conflict, match="somebody else"):
        VarStore(secrets, "home").write("", "ca", mine, {"key": b"new", "cert": b"new"})
    assert wanting(secrets, generators)["ca"].startswith("it was stopped")
