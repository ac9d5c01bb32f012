// Watches a lab open: the skeleton goes when the lab is there, and if it does not come, the page
// says so and offers to load again.
(() => {
  const SLOW = 12_000;
  const GIVE_UP = 45_000;
  let open = true;

  function show(state) {
    if (!open) return;
    open = false;
    document.body.dataset.state = state;
    document.getElementById("trouble").hidden = state !== "trouble";
    watcher.disconnect();
  }

  function trouble(why) {
    if (open) console.warn("fedlearn_edu: the lab did not open:", why);
    show("trouble");
  }

  // The lab says that it is there; another widget is there once it has a certain height.
  function look() {
    const cells = document.getElementById("rendered_cells");
    if (!cells) return;
    if (cells.querySelector(".jupyter-widgets-error-widget")) return trouble("widget");
    const lab = cells.querySelector(".fl-lab");
    if (lab) return "ready" in lab.dataset && show("ready");
    const widget = cells.querySelector(".jupyter-widgets, .lm-Widget .lm-Widget");
    if (widget && widget.getBoundingClientRect().height > 100) show("ready");
  }

  const watcher = new MutationObserver(look);
  document.addEventListener("fedlearn:ready", () => show("ready"));

  // A file that cannot be loaded is an error event that does not bubble: catch it on its way down.
  addEventListener("error", (event) => {
    const from = event.target;
    if (from instanceof HTMLScriptElement) trouble(from.src);
  }, true);

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll(".reload")) {
      button.addEventListener("click", () => location.reload());
    }
    if (document.body.dataset.state !== "loading") return;
    watcher.observe(document.body, { childList: true, subtree: true, attributes: true });
    setTimeout(() => (document.querySelector(".slow").hidden = false), SLOW);
    setTimeout(() => trouble("time"), GIVE_UP);
  });
})();
