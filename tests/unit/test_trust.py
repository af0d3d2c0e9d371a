"""How a service is known to be the right one, and what is no sign of a wrong one."""

from __future__ import annotations

import socket
import threading

import pytest
import requests

from engine.backends.trust import Trust, https_session


@pytest.mark.parametrize("trust", [Trust(), Trust(fingerprint=("AB:" * 31 + "CD",))])
def test_a_host_that_hangs_up_in_the_handshake_is_away_and_not_a_wrong_one(trust: Trust) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(4096)
                line.shutdown(socket.SHUT_RDWR)

        answering = threading.Thread(target=hang_up)
        answering.start()
        with pytest.raises(requests.ConnectionError) as away:
            https_session(trust).get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        answering.join()
    assert not isinstance(away.value, requests.exceptions.SSLError)


def test_a_host_that_speaks_no_tls_is_not_trusted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(requests.exceptions.SSLError):
            https_session(Trust()).get(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        answering.join()
