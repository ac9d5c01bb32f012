"""Kernels: started with the right Python, kept warm for each lab, handed out, and given back."""

import asyncio
import contextlib
import os
import sys
import time
from collections import deque
from dataclasses import dataclass, field

import nbformat
import voila
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from nbclient.exceptions import CellExecutionError
from tornado import web
from traitlets import Bool, Float, Integer, Unicode, default
from voila.execute import VoilaExecutor

from fedlearn_edu import labs, paths

from . import forks
from .runs import Run

KERNEL_OPTIONS = ("--HistoryManager.enabled=False", "--IPKernelApp.log_level=40")
START_TIMEOUT = 60
CLOSE_SECONDS = 8
LONGEST_FOLDER = 48  # a socket's path may have 103 bytes, its file name has 54
AWAY, LOADING = 5, 30  # seconds after which somebody who waits may have a seat
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Full(Exception):
    """All seats are taken."""


class OpenFailed(Exception):
    """A lab's cell or a chapter's first cells raised, or the kernel did not start."""


class OwnPython(KernelSpecManager):
    """Kernels run the Python that runs the server, whatever other kernel specs are installed."""

    def get_kernel_spec(self, kernel_name):
        """Return the one spec there is."""
        return KernelSpec(
            name=kernel_name,
            display_name="Python",
            language="python",
            argv=[
                sys.executable,
                *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
                *KERNEL_OPTIONS,
            ],
        )


def kernel_environment():
    """Return the environment of a kernel: one thread, this package importable, no pictures.

    Under Voilà a lab needs no stored picture of itself, and so no matplotlib; the variable is
    the one by which Voilà tells a kernel where it runs.  A chapter's page counts its cells; a bar
    of tqdm would be a widget that is gone before the page has shown it.
    """
    env = dict(os.environ)
    env.update(dict.fromkeys(ONE_THREAD, "1"))
    env["PYTHONPATH"] = os.pathsep.join(
        [str(paths.SOURCE.resolve()), *filter(None, [env.get("PYTHONPATH")])]
    )
    env["SERVER_SOFTWARE"] = f"voila/{voila.__version__}"
    env["TQDM_DISABLE"] = "1"
    env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    return env


