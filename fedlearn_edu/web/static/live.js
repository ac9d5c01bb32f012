// Watches a chapter run: counts the cells whose own output has come, and says when all are there,
// when one failed, or when the kernel is gone.
(() => {
  const SILENT = 45_000; // no first sign of life for so long: something did not load
  let started = false;

  addEventListener("DOMContentLoaded", () => {
    const run = document.getElementById("run");
    const words = run.querySelector("[role=status]");
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

    new MutationObserver(look).observe(document.getElementById("chapter"), {
      childList: true, subtree: true, attributes: true, attributeFilter: ["data-gone"],
    });
    addEventListener("error", (event) => {
      if (event.target instanceof HTMLScriptElement) show("gone");
    }, true);
    setTimeout(() => started || show("gone"), SILENT);
  });
})();
