"""Run a notebook and store what it prints, with nothing in it that changes from run to run."""

import os
import time

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
TIMEOUT = 300  # seconds a cell; one of chapter 11 starts a federation


def run(path):
    """Run a notebook in its folder and write it back; return the seconds that it took."""
    book = nbformat.read(path, 4)
    start = time.perf_counter()
    client = NotebookClient(
        book,
        timeout=TIMEOUT,
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    quiet = {"FEDLEARN_PROGRESS": "", "SERVER_SOFTWARE": "", "TQDM_DISABLE": "1"}
    client.execute(env={**os.environ, **quiet})
    seconds = time.perf_counter() - start
    tidy(book)
    nbformat.write(book, path)
    return seconds


def tidy(book):
    """Take out of a notebook what no reader needs: models of widgets that no longer run."""
    book.metadata = {"kernelspec": book.metadata["kernelspec"], "language_info": {"name": "python"}}
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
            if "metadata" in output:
                output["metadata"] = {}
