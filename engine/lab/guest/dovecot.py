"""`apt-get install dovecot-imapd`: the host's own Dovecot, with users and mail per guest.

It runs without root, as Dovecot can; mail is in Maildir below /var/vmail of the guest, and the
users are those of etc/dovecot/users.
"""

from __future__ import annotations

import getpass
import grp
import os
import shlex
import shutil
from pathlib import Path

from engine.lab.guest.dropping import as_service_user, give_to_service_user, service_user
from engine.lab.guest.packages import Ground, InstallFailed
from engine.lab.guest.shims import write_script
from engine.lab.guest.sockets import socket_directory

_USER = "vmail"
_UNIT = """\
[Unit]
Description=Dovecot IMAP/POP3 email server
After=network.target
[Service]
Type=exec
User=vmail
Group=vmail
WorkingDirectory={home}
ExecStart={server} -F -c {config}
ExecStartPost=/bin/sh -c 'until [ -S {sockets}/auth-userdb ]; do sleep 0.05; done'
TimeoutStopSec=30
Restart=on-failure
[Install]
WantedBy=multi-user.target
"""
_CONFIG = """\
base_dir = {sockets}
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = {address}
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = passwd-file
  args = {users}
  default_fields = uid={uid} gid={gid} home={mail}/%d/%n
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 10143
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


async def install_dovecot(ground: Ground) -> None:
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    server, doveadm = shutil.which("dovecot", path=path), shutil.which("doveadm", path=path)
    if server is None or doveadm is None or not Path("/usr/lib/dovecot/imap").exists():
        raise InstallFailed("this machine has no Dovecot, and a lab guest uses the machine's")
    ground.user(_USER)
    root, account = ground.root, service_user()
    home, mail, users = root / "var/lib/dovecot", root / "var/vmail", root / "etc/dovecot/users"
    config = root / "etc/dovecot/dovecot.conf"
    for directory in (home, mail, config.parent):
        directory.mkdir(parents=True, exist_ok=True)
    for directory in (home, mail):
        give_to_service_user(directory, _USER)
    users.touch()

    values = {
        "root": root, "home": home, "mail": mail, "users": users, "config": config,
        "server": server, "address": ground.boot.loopback,
        "sockets": socket_directory(root, "dovecot", "auth-token-secret.dat.tmp") / "dovecot",
        "user": account.pw_name if account else getpass.getuser(),
        "group": grp.getgrgid(account.pw_gid if account else os.getgid()).gr_name,
        "uid": account.pw_uid if account else os.getuid(),
        "gid": account.pw_gid if account else os.getgid(),
    }  # fmt: skip
    if not config.exists():
        config.write_text(_CONFIG.format(**values))
    command = shlex.join(as_service_user([doveadm, "-c", str(config)], _USER))
    write_script(root / "usr/bin/doveadm", f'exec {command} "$@"')
    await ground.service("dovecot.service", _UNIT.format(**values))
