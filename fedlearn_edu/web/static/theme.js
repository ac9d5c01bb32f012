// Light or dark, before anything is painted; and the switch on pages that have one.
(() => {
  const KEY = "fedlearn-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be switched off
    }
  }

  function apply() {
    const choice = stored();
    const theme = choice === "light" || choice === "dark" ? choice : system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const label = theme === "dark" ? button.dataset.toLight : button.dataset.toDark;
      button.setAttribute("aria-label", label);
      button.title = label;
    }
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.addEventListener("click", () => {
        try {
          const dark = document.documentElement.dataset.theme === "dark";
          localStorage.setItem(KEY, dark ? "light" : "dark");
        } catch {
          return;
        }
        apply();
      });
    }
  });
})();
