"""What serving costs: start, cold open, reload, many learners at once, memory of a kernel."""

import os
import shutil
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fedlearn_edu import labs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.serverkit import Page, Server, uss, wait_until

LAB = "convergence"
OPENS = 5
CLASSES = (10, 20, 30)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def seconds_since(start):
    """Return the seconds that have passed since ``start``."""
    return time.perf_counter() - start


def show(what, target, value):
    """Print one figure beside what it should reach."""
    print(f"{what:<58} {value:>16}   {target}", flush=True)


def load():
    """Return how busy the machine is, as a remark."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return f"(load average {busy:.1f} on {os.cpu_count()} cores)"


def started():
    """Measure a warm start: from the command to the first home page, and to full pools."""
    with Server() as server:
        begun = server.started
        assert server.get()[0] == 200
        first = time.monotonic() - begun
        server.wait_warm(2 * len(labs.NAMES), 120)
        full = time.monotonic() - begun
        memory = [uss(process) for process in server.kernels()]
    show("start to first home page", "≤ 3 s", f"{first:.2f} s")
    show("start to full pools (2 kernels a lab)", "", f"{full:.2f} s")
    show("memory of one warm kernel (USS), largest", "≤ 50 MiB", f"{max(memory):.1f} MiB")


def opened():
    """Measure a lab's page in Chromium, from the address to a live lab."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    cold, again, sizes = [], [], []
    with Server() as server, sync_playwright() as playwright:
        for _ in range(OPENS):
            server.wait_warm(2 * len(labs.NAMES), 120)
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto("about:blank")
            got = []
            page.on("requestfinished", lambda request, got=got: got.append(request))
            cold.append(live(page, lambda page=page: page.goto(f"{server.url}labs/{LAB}?lang=en")))
            sizes.append(
                sum(request.sizes()["responseBodySize"] for request in got if web(request))
            )
            server.wait_warm(2 * len(labs.NAMES), 120)
            again.append(live(page, page.reload))
            browser.close()
    show(f"cold open in Chromium, median of {OPENS}", "≤ 3 s", f"{statistics.median(cold):.2f} s")
    show(f"reload, median of {OPENS}", "≤ 1.5 s", f"{statistics.median(again):.2f} s")
    show("bytes of a cold open", "", f"{statistics.median(sizes) / 1e6:.2f} MB")


def web(request):
    """Return True for what came over the network."""
    return request.url.startswith("http")


def live(page, go):
    """Return the seconds from ``go()`` to a lab on the screen."""
    start = time.perf_counter()
    go()
    page.wait_for_selector("body[data-state=ready]", state="attached", timeout=60_000)
    page.wait_for_selector("#rendered_cells svg, #rendered_cells canvas", timeout=60_000)
    return seconds_since(start)


def crowd(count):
    """Measure learners who open a lab at the same moment, without browsers."""

    def learn(number):
        start = time.perf_counter()
        try:
            page = Page(server, labs.NAMES[number % len(labs.NAMES)])
            assert page.connect().live(120)
            return page, seconds_since(start)
        except Exception as error:
            print(f"learner {number}: {error!r}")
            return None, None

    with Server() as server:
        server.wait_warm(2 * len(labs.NAMES), 120)
        start = time.perf_counter()
        with ThreadPoolExecutor(count) as pool:
            results = list(pool.map(learn, range(count)))
        total = seconds_since(start)
        pages = [page for page, _ in results if page]
        took = [seconds for _, seconds in results if seconds]
        memory = statistics.median(uss(process) for process in server.kernels())
        for page in pages:
            page.goodbye()
            page.close()
        wait_until(lambda: server.health()["in_use"] == 0, 60)
    failed = count - len(pages)
    target = "≤ 15 s, 0 failed" if count == 20 else "0 failed"
    show(f"{count} learners at once: all live (median learner)", target,
         f"{total:.1f} s ({statistics.median(took):.1f} s)")  # fmt: skip
    show(f"{count} learners at once: failed", "0", failed)
    show(f"{count} learners at once: one kernel (USS), median", "≤ 50 MiB", f"{memory:.1f} MiB")


def main():
    """Run all of it."""
    print(f"lab {LAB!r} {load()}")
    started()
    opened()
    for count in CLASSES:
        crowd(count)
    print(load())


if __name__ == "__main__":
    main()
