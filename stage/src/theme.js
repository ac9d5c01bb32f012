// Light and dark, and colours by name.  The app's pages carry data-theme on <html>; JupyterLab
// says on <body> whether its theme is light; elsewhere the system decides.

const KEY = "fedlearn-theme";

export class Theme {
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.listen = () => this.refresh();
    this.system.addEventListener("change", this.listen);
    this.observer = new MutationObserver(this.listen);
    const options = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] };
    this.observer.observe(document.documentElement, options);
    this.observer.observe(document.body, options);
    this.refresh();
  }

  destroy() {
    this.observer.disconnect();
    this.system.removeEventListener("change", this.listen);
  }

  wanted() {
    const page = document.documentElement.dataset;
    if (page.theme) return page.theme === "dark";
    if (page.fedlearnHome === undefined && document.body.dataset.jpThemeLight) {
      return document.body.dataset.jpThemeLight === "false";
    }
    return this.system.matches;
  }

  refresh() {
    const dark = this.wanted();
    if (dark === this.dark && this.colors) return;
    this.dark = dark;
    this.root.dataset.theme = dark ? "dark" : "light";
    this.colors = null;
    if (this.root.isConnected) this.onChange();
  }

  toggle() {
    const theme = this.dark ? "light" : "dark";
    localStorage.setItem(KEY, theme);
    document.documentElement.dataset.theme = theme;
  }

  view() {
    if (!this.colors) {
      const style = getComputedStyle(this.root);
      this.colors = new Map();
      this.font = style.fontFamily;
      this.read = (name) => style.getPropertyValue(`--fl-${name}`).trim() || "#888888";
    }
    const color = (name) => {
      if (!this.colors.has(name)) this.colors.set(name, this.read(name));
      return this.colors.get(name);
    };
    return { font: this.font, color, mix: (a, b, t) => mix(color(a), color(b), t) };
  }
}

function mix(a, b, t) {
  const parse = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [from, to] = [parse(a), parse(b)];
  return `rgb(${from.map((v, i) => Math.round(v + t * (to[i] - v))).join(" ")})`;
}
