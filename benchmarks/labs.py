"""How fast the labs answer a hand, in Chromium, and against the usual way of writing them.

A control's answer is timed from the key press to the frame that shows the finished picture; where
that is a training run that grows on the screen, also to the frame that shows its first rounds.  The
same convergence lab written with `interactive_output` and `plt.show` is measured in the same run.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

from fedlearn_edu.labs import NAMES, load
from fedlearn_edu.labs.controls import Choice, Paint, Series, Slider, Toggle
from tests.browser.conftest import FLAGS, READY
from tests.serverkit import ROOT, Server
from tools.machine import system_chromium

REPEATS = 30  # presses of a control; fewer where each is answered by a training run
FEW = 10

TIMED = """async ([key, kind, repeats]) => {
  const root = document.querySelector('.fl-lab'), { app } = root, times = [];
  const place = root.querySelector(`[data-key="${key}"]`);
  if (kind === 'Series') place.open = true;
  const range = place.querySelector('input[type=range]');
  const others = [...place.querySelectorAll('input')];
  const idle = () => new Promise((done) => {
    const look = () => (root.dataset.idle ? requestAnimationFrame(done) : setTimeout(look, 1));
    look();
  });
  let first = null;
  const seen = () => requestAnimationFrame(() => (first ??= performance.now()));
  app.model.on('change:scene', seen);
  for (let k = 0; k < repeats; k++) {
    await idle();
    const start = performance.now();
    first = null;
    if (range) {
      const up = Number(range.value) + Number(range.step || 1) > Number(range.max) || k % 2;
      up ? range.stepDown() : range.stepUp();
      range.dispatchEvent(new Event('input', { bubbles: true }));
      range.dispatchEvent(new Event('change', { bubbles: true }));
    } else if (kind === 'Choice') {
      others.find((o) => !o.checked).click();
    } else if (kind === 'Toggle') {
      others[0].click();
    } else {
      others[0].value = String(Number(others[0].value) + (k % 2 ? 1 : -1));
      others[0].dispatchEvent(new Event('change', { bubbles: true }));
    }
    await idle();
    const end = performance.now();
    times.push([Math.min(first ?? end, end) - start, end - start]);
  }
  app.model.off('change:scene', seen);
  return times;
}"""

WATCH = """() => {
  const { app } = document.querySelector('.fl-lab');
  window.seen = [];
  app.model.on('change:scene', () => {
    const s = app.model.get('scene');
    window.seen.push([performance.now(), s.draft,
      new Blob([JSON.stringify({ ...s, data: 0 })]).size + s.data.byteLength]);
  });
}"""

# A hand moves at the display's rate; from outside the browser each move would wait for an answer.
DRAG = """async () => {
  const grip = document.querySelector('.fl-grip:not(.fl-box)'), box = grip.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const tell = (target, kind, dx, dy) => target.dispatchEvent(new MouseEvent(kind,
    { bubbles: true, cancelable: true, view: window, clientX: x + dx, clientY: y + dy }));
  tell(grip, 'mousedown', 0, 0);
  const start = performance.now();
  let moves = 0, last = start;
  await new Promise((done) => {
    const move = () => {
      last = performance.now();
      tell(window, 'mousemove', 2 * (moves % 30), 1.5 * (moves % 30));
      moves += 1;
      last - start < 2000 ? requestAnimationFrame(move) : done();
    };
    requestAnimationFrame(move);
  });
  tell(window, 'mouseup', 2 * ((moves - 1) % 30), 1.5 * ((moves - 1) % 30));
  return [moves, (last - start) / 1000, last];
}"""

FRAMES = """async () => {
  const { player } = document.querySelector('.fl-lab').app;
  player.go(0);
  const start = performance.now();
  let frames = 0;
  player.toggle();
  await new Promise((done) => {
    const look = () => {
      frames += 1;
      const on = player.playing && performance.now() - start < 3000;
      on ? requestAnimationFrame(look) : done();
    };
    requestAnimationFrame(look);
  });
  player.stop();
  return (1000 * frames) / (performance.now() - start);
}"""

PLAIN = """
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from dataclasses import replace
from fedlearn_edu.labs import load
from fedlearn_edu.labs.convergence import GRID_X, GRID_Y

LAB = load("convergence")


def show(alpha):
    result = LAB.compute(replace(LAB.state(), alpha=alpha))
    history, problem = result.history, result.problem
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5))
    left.contourf(GRID_X, GRID_Y, problem.loss_grid(GRID_X, GRID_Y), 14)
    left.plot(*history.theta.T, "k.-")
    for path in history.local[-1]:
        left.plot(*path.T, ".-")
    left.plot(*problem.optima.T, "o")
    right.semilogy(history.distance)
    plt.show()


