"""Kernels by forking: one process imports everything once, and each kernel is a copy of it.

A kernel started afresh spends most of its second on imports, and holds all of them for itself.
Forked, it is there in a fifth of that time and shares the memory.  ``Forks`` is the server's
side; run as a module, this file is the process that is copied.  Where forking is not safe
(Windows has none, macOS libraries do not survive it) kernels start the ordinary way.
"""

import asyncio
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import traceback

AVAILABLE = hasattr(os, "fork") and sys.platform != "darwin"
ANSWER_SECONDS = 30
MODULE = "fedlearn_edu.serve.forks"


class Forked:
    """A kernel that was forked; the part of `subprocess.Popen` that a provisioner needs."""

    stdin = stdout = stderr = None

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        """Return the exit status, or None while it runs."""
        return self.returncode

    def wait(self):
        """Return the exit status; it has ended when this is called."""
        return self.returncode

    def send_signal(self, number):
        """Send a signal to a kernel that has not ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self):
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class Forks:
    """The process that is copied, seen from the server.

    Parameters
    ----------
    env : dict
        Environment of the kernels.
    folder : path
        Their working directory.
    """

    def __init__(self, env, folder):
        self._env, self._folder = env, folder
        self._process = self._writer = self._reader_task = None
        self._lock = asyncio.Lock()
        self._answers = asyncio.Queue()
        self._running = {}

    async def launch(self, arguments):
        """Return a new `Forked` kernel with these command-line arguments."""
        async with self._lock:
            await self._start()
            self._writer.write(json.dumps(list(arguments)).encode() + b"\n")
            await self._writer.drain()
            answer = await asyncio.wait_for(self._answers.get(), ANSWER_SECONDS)
            if answer is None:
                raise ConnectionError("the process that kernels are copied from has ended")
            kernel = self._running[answer] = Forked(answer)
            return kernel

    async def close(self):
        """End the process, and with it all its copies."""
        if self._process:
            self._writer.close()
            self._process.terminate()
            await asyncio.to_thread(self._process.wait)
            self._reader_task.cancel()
            self._lost()

    async def _start(self):
        if self._process and self._process.poll() is None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, str(theirs.fileno())],
                env=self._env,
                cwd=self._folder,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._answers = asyncio.Queue()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._reader_task = asyncio.create_task(self._read(reader))

    async def _read(self, reader):
        answers = self._answers
        while line := await reader.readline():
            kind, pid, *status = json.loads(line)
            if kind == "started":
                answers.put_nowait(pid)
            elif pid in self._running:
                self._running.pop(pid).returncode = status[0]
        self._lost()
        answers.put_nowait(None)

    def _lost(self):
        """Without the original the copies end as well."""
        for kernel in self._running.values():
            kernel.returncode = -signal.SIGKILL
        self._running.clear()


# -- the process that is copied --------------------------------------------------------------------


def preload():
    """Import what every kernel needs."""
    sys.modules.setdefault("debugpy", None)  # nobody debugs a lab; saves time and memory
    import ipykernel.ipkernel
    import ipykernel.kernelapp  # noqa: F401
    import numpy

    try:
        from fedlearn_edu import data, labs

        digits = data.digits()
        data.dirichlet(digits.y_train, 2, 1.0, numpy.random.default_rng(0))  # loads what it needs
        for name in labs.NAMES:
            labs.load(name)
        import fedlearn_edu.course.widgets
        import fedlearn_edu.labs.shell

        fedlearn_edu.course.widgets.to_html("$x$")  # a quiz's first formula loads its tables
    except Exception:
        traceback.print_exc()  # whoever opens the lab will hear of it


def be_kernel(arguments, parent):
    """Be a kernel, in a fresh copy of the process; does not return."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        from ipykernel.kernelapp import IPKernelApp

        app = IPKernelApp.instance()
        app.initialize([*arguments, f"--IPKernelApp.parent_handle={parent}"])
        if "ipywidgets" in sys.modules:  # it was imported before there was a kernel to tell
            sys.modules["ipywidgets"].register_comm_target(app.kernel)
        app.start()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def serve(channel):
    """Fork on request and report who has ended, until the server is gone or a SIGTERM comes."""
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    asked = []  # a handler that raised could do so anywhere, even inside another module's hook
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server to handle
    children = set()
    try:
        loop(channel, wake, woken, children, asked)
    except ConnectionError:
        pass  # the server is gone, and nobody is there to read an answer
    finally:
        signal.set_wakeup_fd(-1)
        for pid in children:
            os.kill(pid, signal.SIGKILL)


def loop(channel, wake, woken, children, asked):
    """Handle requests and ended children until the channel closes or the end is asked for."""
    import selectors

    parent, waiting = os.getpid(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(4096)
                    if asked:
                        return
                    report_ended(channel, children)
                    continue
                received = channel.recv(65536)
                if not received:
                    return
                *lines, waiting = (waiting + received).split(b"\n")
                for line in lines:
                    pid = os.fork()
                    if pid == 0:
                        signal.set_wakeup_fd(-1)
                        selector.close()
                        for end in (channel, wake, woken):
                            end.close()
                        be_kernel(json.loads(line), parent)
                    children.add(pid)
                    send(channel, "started", pid)


def report_ended(channel, children):
    """Collect the children that have ended and tell the server."""
    for pid in list(children):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            children.discard(pid)
            send(channel, "ended", pid, os.waitstatus_to_exitcode(status))


def send(channel, *message):
    """Send one line to the server."""
    channel.sendall(json.dumps(message).encode() + b"\n")


def main(descriptor):
    """Run the process that is copied."""
    with socket.socket(fileno=descriptor) as channel:
        preload()  # a SIGTERM that comes this early just ends the process; there are no copies yet
        gc.collect()
        gc.freeze()  # the collector would otherwise write to, and so unshare, the copies' memory
        serve(channel)


if __name__ == "__main__":
    main(int(sys.argv[1]))
