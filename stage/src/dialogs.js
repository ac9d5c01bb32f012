// The code and link dialogs, and the menu of files.

import { h } from "./dom.js";

function dialog(root, text, title, ...children) {
  root.querySelector("dialog")?.remove();
  const node = h("dialog.fl-dialog", { "aria-label": title, onclose: () => node.remove() },
    h("header", {}, h("h2", {}, title),
      h("button.fl-icon", { type: "button", "aria-label": text.close, onclick: () => node.close() }, "×")),
    ...children);
  node.addEventListener("click", (event) => { if (event.target === node) node.close(); });
  root.append(node);
  node.showModal();
  return node;
}

function copyButton(text, source) {
  const button = h("button.fl-button.fl-primary", {
    type: "button",
    onclick: async () => {
      const field = source();
      field.select?.();
      try { await navigator.clipboard.writeText(field.value ?? field.textContent); } catch { document.execCommand("copy"); }
      button.textContent = text.copied;
    },
  }, text.copy);
  return button;
}

export function codeDialog(root, text, code) {
  const field = h("textarea.fl-code", { readOnly: true, spellcheck: false, value: code, rows: code.split("\n").length + 1, "aria-label": text.code_title });
  dialog(root, text, text.code_title, h("p.fl-note", {}, text.code_note), field, copyButton(text, () => field));
}

export function linkDialog(root, app) {
  const { text } = app;
  const hidden = new Set(app.scene.hidden);
  const field = h("input.fl-code", { type: "text", readOnly: true, "aria-label": text.link_title });
  const inApp = app.home !== undefined;
  const show = () => {
    const base = inApp ? location.origin + location.pathname : "";
    field.value = base + app.address([...hidden]);
  };
  const boxes = [...app.controls.specs.values()].map((spec) => h("label", {}, h("input", {
    type: "checkbox", checked: !hidden.has(spec.key),
    onchange: (event) => {
      if (event.target.checked) hidden.delete(spec.key);
      else hidden.add(spec.key);
      show();
    },
  }), " ", spec.label));
  show();
  dialog(root, text, text.link_title, field, copyButton(text, () => field),
    h("p.fl-note", {}, inApp ? text.link_note : text.link_nowhere), h("div.fl-boxes", {}, boxes));
}

export function saveMenu(text, onSave) {
  const item = (format, label) => h("button", {
    type: "button", "data-save": format,
    onclick: () => { node.open = false; onSave(format); },
  }, label);
  const node = h("details.fl-menu", {
    onfocusout: (event) => { if (!node.contains(event.relatedTarget)) node.open = false; },
    onkeydown: (event) => { if (event.key === "Escape") node.open = false; },
  },
  h("summary.fl-button", { "aria-label": text.download, title: text.download },
    h("span", { "aria-hidden": "true" }, "⤓"), h("span.fl-word", {}, text.download)),
  h("div", {}, item("png", text.save_png), item("svg", text.save_svg), item("csv", text.save_csv)));
  return node;
}
