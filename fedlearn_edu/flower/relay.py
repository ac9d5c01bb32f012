"""A relay that counts: every byte between a participant and the server passes through it.

It copies and looks at nothing, so what it counts is what the network carries, TLS, HTTP and
Flower's own messages included; only the headers of TCP and IP are not in it.
"""

import asyncio
import contextlib
import threading

CHUNK = 1 << 16


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
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def open(self, host="127.0.0.1", port=0):
        """Listen, and return the `Counter` of what passes; port 0 takes a free one."""
        counter = Counter()
        start = asyncio.start_server(lambda *ends: self._carry(counter, *ends), host, port)
        server = asyncio.run_coroutine_threadsafe(start, self.loop).result()
        counter.port = server.sockets[0].getsockname()[1]
        return counter

    def close(self):
        """Stop listening, and cut what is connected."""

        async def stop():
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            self.loop.stop()

        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(stop()))
        self.thread.join(timeout=5)

    async def _carry(self, counter, reader, writer):
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(
                _pump(reader, far_writer, counter, "up"),
                _pump(far_reader, writer, counter, "down"),
            )
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
