"""A real Chromium on the real server.  No sleeps: a page says by itself when it has settled."""

import base64
import json
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.serverkit import Server
from tools.machine import system_chromium

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # ms; how long a busy machine may take for anything that is waited for
READY = "() => document.querySelector('.fl-lab[data-ready][data-idle]')"
WRITTEN = """() => {
  const { app } = document.querySelector('.fl-lab');
  return location.search === app.address();
}"""
SCENE = """async () => {
  const { scene } = document.querySelector('.fl-lab').app;
  const reader = new FileReader();
  const read = new Promise((done) => { reader.onload = done; });
  reader.readAsDataURL(new Blob([scene.data])); // base64: a list of numbers takes seconds
  await read;
  return { ...scene, data: reader.result };
}"""


@pytest.fixture(scope="session")
def server():
    with Server("--pool", "1") as running:
        yield running


@pytest.fixture(scope="session")
def chrome():
    with sync_playwright() as playwright:
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=system_chromium(), args=FLAGS)
        yield browser
        browser.close()


class LabPage:
    """A lab in a page of its own."""

    def __init__(self, context, server, name, query):
        self.page, self.errors, self.outside = context.new_page(), [], []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request, server.url))
        self.page.goto(f"{server.url}labs/{name}?{query}")
        self.settle()

    def _heard(self, message):
        if message.type == "error":
            self.errors.append(message.text)

    def _asked(self, request, own):
        if not request.url.startswith((own, own.replace("http", "ws"), "blob:", "data:")):
            self.outside.append(request.url)

    def settle(self):
        """Wait until the picture on the screen is the state's and nothing is under way."""
        self.page.wait_for_function(READY)

    def scene(self):
        """Return what the browser was sent last: spec, data (bytes), values, query, …"""
        scene = self.page.evaluate(SCENE)
        return {**scene, "data": base64.b64decode(scene["data"].partition(",")[2])}

    def act(self, action):
        """Do something that asks Python for a new picture, and wait for it."""
        before = self.page.evaluate("() => document.querySelector('.fl-lab').app.scene.seq")
        action()
        self.page.wait_for_function(
            "(seq) => document.querySelector('.fl-lab').app.scene.seq > seq", arg=before
        )
        self.settle()

    def address(self):
        """Return the page's address, once it has followed the state."""
        self.page.wait_for_function(WRITTEN)
        return self.page.url

    def control(self, key):
        return self.page.locator(f'.fl-control[data-key="{key}"]')

    def close(self):
        self.page.context.close()


def new_lab(chrome, server, name, query, width=1440, height=900, dark=False, motion="reduce"):
    """Open a lab in a window of its own."""
    context = chrome.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion=motion,
        accept_downloads=True,
    )
    return LabPage(context, server, name, query)


@pytest.fixture
def open_lab(chrome, server):
    """Return a function that opens a lab: ``open_lab("convergence", "lang=zh", width=390)``."""
    pages = []

    def open_one(name, query="lang=en", **window):
        pages.append(new_lab(chrome, server, name, query, **window))
        return pages[-1]

    yield open_one
    for page in pages:
        page.close()


def axe_path():
    """Return axe-core's script, installed beside the stage's sources."""
    path = ROOT / "stage" / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail("axe-core is missing: run `npm ci` in stage/")
        pytest.skip("axe-core is missing: run `npm ci` in stage/ (needs Node)")
    return path


def violations(page):
    """Return axe-core's serious and critical findings, as readable lines."""
    page.evaluate(axe_path().read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run({ resultTypes: ['violations'] })).violations")
    grave = [item for item in found if item["impact"] in ("serious", "critical")]
    return [
        f"{item['id']}: {json.dumps([node['target'] for node in item['nodes']][:4])}"
        for item in grave
    ]
