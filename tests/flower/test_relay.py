"""The relays: one counts every byte, the other lets only participants in."""

import contextlib
import socket
import ssl
import threading

import pytest

from fedlearn_edu.flower.keys import make
from fedlearn_edu.flower.relay import Relays, admitted

FLEET = b"POST /v1/fleet/pull-messages HTTP/1.1\r\n"


@contextlib.contextmanager
def echo(context=None):
    """A server that sends back in capitals what it gets, with TLS if asked; yields its port."""

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(data.upper())

    server = socket.create_server(("127.0.0.1", 0))
    if context:
        server = context.wrap_socket(server, server_side=True)
    with server:
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
        with socket.create_connection(("127.0.0.1", first.port), timeout=60) as connection:
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
        with socket.create_connection(("127.0.0.1", gate.port), timeout=60) as connection:
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
        FLEET + b"X: y\n\nPOST /v1/control/start-run HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        FLEET + b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        FLEET + b"X: y\r\n z\r\nContent-Length: 3\r\n\r\n",
        FLEET + b"X: " + b"x" * 40_000 + b"\r\n\r\n",
    ],
    ids=range(17),
)
def test_the_gate_refuses(request_):
    with echo() as port:
        relays = Relays(port)
        gate = relays.gate("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", gate.port), timeout=60) as connection:
            connection.sendall(request_)
            with contextlib.suppress(ConnectionResetError):
                assert read(connection, 100).startswith(b"HTTP/1.1 403") or len(request_) > 30_000
        relays.close()
    assert (gate.up, gate.down) == (0, 0)


# A client that says nothing, or stops in the middle of a request, is cut after a while.
@pytest.mark.parametrize("said", [b"", FLEET, FLEET + b"Content-Length: 3\r\n\r\na"], ids=range(3))
def test_the_gate_waits_for_nobody_for_ever(said, monkeypatch):
    monkeypatch.setattr("fedlearn_edu.flower.relay.IDLE_SECONDS", 0.1)
    with echo() as port:
        relays = Relays(port)
        gate = relays.gate("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", gate.port), timeout=60) as connection:
            connection.sendall(said)
            assert read(connection, 1000) == (said.upper() if b"Content" in said else b"")
        relays.close()


# When relays close, whoever is connected is cut, and nobody can connect any more; so a participant
# on another machine notices that the federation is over, and the port is free.
@pytest.mark.parametrize("secure", [False, True])
def test_relays_close(secure, tmp_path):
    make(tmp_path, 0, ("127.0.0.1",))
    authority, *own = (str(tmp_path / name) for name in ("ca.crt", "server.crt", "server.key"))
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), None
    server.load_cert_chain(*own)
    if secure:
        client = ssl.create_default_context(cafile=authority)
    request = FLEET + b"Content-Length: 5\r\n\r\nhello"
    with echo(server if secure else None) as port:
        relays = Relays(port)
        opened = [relays.open(), relays.gate("127.0.0.1", 0, secure and (authority, *own))]
        connections = [connected(counter.port, client) for counter in opened]
        for connection in connections:
            connection.sendall(request)
            assert read(connection, len(request)) == request.upper()
        relays.close()
        for connection in connections:
            with connection, contextlib.suppress(ConnectionError, ssl.SSLError):
                assert connection.recv(1) == b""
        for counter in opened:
            socket.create_server(("127.0.0.1", counter.port)).close()


def connected(port, context):
    """A connection, with TLS if there is a context."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=60)
    return context.wrap_socket(plain, server_hostname="127.0.0.1") if context else plain


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
