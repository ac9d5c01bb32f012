"""A chapter that runs while it is read: its cells, one after the other, in a kernel of its own.

What can be touched, the labs and the quiz, runs before the page is sent, so that it is alive as
soon as the browser has loaded; the rest follows, cell by cell, and the page shows what each of
them displayed as it comes.  All that a browser can ask for is that it begins.
"""

import asyncio

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from voila.execute import VoilaExecutor

from . import chapters

CELL_SECONDS = 300
READY_SECONDS = 10  # the rest begins after this even if the page has not asked for its widgets


class Run:
    """The run of a chapter in a kernel.

    Parameters
    ----------
    book : NotebookNode
    kernel : KernelManager
    base : str
        The beginning of every address of this server, for links in what cells display.
    failed : str
        HTML that stands in the place of what a cell would have displayed, had it not raised.
    log : logging.Logger

    Attributes
    ----------
    ready : asyncio.Event
        Set when the page has been told of the widgets that there are.
    """

    def __init__(self, book, kernel, base, failed, log):
        self._first, self._rest = chapters.parts(book.cells)
        self._numbers = chapters.numbers(book.cells)
        self._base, self._failed, self._log = base, failed, log
        self._executor = VoilaExecutor(
            book, km=kernel, timeout=CELL_SECONDS, startup_timeout=CELL_SECONDS
        )
        self._results, self._over, self._task = [], False, None
        self._news = asyncio.Condition()
        self.ready = asyncio.Event()

    async def begin(self):
        """Run what can be touched; raises as the cell does."""
        self._executor.kc = await self._executor.async_start_new_kernel_client()
        try:
            for cell in self._first:
                await self._show(cell)
        except BaseException:
            await self._end()
            raise

    def go_on(self):
        """Run the rest, unless it runs, has run or was given up already; returns at once."""
        if not self._over:
            self._task = self._task or asyncio.create_task(self._finish())

    async def stop(self):
        """Give up what has not run yet, and tell whoever listens that there is no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end()

    async def results(self):
        """Yield what the page is told, from the first cell on, until there is no more."""
        told = 0
        while True:
            async with self._news:
                while not self._over and told == len(self._results):
                    await self._news.wait()
            if told == len(self._results):
                return
            yield self._results[told]
            told += 1

    async def _finish(self):
        try:
            await asyncio.wait_for(self.ready.wait(), READY_SECONDS)
        except TimeoutError:
            self._log.debug("A page has not asked for its widgets.")
        try:
            for cell in self._rest:
                await self._show(cell)
        except (CellExecutionError, CellTimeoutError) as error:
            self._log.error("The cell %r of a chapter raised:\n%s", cell.id, error)
            await self._add(cell, [html_output(self._failed)])
        except DeadKernelError:
            self._log.debug("A chapter's kernel ended before its last cell.")
        finally:
            await self._end()

    async def _end(self):
        """Let go of the kernel; can be called twice."""
        self._over = True
        self._executor.kc.stop_channels()
        await self._add(None, [])

    async def _show(self, cell):
        done = await self._executor.execute_cell(cell, None, 0, store_history=False)
        await self._add(cell, [self._mended(output) for output in done["outputs"]])

    def _mended(self, output):
        data = output.get("data", {})
        if "text/html" in data:
            data["text/html"] = chapters.readdressed(data["text/html"], self._base, live=True)
        return output

    async def _add(self, cell, outputs):
        async with self._news:
            if cell and cell.id in self._numbers:
                self._results.append(
                    {
                        "cell_index": self._numbers[cell.id],
                        "total_cell": len(self._numbers),
                        "output_cell": {"cell_type": "code", "outputs": outputs},
                    }
                )
            self._news.notify_all()


def html_output(markup):
    """Return an output that shows HTML."""
    return {"output_type": "display_data", "data": {"text/html": markup}, "metadata": {}}
