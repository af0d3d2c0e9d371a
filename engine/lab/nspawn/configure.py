"""What a full guest is told at power-on, as cloud-init would tell it: user, keys, names, network.

`python -m engine.lab.nspawn.configure ROOT` reads a `Boot` as JSON and works with ROOT as its
root directory: what a guest's administrator made of paths there, links too, leads nowhere else.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tarfile
from dataclasses import asdict
from pathlib import Path

from engine.lab.guest.boot import Boot
from engine.lab.guest.skeleton import hosts, is_new_instance, resolver
from engine.lab.nspawn.base import BASE

CARD = "host0"
"""The guest's network card, as systemd-nspawn names it."""
_HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
_AUTHORITIES = "/etc/ssl/certs/of-the-host.crt"


class ConfigureFailed(OSError):
    """The guest's file system could not be made ready; the text is what the program said."""


def prepare_root(boot: Boot, directory: Path) -> None:
    """Make the guest's file system where there is none, and tell it what `boot` says."""
    root = directory / "root"
    if not (root / "usr").exists():
        _unpack(Path(boot.cache) / BASE, directory / "root.new")
        (directory / "root.new").rename(root)
    task = {"boot": asdict(boot), "authorities": _authorities()}
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(root)],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigureFailed(done.stderr.strip())


def _unpack(base: Path, target: Path) -> None:
    subprocess.run(["rm", "-rf", "--", str(target)], check=True)
    target.mkdir(mode=0o755)
    target.chmod(0o755)
    with tarfile.open(base) as archive:
        archive.extractall(target, filter="fully_trusted")


def _authorities() -> str:
    """PEM of the authorities that this machine trusts: the guest's installers ask through it."""
    path = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return Path(path).read_text() if path and Path(path).is_file() else ""


def _configure(boot: Boot, authorities: str) -> None:
    """With the guest's root as this process's own."""
    _write("/etc/hostname", f"{boot.hostname}\n")
    _write("/etc/hosts", hosts(boot))
    _write("/etc/resolv.conf", resolver(boot))
    _write(f"/etc/systemd/network/10-{CARD}.network", _network(boot))
    _user(boot)
    _installers(boot, authorities)
    if is_new_instance(boot, Path("/")) or not Path(_HOST_KEY).exists():
        for stale in Path("/etc/ssh").glob("ssh_host_*"):
            stale.unlink()
        comment = f"root@{boot.hostname}"
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", _HOST_KEY)


def _network(boot: Boot) -> str:
    lines = ["[Match]", f"Name={CARD}", "[Link]"]
    lines += [f"MACAddress={boot.mac}"] if boot.mac else []
    lines += ["[Network]", "LinkLocalAddressing=no", "IPv6AcceptRA=no"]
    lines += [f"Address={boot.address}"] if boot.address else []
    lines += [f"Gateway={boot.gateway}"] if boot.gateway else []
    return "\n".join(lines) + "\n"


def _user(boot: Boot) -> None:
    """With the keys, and root's rights by sudo, as in Debian's cloud images."""
    home = "/root"
    if boot.user != "root":
        home = f"/home/{boot.user}"
        if not Path(home).exists():
            _run("useradd", "--create-home", "--shell", "/bin/bash", "--", boot.user)
        _write("/etc/sudoers.d/90-cloud-init-users", f"{boot.user} ALL=(ALL) NOPASSWD:ALL\n", 0o440)
    keys = f"{home}/.ssh/authorized_keys"
    Path(keys).parent.mkdir(mode=0o700, exist_ok=True)
    _write(keys, "".join(f"{key}\n" for key in boot.ssh_public_keys), 0o600)
    _run("chown", "-R", f"{boot.user}:", f"{home}/.ssh")


def _installers(boot: Boot, authorities: str) -> None:
    """The guest has no way out but the lab's proxy for packages."""
    if not boot.proxy:
        return
    proxied = f'Acquire::http::Proxy "{boot.proxy}";\nAcquire::https::Proxy "{boot.proxy}";\n'
    _write("/etc/apt/apt.conf.d/90proxy", proxied)
    # A guest of the lab need not survive a power cut.
    _write("/etc/dpkg/dpkg.cfg.d/90-fast", "force-unsafe-io\n")
    trusted = f"cert = {_AUTHORITIES}\n" if authorities else ""
    _write("/etc/pip.conf", f"[global]\nproxy = {boot.proxy}\n{trusted}")
    _write(_AUTHORITIES, authorities)


def _write(path: str, text: str, mode: int = 0o644) -> None:
    """A file of its own at this place, whatever was there."""
    file = Path(path)
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{argv[0]}: {done.stderr.strip()}")


def main() -> None:
    task = json.load(sys.stdin)
    os.umask(0o022)
    os.chroot(sys.argv[1])
    os.chdir("/")
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    _configure(Boot.of(task["boot"]), task["authorities"])


if __name__ == "__main__":
    main()
