"""Relays between participants and the server: one counts, the other lets only participants in.

The one that counts copies and looks at nothing, so what it counts is what the network carries,
TLS, HTTP and Flower's own messages included; only the headers of TCP and IP are not in it.

The one for other machines is a gate: the server's port also takes apps from whoever reaches it and
runs them, so the gate lets requests of the Fleet API pass, which is what participants use, and
nothing else.  It has to read them, so with TLS it holds the server's certificate itself.
"""

import asyncio
import contextlib
import re
import ssl
import threading
import weakref

CHUNK = 1 << 16
LONGEST_HEAD = 1 << 15
IDLE_SECONDS = 120  # without a word from a client of the gate
HEAD = re.compile(  # strict: what two programs could read in two ways is no request
    rb"POST /v1/fleet/[a-z-]+ HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~\w-]+:[^\r\n\0]*\r\n)*\r\n"
)
LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,10})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
CODED = re.compile(rb"^(transfer-encoding|upgrade)[ \t]*:", re.IGNORECASE | re.MULTILINE)
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Counter:
    """Bytes that passed a relay.

    Attributes
    ----------
    up, down : int
        To the server, and from it.
    port : int
        Where the relay listens.
    """

    def __init__(self):
        self.up = self.down = self.port = 0


class Relays:
    """Relays to one server, all in one thread.

    Parameters
    ----------
    port : int
        The server's, on this machine.
    """

    def __init__(self, port):
        self.target, self.loop = port, asyncio.new_event_loop()
        self.servers, self.writers = [], weakref.WeakSet()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def open(self):
        """Listen on this machine, and return the `Counter` of what passes."""
        return self._listen(Counter(), _pump, "127.0.0.1", 0)

    def gate(self, host, port, certificate=None):
        """Listen for other machines, and return the `Counter` of what passes the gate.

        Parameters
        ----------
        host : str
            Address to listen on.
        port : int
            0 takes a free one.
        certificate : tuple of three paths, optional
            The authority's certificate, the server's, and its key; without them no TLS.

        Returns
        -------
        Counter
        """
        inside = outside = None
        if certificate:
            authority, own, key = certificate
            inside = ssl.create_default_context(cafile=authority)
            outside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            outside.load_cert_chain(own, key)
        return self._listen(Counter(), _admit, host, port, outside, inside)

    def _listen(self, counter, upwards, host, port, outside=None, inside=None):
        def carry(reader, writer):
            return self._carry(counter, upwards, inside, reader, writer)

        start = asyncio.start_server(carry, host, port, ssl=outside, limit=LONGEST_HEAD)
        server = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        self.servers.append(server)
        counter.port = server.sockets[0].getsockname()[1]
        return counter

    def close(self):
        """Stop listening, and cut what is connected."""

        async def stop():
            for server in self.servers:
                server.close()
            for writer in self.writers:
                writer.transport.abort()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # sockets close one turn later
            self.loop.stop()

        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(stop()))
        self.thread.join(timeout=5)
        if not self.thread.is_alive():
            self.loop.close()

    async def _carry(self, counter, upwards, inside, reader, writer):
        self.writers.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far = await asyncio.open_connection("127.0.0.1", self.target, ssl=inside)
            self.writers.add(far[1])
            down = asyncio.ensure_future(_pump(far[0], writer, counter, "down"))
            if await upwards(reader, far[1], counter, "up") is False:
                down.cancel()
                writer.write(REFUSAL)
                await writer.drain()
            else:
                await down
        writer.close()


async def _pump(reader, writer, counter, direction):
    """Copy until the end, and count."""
    try:
        while data := await reader.read(CHUNK):
            setattr(counter, direction, getattr(counter, direction) + len(data))
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def _admit(reader, writer, counter, direction):
    """Copy requests of participants; return False at the first of another kind.

    A client that says nothing for `IDLE_SECONDS` is cut.
    """
    try:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await _soon(reader.readuntil(b"\r\n\r\n"))
                if (length := admitted(head)) is None:
                    return False
                writer.write(head)
                counter.up += len(head)
                while length:
                    data = await _soon(reader.read(min(length, CHUNK)))
                    if not data:
                        return True
                    writer.write(data)
                    await writer.drain()
                    counter.up += len(data)
                    length -= len(data)
    except asyncio.LimitOverrunError:
        return False
    finally:
        writer.close()


async def _soon(reading):
    return await asyncio.wait_for(reading, IDLE_SECONDS)


def admitted(head):
    r"""Return the length of a participant's request after its head; None for other requests.

    Parameters
    ----------
    head : bytes
        The request's lines up to the empty one.

    Returns
    -------
    int or None

    Examples
    --------
    >>> admitted(b"POST /v1/fleet/pull-messages HTTP/1.1\r\nContent-Length: 12\r\n\r\n")
    12
    >>> admitted(b"POST /v1/control/start-run HTTP/1.1\r\nContent-Length: 12\r\n\r\n") is None
    True
    """
    lengths = LENGTH.findall(head)
    once = len(lengths) == head.lower().count(b"content-length") == 1
    if not once or not HEAD.fullmatch(head) or CODED.search(head):
        return None
    return int(lengths[0])
