"""The guest's own commands: asks the init to do what the command says, and prints its answer.

Run as a file by a bare interpreter (`python -I -S shim.py DIRECTORY COMMAND ...`), because a
script calls systemctl often and a process start is what it costs: no package, no site, and
`_socket` rather than `socket`. The protocol is `frames.py`.
"""

import _socket
import os
import sys


def main() -> int:
    directory, words = sys.argv[1], sys.argv[2:]
    init = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        init.connect(f"/proc/self/fd/{handle}/control")
    except OSError as error:
        sys.stderr.write(f"{words[0]}: the guest's init does not answer: {error}\n")
        return 1
    init.sendall(b"".join(os.fsencode(word) + b"\0" for word in words))
    init.shutdown(_socket.SHUT_WR)
    while True:
        head = _read(init, 5)
        if len(head) < 5:
            sys.stderr.write(f"{words[0]}: the guest's init went away\n")
            return 1
        number = int.from_bytes(head[1:], "big")
        if head[0] == 0:
            return number
        _write(head[0], _read(init, number))


def _read(init: _socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := init.recv(size - len(data))):
        data += more
    return data


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
