// Watches a chapter run: counts the cells whose own output has come, and says when all are there,
// when one failed, or when the kernel is gone; and that a lab waits for the cell under way.
(() => {
  const SILENT = 45_000; // no first sign of life for so long: something did not load
  const PATIENCE = 1_000; // a lab that has waited for so long is said to wait
  let started = false, waiting;

  addEventListener("DOMContentLoaded", () => {
    const run = document.getElementById("run");
    const words = run.querySelector("[role=status]");
    const waits = run.querySelector(".waits");
    const bar = run.querySelector("progress");
    const reload = run.querySelector(".reload");
    reload.addEventListener("click", () => location.reload());

    function show(state, text = run.dataset[state]) {
      run.dataset.state = state;
      if (words.textContent !== text) words.textContent = text;
      reload.hidden = state === "running" || state === "done";
    }

    // A stored picture has a name for who cannot see it; the same picture, drawn again, gets it.
    function name(cell) {
      for (const picture of cell.querySelectorAll(".live img:not([alt])")) {
        picture.alt = cell.querySelector(".stored img")?.alt ?? "";
      }
    }

    // One kernel does one thing at a time: while a cell runs, a lab's answer has to wait.
    function wait() {
      if (run.dataset.state === "running" && document.querySelector(".fl-lab[aria-busy]")) {
        waiting ??= setTimeout(() => { waits.textContent = run.dataset.waits; }, PATIENCE);
      } else {
        waiting = clearTimeout(waiting);
        if (waits.textContent) waits.textContent = "";
      }
    }

    function look() {
      if (document.querySelector(".fl-lab[data-gone]")) return show("gone");
      const done = [...document.querySelectorAll(".output:has(> .live > *)")];
      done.forEach(name);
      started ||= done.length > 0;
      bar.value = done.length;
      if (document.querySelector(".live .failed")) return show("stopped");
      if (done.length >= bar.max) return show("done");
      if (started) {
        show("running", run.dataset.running.replace("{n}", done.length).replace("{all}", bar.max));
      }
    }

    new MutationObserver(() => { look(); wait(); }).observe(document.getElementById("chapter"), {
      childList: true, subtree: true, attributes: true, attributeFilter: ["data-gone", "aria-busy"],
    });
    addEventListener("error", (event) => {
      if (event.target instanceof HTMLScriptElement) show("gone");
    }, true);
    setTimeout(() => started || show("gone"), SILENT);
  });
})();
