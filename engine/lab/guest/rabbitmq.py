"""`apt-get install rabbitmq-server`: the host's own RabbitMQ, with a node per guest.

Erlang's port mapper listens at 127.0.0.1 whatever it is told, and so does a node that is called
rabbit@localhost: each guest has two ports of its own for them, made out of its address.
"""

from __future__ import annotations

import shlex
import zlib
from pathlib import Path

from engine.lab.guest.packages import Ground, InstallFailed
from engine.lab.guest.shims import write_script

_HOME = Path("/usr/lib/rabbitmq/bin")
_EPMD = Path("/usr/bin/epmd")
_FIRST_PORT, _PAIRS = 10_000, 10_000
_EPMD_UNIT = """\
[Unit]
Description=Erlang Port Mapper Daemon
[Service]
Type=exec
User=rabbitmq
ExecStart={epmd} -port {port} -address 127.0.0.1
[Install]
WantedBy=multi-user.target
"""
_UNIT = """\
[Unit]
Description=RabbitMQ messaging server
After=network.target epmd.service
[Service]
Type=exec
User=rabbitmq
Group=rabbitmq
WorkingDirectory={home}
EnvironmentFile={environment}
ExecStart={server}
ExecStartPost={root}/usr/bin/rabbitmqctl --quiet wait --timeout 60 {home}/pid
TimeoutStopSec=60
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""


async def install_rabbitmq(ground: Ground) -> None:
    if not (_HOME / "rabbitmqctl").exists() or not _EPMD.exists():
        raise InstallFailed("this machine has no RabbitMQ, and a lab guest uses the machine's")
    ground.user("rabbitmq")
    root, home = ground.root, ground.root / "var/lib/rabbitmq"
    config = root / "etc/rabbitmq"
    for directory in (home, config, root / "var/log/rabbitmq"):
        directory.mkdir(parents=True, exist_ok=True)
    home.chmod(0o750)
    plugins = config / "enabled_plugins"
    if not plugins.exists():
        plugins.write_text("[].\n")
    mapper = _FIRST_PORT + 2 * (zlib.crc32(ground.boot.loopback.encode()) % _PAIRS)
    environment = {
        "HOME": home,
        "ERL_EPMD_PORT": mapper,
        "RABBITMQ_NODENAME": "rabbit@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": ground.boot.loopback,
        "RABBITMQ_NODE_PORT": 5672,
        "RABBITMQ_DIST_PORT": mapper + 1,
        "RABBITMQ_MNESIA_BASE": home / "mnesia",
        "RABBITMQ_LOG_BASE": root / "var/log/rabbitmq",
        "RABBITMQ_PID_FILE": home / "pid",
        "RABBITMQ_CONF_ENV_FILE": config / "rabbitmq-env.conf",
        "RABBITMQ_CONFIG_FILE": config / "rabbitmq",
        "RABBITMQ_ENABLED_PLUGINS_FILE": plugins,
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }
    lines = [f"{name}={shlex.quote(str(value))}" for name, value in environment.items()]
    settings = config / "homeport-lab.env"
    settings.write_text("\n".join(lines) + "\n")
    write_script(
        root / "usr/bin/rabbitmqctl",
        f'set -a\n. {shlex.quote(str(settings))}\nexec {_HOME}/rabbitmqctl "$@"',
    )
    values = {
        "root": root, "home": home, "environment": settings, "server": _HOME / "rabbitmq-server",
    }  # fmt: skip
    await ground.service("epmd.service", _EPMD_UNIT.format(epmd=_EPMD, port=mapper))
    await ground.service("rabbitmq-server.service", _UNIT.format(**values))