class ForkProvisioner(LocalProvisioner):
    """Starts a kernel as a copy of a process that has everything imported already."""

    async def launch_kernel(self, cmd, **kwargs):
        """Fork a kernel; start it the ordinary way if that fails."""
        try:
            arguments = cmd[cmd.index("-f") :]
            self.process = await self.parent.parent.forks.launch(arguments)
        except (OSError, ValueError, TimeoutError) as error:
            self.log.warning("A kernel could not be forked (%r); starting it afresh.", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd")
        return self.connection_info


class LabKernel(ServerKernelManager):
    """Manager of one kernel, forked where that can be done.

    It speaks through sockets in a private folder where the system has them: a TCP port could be
    taken by another program between its choice and its use, and is open to every user.
    """

    @default("transport")
    def _default_transport(self):
        short = len(os.fsencode(self.parent.connection_dir)) <= LONGEST_FOLDER
        return "ipc" if os.name == "posix" and short else "tcp"

    async def _async_pre_start_kernel(self, **kwargs):
        if self.provisioner is None and self.parent.forks:
            self.provisioner = ForkProvisioner(
                kernel_id=kwargs["kernel_id"], kernel_spec=self.kernel_spec, parent=self
            )
        return await super()._async_pre_start_kernel(**kwargs)


@dataclass
class Ready:
    """A kernel in which a lab is open, and what the lab's cell displayed; or a chapter's run."""

    kernel_id: str
    outputs: list
    run: Run | None = None


@dataclass
class Seat:
    """A kernel in use by a page: since when the page is away, and when the seat is given up."""

    connections: int = 0
    seen: bool = False
    left: float = field(default_factory=time.monotonic)
    timer: asyncio.TimerHandle | None = None
    run: Run | None = None

    def seems_empty(self, now):
        """Return True if the page went away, or has not come in the time that loading takes."""
        return not self.connections and now - self.left > (AWAY if self.seen else LOADING)


def holds(task, kernel_id):
    """Return True if a finished task of the pool made this kernel."""
    done = task.done() and not task.cancelled() and not task.exception()
    return done and task.result().kernel_id == kernel_id


class LabKernels(AsyncMappingKernelManager):
    """Kernel manager with a warm pool for each lab and a number of seats.

    A kernel that has been taken counts as in use until its page says goodbye, its socket has
    been closed for `return_grace` seconds, or it never connected within `connect_grace`.
    """

    pool_size = Integer(2, config=True, help="Kernels kept warm for each lab")
    max_learners = Integer(0, config=True, help="Seats; 0 sets no limit")
    connect_grace = Float(120.0, config=True, help="Seconds that a page has to connect")
    return_grace = Float(60.0, config=True, help="Seconds that a page has to come back")
    fork = Bool(forks.AVAILABLE, config=True, help="Fork kernels instead of starting them afresh")
    work_dir = Unicode(help="Working directory of the kernels")

    def __init__(self, names, **kwargs):
        super().__init__(**kwargs)
        self.seats = {}
        self._opening = 0
        self._closing = False
        self._pools = {name: deque() for name in names}
        self._tasks, self._heating = set(), set()
        self.forks = forks.Forks(kernel_environment(), self.work_dir) if self.fork else None
        self._gate = asyncio.Semaphore(2 * max(2, os.cpu_count() or 2))

    @default("context")
    def _context_of_the_process(self):
        """Whoever ends a ZeroMQ context of his own waits for its sockets, at worst for ever."""
        return zmq.asyncio.Context.instance()

    # -- the pool -----------------------------------------------------------------------------

    @property
    def in_use(self):
        """Pages that hold a kernel, or are being given one."""
        return len(self.seats) + self._opening

    @property
    def warm(self):
        """Kernels that wait in the pools, ready to be taken."""
        tasks = [task for pool in self._pools.values() for task in pool]
        return sum(task.done() and not task.cancelled() and not task.exception() for task in tasks)

    def refill(self):
        """Start what is missing in the pools; returns at once."""
        for depth in range(0 if self._closing else self.pool_size):
            for name, pool in self._pools.items():  # one of each first
                if len(pool) <= depth:
                    pool.append(self._spawn(self._heat(name), self._heating))

    async def take(self, name):
        """Return a `Ready` kernel for the lab ``name`` and give it a seat.

        Raises
        ------
        Full
            If no seat is free.
        OpenFailed
            If the lab cannot be opened.
        """
        return await self._seat(lambda: self._next_ready(name))

    async def take_chapter(self, book, base, failed):
        """Return a `Ready` kernel in which a chapter's `Run` has begun, and give it a seat.

        Parameters
        ----------
        book : NotebookNode
        base, failed : str
            As in `Run`.

        Raises
        ------
        Full, OpenFailed
            As by `take`.
        """

        async def begin(kernel_id, kernel):
            run = Run(book, kernel, base, failed, self.log)
            await run.begin()
            return Ready(kernel_id, [], run)

        return await self._seat(lambda: self._spawn(self._start("chapter", begin), self._heating))

    async def _seat(self, give):
        await self._make_room()
        self._opening += 1
        try:
            ready = await give()
            self.seats[ready.kernel_id] = Seat(run=ready.run)
        finally:
            self._opening -= 1
            self.refill()
        self._free_later(ready.kernel_id, self.connect_grace)
        return ready

    async def release(self, kernel_id):
        """Free a kernel that a page holds; does nothing if it is gone already."""
        seat = self.seats.pop(kernel_id, None)
        if seat is None:
            return
        if seat.timer:
            seat.timer.cancel()
        await self._end(kernel_id)
        if seat.run:
            await seat.run.stop()

    async def close(self):
        """End every kernel, in use, warm or just starting."""
        self._closing = True
        for task in self._heating:
            task.cancel()
        runs = [seat.run.stop() for seat in self.seats.values() if seat.run]
        ending = [self._end(kernel_id) for kernel_id in self.list_kernel_ids()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                tasks = [*self._heating, *self._tasks, *runs, *ending]
                await asyncio.gather(*tasks, return_exceptions=True)
        if self.forks:
            await self.forks.close()

    async def _next_ready(self, name):
        pool = self._pools[name]
        while pool:
            task = pool.popleft()
            try:
                ready = await asyncio.shield(task)
            except OpenFailed:
                break  # the error may have passed: try once more, now
            if ready.kernel_id in self and await self.get_kernel(ready.kernel_id).is_alive():
                return ready
        return await self._spawn(self._heat(name), self._heating)

    async def _heat(self, name):
        """Start a kernel and run the lab's one cell in it."""

        async def show(kernel_id, kernel):
            notebook = nbformat.from_dict(labs.notebook(name))
            executor = VoilaExecutor(notebook, km=kernel, startup_timeout=START_TIMEOUT)
            executor.kc = await executor.async_start_new_kernel_client()
            try:
                cell = notebook.cells[0]
                cell = await executor.execute_cell(cell, None, 0, store_history=False)
            finally:
                executor.kc.stop_channels()
            return Ready(kernel_id, cell["outputs"])

        return await self._start(f"lab {name!r}", show)

    async def _start(self, what, show):
        """Return what ``show`` makes of a new kernel; no kernel is left behind if it fails."""
        kernel_id = None
        try:
            async with self._gate:
                kernel_id = await self.start_kernel(
                    kernel_name="python3", env=kernel_environment(), cwd=self.work_dir
                )
                return await show(kernel_id, self.get_kernel(kernel_id))
        except asyncio.CancelledError:
            if kernel_id:
                await self._end(kernel_id)
            raise
        except CellExecutionError as error:
            self.log.error("The %s raised when it was opened:\n%s", what, error)
            await self._end(kernel_id)
            raise OpenFailed(what) from None
        except Exception as error:
            if not self._closing:
                self.log.error("No kernel for the %s: %r", what, error)
            if kernel_id:
                await self._end(kernel_id)
            raise OpenFailed(what) from None

    def _spawn(self, coroutine, group=None):
        group = self._tasks if group is None else group
        task = asyncio.get_running_loop().create_task(coroutine)
        group.add(task)

        def forget(task):
            group.discard(task)
            if not task.cancelled():
                task.exception()  # reported where it happened

        task.add_done_callback(forget)
        return task

    # -- the seats ----------------------------------------------------------------------------

    async def _make_room(self):
        """Find a seat, if need be that of a page that seems to be gone for good."""
        while self.max_learners and self.in_use >= self.max_learners:  # others came meanwhile
            now = time.monotonic()
            gone = [key for key, seat in self.seats.items() if seat.seems_empty(now)]
            if not gone:
                raise Full
            await self.release(min(gone, key=lambda key: self.seats[key].left))

    def notify_connect(self, kernel_id):
        """Note that a page's socket has opened."""
        super().notify_connect(kernel_id)
        seat = self.seats.get(kernel_id)
        if seat:
            seat.connections += 1
            seat.seen = True
            if seat.timer:
                seat.timer.cancel()
                seat.timer = None

    def page_is_ready(self, kernel_id):
        """Note that a page has been told of its widgets: a chapter's other cells can run."""
        seat = self.seats.get(kernel_id)
        if seat and seat.run:
            seat.run.ready.set()

    def notify_disconnect(self, kernel_id):
        """Note that a page's socket has closed; it may come back for a while."""
        super().notify_disconnect(kernel_id)
        seat = self.seats.get(kernel_id)
        if seat:
            seat.connections -= 1
            if seat.connections <= 0:
                seat.left = time.monotonic()
                self._free_later(kernel_id, self.return_grace)

    def _free_later(self, kernel_id, seconds):
        seat = self.seats[kernel_id]
        if seat.timer:
            seat.timer.cancel()
        loop = asyncio.get_running_loop()
        seat.timer = loop.call_later(seconds, lambda: self._spawn(self.release(kernel_id)))

    def _handle_kernel_died(self, kernel_id):
        """Give a dead kernel's seat back; it is never replaced by an empty one."""
        self.log.warning("A kernel has died: %s", kernel_id)
        seat = self.seats.pop(kernel_id, None)
        if seat and seat.timer:
            seat.timer.cancel()
        if seat and seat.run:
            self._spawn(seat.run.stop())
        for pool in self._pools.values():
            for task in [task for task in pool if holds(task, kernel_id)]:
                pool.remove(task)
        if kernel_id in self:
            kernel = self.get_kernel(kernel_id)
            self.remove_kernel(kernel_id)
            self._spawn(ensure_async(kernel.cleanup_resources()))
        self.refill()

    async def _end(self, kernel_id):
        if kernel_id in self:
            try:
                await self.shutdown_kernel(kernel_id, now=True)
            except (KeyError, RuntimeError, web.HTTPError) as error:
                self.log.debug("Ending %s: %r", kernel_id, error)

    async def cull_kernel_if_idle(self, kernel_id):
        """Cull abandoned kernels only: those that wait in a pool are meant to be idle."""
        if kernel_id in self.seats:
            await super().cull_kernel_if_idle(kernel_id)
            if kernel_id not in self:
                await self.release(kernel_id)
