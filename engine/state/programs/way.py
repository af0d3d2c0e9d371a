"""The target's end of a way to a service of the source: a port that leads there through SSH.

Arguments: SSH's configuration, the service's name, address and port to listen on. A service of
the target's guest for as long as the move lasts. Every connection is one of SSH, whose key opens
that service and no other (`programs.sender`); SSH itself reads and writes the socket.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys


def main() -> None:
    config, service, address, port = sys.argv[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    words = ["ssh", "-F", config, "source", "homeport-connect", service]
    with socket.create_server((address, int(port))) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                subprocess.Popen(words, stdin=connection.fileno(), stdout=connection.fileno())


if __name__ == "__main__":
    main()