alpha = widgets.FloatSlider(value=0.1, min=0.05, max=2.5, step=0.05)
display(alpha, widgets.interactive_output(show, {"alpha": alpha}))
"""

PLAIN_TIMED = """async (repeats) => {
  const times = [], handle = document.querySelector('.noUi-handle');
  const picture = () => document.querySelector('.jp-OutputArea img')?.src;
  for (let k = 0; k < repeats; k++) {
    const before = picture(), start = performance.now();
    const key = k % 2 ? 'ArrowLeft' : 'ArrowRight';
    handle.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await new Promise((done) => {
      const look = () => {
        const now = picture();
        now && now !== before ? requestAnimationFrame(done) : setTimeout(look, 2);
      };
      look();
    });
    times.push(performance.now() - start);
  }
  return times;
}"""


def quantiles(times):
    """Return the median and the 95th percentile."""
    ordered = sorted(times)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def shown_controls(lab):
    """Return the controls that are on the screen in the default state, save what is painted."""
    state = lab.state()
    for control in lab.by_key.values():
        hidden = control.when and getattr(state, control.when[0]) not in control.when[1:]
        drawn = isinstance(control, Paint) or (isinstance(control, Series) and not control.shown)
        if not hidden and not drawn:
            yield control


def kind_of(control):
    named = (Slider, Choice, Toggle, Series)
    return next((k.__name__ for k in named if isinstance(control, k)), "Seed")


def measure_controls(page, lab):
    """Print the answer times of every control; return those of all, first and finished."""
    everything = []
    for control in shown_controls(lab):
        page.evaluate("document.querySelector('.fl-lab').app.player.stop()")
        repeats = FEW if lab.grow else REPEATS
        times = page.evaluate(TIMED, [control.key, kind_of(control), repeats])
        report(control.key, times, lab.grow)
        everything += times
    report("all controls", everything, lab.grow)
    return [end for _, end in everything]


def report(name, times, grows):
    """Print median and p95 of finished pictures; of those that grow, of the first too."""
    first, end = (quantiles(column) for column in zip(*times, strict=True))
    begun = f"   first rounds {first[0]:5.0f} {first[1]:5.0f}" if grows else ""
    print(f"  {name:14} {end[0]:5.0f} {end[1]:5.0f}{begun}", flush=True)


def measure_drag(page):
    """Print pictures a second, settling time and size while a point is dragged for two seconds."""
    if not page.locator(".fl-grip:not(.fl-box)").count():
        return
    page.evaluate(WATCH)
    moves, seconds, ended = page.evaluate(DRAG)
    page.wait_for_function(READY)
    seen = page.evaluate("window.seen")
    shown = [at for at, _, _ in seen if at <= ended]
    sizes = [size for _, draft, size in seen if draft]
    print(
        f"  drag: {len(shown) / seconds:.0f} pictures/s ({moves / seconds:.0f} moves/s), "
        f"settled {seen[-1][0] - ended:.0f} ms after the last move, "
        f"at most {max(sizes) / 1000:.1f} kB an update"
    )


def measure_plain(browser):
    """Return the answer times of the same lab with interactive_output and plt.show under Voilà."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plain.ipynb"
        cells = [nbformat.v4.new_code_cell(PLAIN)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        command = [sys.executable, "-m", "voila", "--no-browser", "--port=18866", str(path)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
        try:
            address = None
            while address is None:
                found = re.search(r"http://\S+:\d+/", process.stderr.readline())
                address = found and found[0]
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(address)
            page.wait_for_selector(".jp-OutputArea img", timeout=60_000)
            times = page.evaluate(PLAIN_TIMED, REPEATS)
            page.close()
            return times
        finally:
            process.terminate()
            process.wait()


def main():
    """Print every figure."""
    with Server("--pool", "1") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system_chromium(), args=FLAGS)
        ours = []
        for name in NAMES:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{server.url}labs/{name}?lang=en")
            page.wait_for_function(READY)
            server.wait_warm(len(NAMES))  # no kernel is being started while we measure
            print(f"{name}: control, median, p95 in ms")
            times = measure_controls(page, load(name))
            if name == "convergence":
                ours = times
            page.goto(f"{server.url}labs/{name}?lang=en")
            page.wait_for_function(READY)
            server.wait_warm(len(NAMES))
            measure_drag(page)
            if page.evaluate("document.querySelector('.fl-lab').app.player.frames") > 1:
                print(f"  playback: {page.evaluate(FRAMES):.0f} frames/s")
            page.close()
        plain = measure_plain(browser)
        print(f"interactive_output + plt.show: {quantiles(plain)[0]:.0f} {quantiles(plain)[1]:.0f}")
        for word, k in (("median", 0), ("p95", 1)):
            print(f"ratio of the {word}: {quantiles(plain)[k] / quantiles(ours)[k]:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
