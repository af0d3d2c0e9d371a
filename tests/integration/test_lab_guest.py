"""A guest of the lab is a machine: it boots, serves SSH, keeps services running, and ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from proxmoxer import ProxmoxAPI

from engine.lab.api.launch import ca_path, running_api, stop_api
from engine.lab.guest import power
from engine.lab.guest.processes import wait_for_end
from tests.lab_provider import NODE, Provider, provider, wait_for

pytestmark = pytest.mark.integration
HERE = f"/nodes/{NODE}"


@pytest.fixture(scope="module")
def pve() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture(scope="module")
def guest(pve: Provider) -> Guest:
    """One running guest that the tests share."""
    place = pve.make(9000, 10)
    pve.do("POST", f"{place}/status/start")
    return Guest(pve, 9000, 10)


class Guest:
    """A started guest, and a shell on it."""

    def __init__(self, pve: Provider, vmid: int, last: int) -> None:
        self.pve, self.vmid = pve, vmid
        self.place = f"{HERE}/qemu/{vmid}"
        self.address = pve.address(last)
        self.directory = pve.guest_directory(vmid)
        self.root = self.directory / "root"

    def run(self, command: str, *, stdin: str = "", check: bool = True) -> str:
        """Standard output of a command; with its status and its errors where it fails."""
        done = asyncio.run(self._run(command, stdin))
        said = f"{done.stdout}{done.stderr}".strip()
        if check:
            assert done.exit_status == 0, f"{command}: {done.exit_status}: {said}"
        return said

    def status(self, command: str) -> int:
        return int(asyncio.run(self._run(command, "")).exit_status or 0)

    async def _run(self, command: str, stdin: str) -> asyncssh.SSHCompletedProcess:
        async with self.connect() as connection:
            return await connection.run(command, input=stdin)

    def connect(self, **changes: Any) -> Any:
        key = self.pve.ask("GET", f"{self.place}/agent/file-read", file=HOST_KEY)["content"]
        known = asyncssh.import_known_hosts(f"[{self.address}]:2222 {key}")
        wanted = {"username": "root", "client_keys": [self.pve.key], "known_hosts": known}
        return asyncssh.connect(self.address, 2222, **(wanted | changes))

    def unit(self, name: str, text: str) -> None:
        (self.root / "etc/systemd/system" / name).write_text(text)
        self.run("systemctl daemon-reload")

    def processes(self) -> set[int]:
        return power.processes(self.directory)


HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
SLEEPER = """\
[Unit]
Description=Sleeper
[Service]
Type=exec
Environment="WORDS=one two" PERCENT=%%
ExecStart=/bin/sh -c 'echo "$$WORDS $$PERCENT"; exec sleep 1000'
Restart=on-failure
RestartSec=50ms
[Install]
WantedBy=multi-user.target
"""


# --- access -----------------------------------------------------------------------------


def test_the_shell_is_reached_with_the_pinned_key_and_the_key_of_cloud_init(guest: Guest) -> None:
    assert guest.run("cat; echo $HOME; cat $HOMEPORT_GUEST_ROOT/etc/hostname", stdin="in\n") == (
        f"in\n{guest.root}/root\nguest-9000"
    )
    assert guest.status("exit 42") == 42
    environment = guest.run("env")
    assert f"HOMEPORT_GUEST_ADDRESS={guest.address}" in environment
    assert "PYTHONPATH" not in environment

    async def refused(**changes: Any) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            await guest.connect(**changes)

    asyncio.run(refused(username="debian"))
    asyncio.run(refused(client_keys=[asyncssh.generate_private_key("ssh-ed25519")]))
    asyncio.run(refused(client_keys=None, password="root"))


def test_another_host_key_is_noticed(guest: Guest) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()

    async def connect() -> None:
        known = asyncssh.import_known_hosts(f"[{guest.address}]:2222 {other}")
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            await guest.connect(known_hosts=known)

    asyncio.run(connect())


def test_a_client_that_goes_away_does_not_end_its_command(guest: Guest) -> None:
    mark = guest.root / "tmp/finished"

    async def start_and_drop() -> None:
        connection = await guest.connect()
        process = await connection.create_process(f"echo on; sleep 0.3; echo more; touch {mark}")
        await process.stdout.readline()
        connection.abort()

    asyncio.run(start_and_drop())
    wait_for(mark.exists)


def test_openssh_clients_copy_and_stream(guest: Guest, tmp_path: Path) -> None:
    for program in ("ssh", "scp", "tar"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here (Debian: openssh-client)")
    key, known = tmp_path / "key", tmp_path / "known"
    key.write_bytes(guest.pve.key.export_private_key())
    key.chmod(0o600)
    content = guest.pve.ask("GET", f"{guest.place}/agent/file-read", file=HOST_KEY)["content"]
    known.write_text(f"[{guest.address}]:2222 {content}")
    options = ["-F", "none", "-i", str(key), "-o", f"UserKnownHostsFile={known}"]
    options += ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"]
    ssh = ["ssh", *options, "-p", "2222", f"root@{guest.address}"]

    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "deep/large").write_bytes(os.urandom(3_000_000))
    (tree / "a name").write_text("text")
    packed = subprocess.run(["tar", "-cf", "-", "."], cwd=tree, capture_output=True, check=True)
    target = guest.root / "srv/tree"
    target.mkdir()
    subprocess.run([*ssh, f"tar -xf - -C {target}"], input=packed.stdout, check=True)
    back = subprocess.run([*ssh, f"tar -cf - -C {target} ."], capture_output=True, check=True)
    (tmp_path / "back").mkdir()
    subprocess.run(["tar", "-xf", "-"], cwd=tmp_path / "back", input=back.stdout, check=True)
    assert (tmp_path / "back/deep/large").read_bytes() == (tree / "deep/large").read_bytes()

    copied = guest.root / "srv/copied"
    scp = ["scp", *options, "-P", "2222", str(tree / "a name"), f"root@{guest.address}:{copied}"]
    subprocess.run(scp, check=True, capture_output=True)
    assert copied.read_text() == "text"
    done = subprocess.run([*ssh, "exit 7"], check=False)
    assert done.returncode == 7
    if shutil.which("rsync"):
        shell = " ".join(["ssh", *options, "-p", "2222"])
        rsync = [
            "rsync",
            "-a",
            "-e",
            shell,
            f"{tree}/",
            f"root@{guest.address}:{guest.root}/srv/r/",
        ]
        subprocess.run(rsync, check=True)
        assert (guest.root / "srv/r/a name").read_text() == "text"


def test_the_guest_agent_answers_for_the_guest(guest: Guest) -> None:
    agent = f"{guest.place}/agent"
    assert guest.pve.ask("POST", f"{agent}/ping") == {"result": {}}
    found = guest.pve.ask("GET", f"{agent}/network-get-interfaces")["result"]
    addresses = {one["name"]: one["ip-addresses"][0]["ip-address"] for one in found}
    assert addresses == {"lo": "127.0.0.1", "eth0": guest.address}
    token = guest.pve.administrator()
    command = {"command": ["sh", "-c", "cat; exit 3"], "input-data": "hello"}
    answer = guest.pve.raw("POST", f"{agent}/exec", token, data=command).json()["data"]

    def ended() -> dict[str, Any] | None:
        path = f"{agent}/exec-status"
        status = guest.pve.raw("GET", path, token, params={"pid": answer["pid"]}).json()["data"]
        return status if status["exited"] else None

    assert wait_for(ended) == {"exited": 1, "exitcode": 3, "out-data": "hello"}
    missing = guest.pve.raw("GET", f"{agent}/file-read", token, params={"file": "/etc/none"})
    assert missing.reason.startswith("Agent error: failed to open file '/etc/none'")


def test_proxmoxer_drives_it(guest: Guest) -> None:
    handle = guest.pve.handle
    user, name = handle.token_id.split("!")
    client = ProxmoxAPI(
        handle.host,
        port=handle.port,
        user=user,
        token_name=name,
        token_value=handle.token,
        verify_ssl=str(ca_path(handle.directory)),
    )
    assert client.nodes(NODE).qemu(9000).status.current.get()["status"] == "running"


# --- services ---------------------------------------------------------------------------


def test_a_service_is_started_kept_and_stopped(guest: Guest) -> None:
    guest.unit("sleeper.service", SLEEPER)
    guest.run("systemctl enable --now sleeper")
    assert guest.run("systemctl is-active sleeper") == "active"
    assert guest.run("systemctl is-enabled sleeper") == "enabled"
    assert "one two %" in guest.run("journalctl -u sleeper -n 5 --no-pager")
    main = int(guest.run("systemctl show -p MainPID --value sleeper"))

    os.kill(main, signal.SIGKILL)
    wait_for(lambda: guest.run("systemctl show -p NRestarts --value sleeper") == "1")
    wait_for(lambda: guest.status("systemctl is-active --quiet sleeper") == 0)
    again = int(guest.run("systemctl show -p MainPID --value sleeper"))
    assert again != main

    guest.run("systemctl stop sleeper")
    assert wait_for_end(again, 0)
    assert guest.status("systemctl is-active sleeper") == 3
    guest.run("systemctl disable sleeper")
    assert guest.run("systemctl is-enabled sleeper", check=False) == "disabled"


def test_a_service_that_will_not_run_says_why(guest: Guest) -> None:
    guest.unit(
        "broken.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo no; exit 3'\n"
    )
    said = guest.run("systemctl start broken", check=False)
    assert "Job for broken.service failed because the control process exited" in said
    assert guest.run("systemctl is-active broken", check=False) == "failed"
    assert "no" in guest.run("journalctl -u broken -o cat -n 10").splitlines()
    assert guest.status("systemctl start nothing.service") == 5

    guest.unit(
        "hasty.service",
        "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=10ms\n",
    )
    guest.run("systemctl start hasty")
    wait_for(lambda: guest.run("systemctl show -p Result --value hasty") == "start-limit-hit")


def test_a_timer_starts_its_service_and_makes_up_for_what_it_missed(guest: Guest) -> None:
    done = guest.root / "srv/worked"
    guest.unit(
        "worker.service", f"[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo x >> {done}'\n"
    )
    timer = (
        "[Timer]\nOnCalendar=*-01-01 04:00\nPersistent=true\n[Install]\nWantedBy=timers.target\n"
    )
    guest.unit("worker.timer", timer)
    guest.run("systemctl enable --now worker.timer")
    stamp = guest.root / "var/lib/systemd/timers/stamp-worker.timer"
    assert stamp.exists()  # one that never ran has nothing to make up for
    assert not done.exists()
    shown = guest.run("systemctl list-timers")
    assert "-01-01 04:00:00" in shown
    assert "worker.timer  worker.service" in shown
    assert guest.run("systemctl show -p Unit --value worker.timer") == "worker.service"
    assert "Trigger: " in guest.run("systemctl status worker.timer")

    guest.run("systemctl stop worker.timer")
    assert guest.status("systemctl is-active worker.timer") == 3
    os.utime(stamp, (1, 1))
    guest.run("systemctl start worker.timer")
    wait_for(done.exists)
    assert stamp.stat().st_mtime > 1
    guest.run("systemctl restart worker.timer")
    guest.unit("worker.timer", timer.replace("*-01-01 04:00", "*:*:0/1"))
    wait_for(lambda: done.read_text().count("x") >= 2)
    guest.run("systemctl disable --now worker.timer")
    guest.unit("worker.timer", timer.replace("OnCalendar", "OnBootSec"))
    assert "lacks value setting" in guest.run("systemctl start worker.timer", check=False)


def test_a_notifying_service_is_started_when_it_says_so(guest: Guest) -> None:
    script = guest.root / "srv/ready.py"
    script.write_text(
        "import os, pathlib, socket, time\n"
        "while not pathlib.Path(__file__).with_name('go').exists():\n"
        "    time.sleep(0.01)\n"
        "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "s.sendto(b'READY=1', '\\0' + os.environ['NOTIFY_SOCKET'][1:])\n"
        "time.sleep(1000)\n"
    )
    program = f"{guest.root}/usr/bin/python3"
    guest.unit("ready.service", f"[Service]\nType=notify\nExecStart={program} {script}\n")

    async def start() -> None:
        async with guest.connect() as connection:
            starting = await connection.create_process("systemctl start ready")
            state = await connection.run("systemctl is-active ready")
            while str(state.stdout).strip() == "inactive":
                state = await connection.run("systemctl is-active ready")
            assert str(state.stdout).strip() == "activating"
            script.with_name("go").touch()
            assert (await starting.wait()).exit_status == 0

    asyncio.run(start())
    assert guest.run("systemctl is-active ready") == "active"
    guest.run("systemctl stop ready")


def test_a_changed_unit_needs_a_reload_as_under_systemd(guest: Guest) -> None:
    guest.unit("changing.service", "[Service]\nExecStart=/bin/sleep 1001\n")
    guest.run("systemctl start changing")
    path = guest.root / "etc/systemd/system/changing.service"
    path.write_text("[Service]\nExecStart=/bin/sleep 1002\n")
    assert "changed on disk" in guest.run("systemctl restart changing")
    running = "tr '\\0' ' ' < /proc/$(systemctl show -p MainPID --value changing)/cmdline"
    assert "1001" in guest.run(running)
    guest.run("systemctl daemon-reload && systemctl restart changing")
    assert "1002" in guest.run(running)
    guest.run("systemctl stop changing")


def test_names_of_users_are_kept_though_all_are_one(guest: Guest) -> None:
    assert guest.status("getent passwd hp-x") == 2
    guest.run("useradd --system --user-group --no-create-home --home-dir /x hp-x")
    assert guest.run("getent passwd hp-x").startswith("hp-x:")
    assert guest.status("useradd 'x; touch /tmp/hp-hostile'") == 3
    directory = guest.root / "srv/owned"
    guest.run(f"install -d -m 0750 -o root -g hp-x -- {directory} && chown hp-x:hp-x {directory}")
    assert oct(directory.stat().st_mode)[-3:] == "750"
    assert guest.status(f"chown root {directory}/missing") == 1
    assert guest.run("runuser -u hp-x -- sh -c 'echo $USER'") == "hp-x"


# --- packages ---------------------------------------------------------------------------


def test_what_was_compiled_once_is_not_compiled_again_and_is_valid(guest: Guest) -> None:
    compiled = []
    for name in ("one", "two"):
        place = guest.root / "srv" / name
        guest.run(f"uv venv --quiet --no-python-downloads --python python3 -- {place}")
        install = "uv pip install --quiet --compile-bytecode --python"
        guest.run(f"{install} {place}/bin/python six==1.17.0")
        source = next(place.glob("lib/*/site-packages/six.py"))
        told = guest.run(f"{place}/bin/python -v -c 'import six'")
        assert f".pyc matches {source}" in told
        compiled.append(next(source.parent.glob("__pycache__/six.*.pyc")).read_bytes())
    # The path where it was compiled is within.
    assert compiled[0][16:] == compiled[1][16:]
    assert str(guest.root / "srv/one").encode() in compiled[1]


def test_apt_get_gives_servers_that_answer(guest: Guest) -> None:
    guest.run("apt-get update")
    options = "-y --no-install-recommends -o DPkg::Lock::Timeout=60"
    guest.run(f"apt-get install {options} postgresql redis-server caddy python3-venv")
    shown = guest.run("dpkg-query -W -f '${Package} ${Status}\\n' postgresql redis-server")
    assert shown == "postgresql install ok installed\nredis-server install ok installed"
    for unit in ("postgresql", "redis-server", "caddy"):
        assert guest.run(f"systemctl is-active {unit}") == "active"
    assert guest.run("redis-cli -h $HOMEPORT_GUEST_ADDRESS ping") == "PONG"
    psql = "runuser -u postgres -- psql -X -q -A -t -d postgres -v ON_ERROR_STOP=1"
    assert guest.run(f"{psql} -f -", stdin="SELECT current_user;") == "postgres"
    guest.run(f"{psql} -f -", stdin="CREATE ROLE app LOGIN PASSWORD 'right';")
    remote = "psql -h $HOMEPORT_GUEST_ADDRESS -U app -d postgres -A -t -c 'SELECT 1'"
    assert guest.run(f"PGPASSWORD=right {remote}") == "1"
    assert guest.status(f"PGPASSWORD=wrong {remote}") == 2
    again = guest.run(f"apt-get install {options} postgresql")
    assert "postgresql is already the newest version" in again
    assert guest.run("apt-get install -y nonsense", check=False) == (
        "E: Unable to locate package nonsense"
    )


# --- power ------------------------------------------------------------------------------


def test_stop_leaves_no_process_and_start_brings_services_back(guest: Guest) -> None:
    guest.unit("sleeper.service", SLEEPER)
    guest.run("systemctl enable --now sleeper")
    before = guest.processes()
    assert len(before) > 3
    guest.pve.do("POST", f"{guest.place}/status/stop")
    assert guest.processes() == set()
    assert guest.pve.ask("GET", f"{guest.place}/status/current")["status"] == "stopped"
    guest.pve.do("POST", f"{guest.place}/status/start")
    wait_for(lambda: guest.status("systemctl is-active --quiet sleeper postgresql") == 0)
    guest.pve.do("POST", f"{guest.place}/status/shutdown", timeout=30)
    assert guest.processes() == set()
    guest.pve.do("POST", f"{guest.place}/status/start")


def test_a_killed_init_takes_its_guest_down_and_is_repaired(guest: Guest) -> None:
    wait_for(lambda: guest.status("systemctl is-active --quiet sleeper redis-server") == 0)
    init = power.running(guest.directory)
    assert init is not None
    os.kill(init.pid, signal.SIGKILL)
    current = f"{guest.place}/status/current"
    wait_for(lambda: guest.pve.ask("GET", current)["status"] == "stopped")
    guest.pve.start()
    assert guest.pve.ask("GET", current)["status"] == "running"
    wait_for(lambda: guest.status("systemctl is-active --quiet sleeper postgresql") == 0)
    assert guest.processes().isdisjoint({init.pid})


def test_a_killed_api_loses_nothing_and_adopts_its_guests(guest: Guest) -> None:
    before = guest.pve.ask("GET", f"{guest.place}/config")
    init = power.running(guest.directory)
    volumes = guest.pve.ask("GET", f"{HERE}/storage/local-lvm/content")
    os.kill(guest.pve.handle.pid, signal.SIGKILL)
    wait_for_end(guest.pve.handle.pid, 10)
    assert running_api(guest.pve.directory) is None
    guest.pve.start()
    assert guest.pve.ask("GET", f"{guest.place}/config") == before
    assert guest.pve.ask("GET", f"{guest.place}/status/current")["status"] == "running"
    assert guest.pve.ask("GET", f"{HERE}/storage/local-lvm/content") == volumes
    assert power.running(guest.directory) == init
    guest.pve.do("POST", f"{guest.place}/status/stop")
    assert guest.processes() == set()
    guest.pve.do("POST", f"{guest.place}/status/start")


def test_other_cloud_init_data_is_a_new_machine(pve: Provider) -> None:
    place = pve.make(9050, 50)
    pve.do("POST", f"{place}/status/start")
    read = f"{place}/agent/file-read"
    first = pve.ask("GET", read, file=HOST_KEY)["content"]
    pve.do("POST", f"{place}/status/reboot")
    assert pve.ask("GET", read, file=HOST_KEY)["content"] == first
    pve.ask("PUT", f"{place}/config", name="renamed")
    pve.do("POST", f"{place}/status/stop")
    pve.do("POST", f"{place}/status/start")
    assert pve.ask("GET", read, file="/etc/hostname")["content"] == "renamed\n"
    assert pve.ask("GET", read, file=HOST_KEY)["content"] != first
    pve.do("POST", f"{place}/status/stop")
    pve.do("DELETE", place)
    assert not pve.guest_directory(9050).exists()


def test_a_guest_rebooted_by_the_hypervisor_comes_back_with_the_lab(pve: Provider) -> None:
    place, directory = pve.make(9054, 54), pve.guest_directory(9054)
    pve.do("POST", f"{place}/status/start")
    pve.do("POST", f"{place}/status/reboot")
    stop_api(pve.directory)
    assert power.shutdown(directory, 20)
    pve.start()
    assert pve.ask("GET", f"{place}/status/current")["status"] == "running"
    pve.do("POST", f"{place}/status/stop")
    pve.do("DELETE", place)


def test_an_address_outside_of_the_network_or_in_use_is_refused(
    guest: Guest, pve: Provider
) -> None:
    place = pve.make(9051, 51, ipconfig0="ip=192.0.2.9/24")
    outside = pve.outcome(pve.ask("POST", f"{place}/status/start"))
    assert "192.0.2.9/24 is not in the lab's network" in outside
    pve.ask("PUT", f"{place}/config", ipconfig0=f"ip={guest.address}/24")
    in_use = pve.outcome(pve.ask("POST", f"{place}/status/start"))
    assert "start failed" in in_use
    assert "address already in use" in in_use
    pve.do("DELETE", place)


def test_memory_that_the_machine_has_not_is_refused(pve: Provider) -> None:
    place = pve.make(9052, 52, memory=4_000_000)
    failed = pve.outcome(pve.ask("POST", f"{place}/status/start"))
    assert failed == "start failed: QEMU exited with code 1"
    pve.do("DELETE", place)


def test_ten_guests_live_side_by_side(pve: Provider) -> None:
    places = [pve.make(9060 + n, 60 + n, memory=128) for n in range(10)]
    upids = [pve.ask("POST", f"{place}/status/start") for place in places]
    assert [pve.outcome(upid) for upid in upids] == ["OK"] * 10
    names = [pve.ask("GET", f"{p}/agent/file-read", file="/etc/hostname") for p in places]
    assert [name["content"] for name in names] == [f"guest-{9060 + n}\n" for n in range(10)]
    upids = [pve.ask("POST", f"{place}/status/stop") for place in places]
    assert [pve.outcome(upid) for upid in upids] == ["OK"] * 10
    for place in places:
        pve.do("DELETE", place)


def test_destroy_removes_the_guest_and_everything_of_it(guest: Guest) -> None:
    locked_away = guest.root / "srv/locked"
    locked_away.mkdir(mode=0o000)
    guest.pve.do("POST", f"{guest.place}/status/stop")
    guest.pve.do("DELETE", guest.place)
    assert not guest.directory.exists()
    volumes = guest.pve.ask("GET", f"{HERE}/storage/local-lvm/content")
    assert [row for row in volumes if row["vmid"] == guest.vmid] == []
