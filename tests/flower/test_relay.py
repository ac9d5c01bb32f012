"""The relays: one counts every byte, the other lets only participants in."""

import contextlib
import socket
import threading

import pytest

from fedlearn_edu.flower.keys import make
from fedlearn_edu.flower.relay import Relays, admitted

FLEET = b"POST /v1/fleet/pull-messages HTTP/1.1\r\n"


@contextlib.contextmanager
def echo():
    """A server that sends back in capitals what it gets; yields its port."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(data.upper())

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def read(connection, n):
    """The next n bytes, or fewer if there are no more."""
    found = b""
    while len(found) < n and (data := connection.recv(n - len(found))):
        found += data
    return found


# Every byte arrives, and every byte is counted, both ways and for each relay apart.
def test_bytes_are_counted():
    with echo() as port:
        relays = Relays(port)
        first, second = relays.open(), relays.open()
        sent = b"abc" * 100_001
        with socket.create_connection(("127.0.0.1", first.port), timeout=10) as connection:
            threading.Thread(target=connection.sendall, args=(sent,), daemon=True).start()
            assert read(connection, len(sent)) == sent.upper()
        relays.close()
    assert (first.up, first.down, second.up, second.down) == (len(sent), len(sent), 0, 0)


# The gate lets a participant's request pass, head and body, and the next one after it.
def test_the_gate_lets_participants_in():
    with echo() as port:
        relays = Relays(port)
        gate = relays.gate("127.0.0.1", 0)
        request = FLEET + b"Content-Length: 5\r\n\r\nhello"
        with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as connection:
            for _ in range(2):
                connection.sendall(request)
                assert read(connection, len(request)) == request.upper()
        relays.close()
    assert (gate.up, gate.down) == (2 * len(request), 2 * len(request))


# Nothing else passes: no other path or method, no second request in the clothes of a body, no
# length that two programs could read in two ways; it is refused, and not a byte reaches the server.
@pytest.mark.parametrize(
    "request_",
    [
        b"POST /v1/control/start-run HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/runtime/acquire-task HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"GET /docs HTTP/1.1\r\n\r\n",
        b"POST /v1/fleet/../control/start-run HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST /v1/fleet/%2e%2e/control HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"POST http://x/v1/fleet/pull-messages HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        FLEET + b"\r\n",
        FLEET + b"Content-Length: 3\r\nContent-Length: 9\r\n\r\n",
        FLEET + b"Content-Length: 3\r\nContent-Length : 9\r\n\r\n",
        FLEET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        FLEET + b"Content-Length: 3\nTransfer-Encoding: chunked\r\n\r\n",
        FLEET + b"Content-Length: -3\r\n\r\n",
        FLEET + b"Content-Length: 3\r\nUpgrade: websocket\r\n\r\n",
        FLEET + b"X: " + b"x" * 40_000 + b"\r\n\r\n",
    ],
    ids=range(14),
)
def test_the_gate_refuses(request_):
    with echo() as port:
        relays = Relays(port)
        gate = relays.gate("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as connection:
            connection.sendall(request_)
            with contextlib.suppress(ConnectionResetError):
                assert read(connection, 100).startswith(b"HTTP/1.1 403") or len(request_) > 30_000
        relays.close()
    assert (gate.up, gate.down) == (0, 0)


# A body's length is what the request says, however it is written.
def test_length_of_a_body():
    assert admitted(FLEET + b"host: x\r\ncontent-length:7\r\n\r\n") == 7


# Each file of keys can be read by its owner alone, and the server's certificate is signed by the
# authority for the names that were asked for.
def test_keys(tmp_path):
    import ipaddress

    from cryptography import x509

    make(tmp_path, 2, ("127.0.0.1", "here.example"))
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    authority, server = (
        x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        for name in ("ca.crt", "server.crt")
    )
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["here.example"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1")]
