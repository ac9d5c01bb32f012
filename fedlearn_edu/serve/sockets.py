"""What a page may say to its kernel, and what it hears."""

import asyncio
import contextlib
import itertools
import json
import logging
import time

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.kernel_websocket_handler import (
    VoilaKernelWebsocketHandler,
    read_header_from_binary_message,
)

PROTOCOL = "v1.kernel.websocket.jupyter.org"
MAX_MESSAGE = 1_000_000
MAX_PARTS = 64
PING_SECONDS = 15
MESSAGES = ["comm_open", "comm_close", "comm_msg", "comm_info_request", "kernel_info_request"]
HEARD = {
    *("status", "comm_open", "comm_msg", "comm_close"),
    *("comm_info_reply", "kernel_info_reply"),
}
CHANNELS = {"shell", "control"}
WIDGET_CONTROL = "jupyter.widget.control"


class PlainErrors:
    """Errors of these addresses are read by scripts: one line of text."""

    def write_error(self, status_code, **kwargs):
        """Send the status and nothing of the inside."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}\n")


class Malformed(ValueError):
    """A message that is not one of the kernel protocol."""


def check_message(message):
    """Raise `Malformed` unless ``message`` is a sound binary message that a page may send.

    The count of offsets comes from the client, and the server's parser believes it: eight
    bytes of 0xff would keep it busy for ever. So it is checked before anybody parses.
    """
    if not isinstance(message, bytes):
        raise Malformed("text")
    try:
        parts = parts_of(message)
        channel = parts[0].decode()
        header, content = json.loads(parts[1]), json.loads(parts[4])
        kind = header["msg_type"]
        opens = content["target_name"] if kind == "comm_open" else WIDGET_CONTROL
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Malformed("parts") from error
    if channel not in CHANNELS or opens != WIDGET_CONTROL:
        raise Malformed("channel or target")


def parts_of(message):
    """Return the parts of a binary message: channel, header, parent, metadata, content."""
    count = int.from_bytes(message[:8], "little")
    head = 8 * (count + 1)
    if not 6 <= count <= MAX_PARTS or head > len(message):
        raise Malformed("offsets")
    ends = [int.from_bytes(message[at : at + 8], "little") for at in range(8, head, 8)]
    if ends != sorted(ends) or ends[0] < head or ends[-1] > len(message):
        raise Malformed("offsets")
    return [message[i:j] for i, j in itertools.pairwise(ends)]


class Pinged:
    """A socket that asks now and then whether its page is still there, and closes if it is not."""

    @property
    def ping_interval(self):
        """Milliseconds between two pings."""
        return 1000 * PING_SECONDS

    ping_timeout = ping_interval

    def send_ping(self):
        """Ask whether the page is still there; close the socket if it has long been silent."""
        if self.ws_connection is None or self.ws_connection.client_terminated:
            self.ping_callback.stop()
        elif time.monotonic() - self._heard > 2.5 * PING_SECONDS:
            self.close()
        else:
            self.ping(b"")

    def on_pong(self, data):
        """Note that the page is there."""
        self._heard = time.monotonic()

    def begin_pings(self):
        """Count from now on; to be called when the socket opens."""
        self.set_nodelay(True)  # small messages are sent at once instead of waiting for more
        self._heard = time.monotonic()


class LabSocket(PlainErrors, Pinged, VoilaKernelWebsocketHandler):
    """The websocket between a page and its kernel."""

    @property
    def max_message_size(self):
        """Bytes that one message may have."""
        return MAX_MESSAGE

    async def get(self, kernel_id):
        """Open the socket, if the page speaks the one protocol that is safe and holds a seat."""
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in [name.strip() for name in offered.split(",")]:
            raise web.HTTPError(400, "subprotocol")
        if kernel_id not in self.kernel_manager.seats:
            raise web.HTTPError(404)
        if not await self.kernel_manager.get_kernel(kernel_id).is_alive():
            raise web.HTTPError(404)  # Jupyter would wait a minute for it to come alive
        await super().get(kernel_id=kernel_id)

    async def open(self, kernel_id):
        """Pass on what the kernel says from now on."""
        self.begin_pings()
        await super().open(kernel_id)

    def on_message(self, ws_message):
        """Pass a sound message on; close the socket of a client that sends anything else."""
        try:
            check_message(ws_message)
        except Malformed as error:
            self.log.warning("A page sent a message that is refused: %s", error)
            self.close(1003, "refused")
            return
        super().on_message(ws_message)

    def write_message(self, message, binary=False):
        """Send what a widget needs, and nothing else.

        What a kernel prints, tracebacks with the server's folders among it, is for the log.
        """
        header = read_header_from_binary_message(message) if binary else None
        kind = header and header.get("msg_type")
        if kind in HEARD:
            super().write_message(message, binary)
            if kind == "comm_msg":  # the first one tells a page what widgets there are
                self.kernel_manager.page_is_ready(self.kernel_id)
        elif kind == "stream":
            text = json.loads(parts_of(message)[4]).get("text", "")[-2000:].rstrip()
            level = logging.WARNING if "Traceback" in text else logging.INFO
            self.log.log(level, "A kernel printed: %s", text)


class ChapterSocket(PlainErrors, Pinged, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """The websocket on which a live chapter's page is told what its cells displayed.

    The page says one thing, that it begins; which cells run was settled when it was opened.
    """

    max_message_size = 1000
    _telling = None

    async def get(self, kernel_id):
        """Open the socket to the page that holds the chapter's seat."""
        seat = self.kernel_manager.seats.get(kernel_id)
        if seat is None or seat.run is None:
            raise web.HTTPError(404)
        self._run = seat.run
        await super().get(kernel_id=kernel_id)

    def open(self, kernel_id):
        """Wait for the page's word."""
        self.begin_pings()
        super().open(kernel_id)

    def on_message(self, message):
        """Begin to tell; close the socket of a client that says anything else."""
        if self._telling or not asks_to_begin(message):
            self.close(1003, "refused")
            return
        self._run.go_on()
        self._telling = asyncio.create_task(self._tell())

    def on_close(self):
        """Stop telling; what runs goes on, and ends with the page's seat."""
        if self._telling:
            self._telling.cancel()

    async def _tell(self):
        with contextlib.suppress(WebSocketClosedError):
            async for result in self._run.results():
                await self.write_message({"action": "execution_result", "payload": result})
        self.close()


def asks_to_begin(message):
    """Return True for the one message that a live chapter's page may send."""
    try:
        return isinstance(message, str) and json.loads(message)["action"] == "execute"
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


class KernelInfo(PlainErrors, KernelHandler):
    """A page asks whether its kernel is still there; it can change nothing."""

    SUPPORTED_METHODS = ("GET",)


class Goodbye(PlainErrors, VoilaShutdownKernelHandler):
    """A page that is being closed frees its kernel.

    A browser sends this while the page goes away and can add no XSRF token then. The kernel's
    id, which only its page knows, takes the token's place, together with the Origin.
    """

    SUPPORTED_METHODS = ("POST",)

    def check_xsrf_cookie(self):
        """Accept the request by its origin."""
        if not self.check_origin():
            raise web.HTTPError(403)

    async def post(self, kernel_id):
        """Free the kernel."""
        await self.kernel_manager.release(kernel_id)
        self.set_status(204)
        self.finish()
