// Controls from their plain description.  Native inputs: keyboard and screen readers come free.

import { parse, plain } from "./arrays.js";
import { h, named, setHidden, uid } from "./dom.js";

class Slider {
  constructor(spec, change) {
    this.spec = spec;
    const id = uid("slider");
    this.log = spec.scale === "log";
    const [low, high] = this.log ? [Math.log10(spec.low), Math.log10(spec.high)] : [spec.low, spec.high];
    const step = this.log ? 1 / spec.step : spec.step;
    this.send = (draft) => {
      this.show(this.value());
      change(this.value(), draft);
    };
    this.range = h("input.fl-range", {
      type: "range", id, min: low, max: high, step,
      oninput: () => this.send(true), onchange: () => this.send(false),
    });
    this.field = h("input.fl-number", {
      type: "text", inputMode: "decimal", autocomplete: "off", "aria-label": spec.label,
      onchange: () => {
        const value = parse(this.field.value) / (spec.unit === "%" ? 100 : 1);
        this.shown = null; // whatever is answered is written over what was typed
        if (Number.isNaN(value)) this.show(this.current);
        else change(value, false);
      },
      onfocus: () => this.field.select(),
    });
    this.node = h("div.fl-control", {},
      h("div.fl-line", {}, h("label", { htmlFor: id }, named(spec.label, spec.symbol), hintButton(spec)), this.field),
      this.range, hintText(spec));
  }

  value() {
    const raw = Number(this.range.value);
    if (!this.log) return Number(raw.toFixed(10));
    return Number((10 ** raw).toPrecision(3));
  }

  limit(high) {
    const max = Math.min(this.spec.high, high);
    if (Number(this.range.max) === max) return;
    this.range.max = max;
    this.shown = null;
  }

  show(value) {
    this.shown = value;
    const { spec } = this;
    const percent = spec.unit === "%";
    const shown = percent ? value * 100 : value;
    const text = this.log ? plain(Number(shown.toPrecision(3)), 9) : plain(Number(shown.toFixed(spec.digits)), 9);
    const padded = !this.log && spec.digits && !percent ? Number(shown).toFixed(spec.digits).replace("-", "−") : text;
    this.field.value = padded + (spec.unit && spec.unit !== " " ? ` ${spec.unit}` : "");
    this.range.setAttribute("aria-valuetext", this.field.value);
    const at = this.log ? Math.log10(value) : value;
    const [low, high] = [Number(this.range.min), Number(this.range.max)];
    this.range.style.setProperty("--fill", `${(100 * (at - low)) / (high - low)}%`);
  }

  set(value) {
    this.current = value;
    if (value === this.shown) return;
    if (document.activeElement !== this.range || !this.range.matches(":active")) {
      this.range.value = this.log ? Math.log10(value) : value;
      this.show(value);
    }
  }
}

class Choice {
  constructor(spec, change) {
    const name = uid("choice");
    this.inputs = new Map();
    const options = spec.options.map(([value, text]) => {
      const input = h("input", { type: "radio", name, value, onchange: () => change(value, false) });
      this.inputs.set(value, input);
      return h("label", {}, input, h("span", {}, text));
    });
    this.node = h("fieldset.fl-control.fl-choice", {},
      h("legend", {}, named(spec.label, spec.symbol), hintButton(spec)), h("div.fl-segments", {}, options), hintText(spec));
  }
  set(value) { this.inputs.get(value).checked = true; }
}

class Toggle {
  constructor(spec, change) {
    this.input = h("input", { type: "checkbox", role: "switch", onchange: () => change(this.input.checked, false) });
    this.node = h("div.fl-control", {},
      h("label.fl-line.fl-toggle", {}, h("span", {}, named(spec.label, spec.symbol)), this.input, h("span.fl-switch", { "aria-hidden": "true" })),
      hintText(spec));
  }
  set(value) { this.input.checked = value; }
}

class Seed {
  constructor(spec, change, text) {
    const id = uid("seed");
    this.field = h("input.fl-number", { id, type: "text", inputMode: "numeric", onchange: () => change(parse(this.field.value), false) });
    const roll = h("button.fl-icon", {
      type: "button", title: text.roll, "aria-label": text.roll,
      onclick: () => change(Math.floor(Math.random() * (spec.high + 1)), false),
    }, "⚄");
    this.node = h("div.fl-control", {}, h("div.fl-line", {}, h("label", { htmlFor: id }, spec.label), h("span.fl-end", {}, this.field, roll)));
  }
  set(value) { this.field.value = String(value); }
}

class Series {
  constructor(spec, change, text) {
    Object.assign(this, { spec, change, text, rows: [] });
    this.list = h(spec.shown === "grid" ? "div.fl-cells" : "div.fl-rows");
    this.kind = { grid: Cell, choices: RowChoice }[spec.shown] ?? RowSlider;
    this.node = h("details.fl-control.fl-series", { open: spec.open },
      h("summary", {}, named(spec.label, spec.symbol)), this.list,
      spec.hint ? h("p.fl-hint", {}, spec.hint) : null);
  }

  set(table) {
    const columns = table[0]?.length ?? 0;
    if (this.rows.length !== table.length || this.columns !== columns) this.build(table.length, columns);
    table.forEach((row, i) => row.forEach((value, j) => this.rows[i][j].set(value)));
  }

  build(count, columns) {
    this.columns = columns;
    const { spec, text } = this;
    this.rows = Array.from({ length: count }, (_, i) =>
      Array.from({ length: columns }, (_, j) => {
        const change = (value, draft) => this.change({ row: i, set: { [j]: value } }, draft);
        const key = columns > 1 ? text.cell : text.cell.replace(/[,，][^,，]*\{k\}.*$/, "");
        const label = key.replace("{name}", spec.label).replace("{n}", i + 1).replace("{k}", j + 1);
        return new this.kind(spec, change, label);
      }));
    this.list.replaceChildren(...this.rows.map((row, i) =>
      h("div.fl-row", { style: { "--swatch": `var(--fl-${i < 8 ? `p${i}` : "many"})` } },
        h("span.fl-swatch", {}), h("span.fl-index", {}, String(i + 1)), row.map((cell) => cell.node))));
  }
}

class Cell {
  constructor(spec, change, label) {
    this.spec = spec;
    this.node = h("input.fl-cell", {
      type: "text", inputMode: "decimal", autocomplete: "off", "aria-label": label,
      onchange: () => {
        const value = parse(this.node.value);
        if (spec.optional && !this.node.value.trim()) change(null, false);
        else if (Number.isNaN(value)) this.set(this.current);
        else change(value, false);
      },
      onfocus: () => this.node.select(),
    });
  }
  set(value) {
    this.current = value;
    if (document.activeElement !== this.node || this.node.value === "") {
      this.node.value = value === null ? "" : plain(value, this.spec.digits || 4);
    }
  }
}

class RowChoice {
  constructor(spec, change, label) {
    const name = uid("row");
    this.inputs = [];
    const options = spec.options.map(([, text], value) => {
      const input = h("input", { type: "radio", name, value, onchange: () => change(value, false) });
      this.inputs.push(input);
      return h("label", {}, input, h("span", {}, text));
    });
    this.node = h("span.fl-segments", { role: "radiogroup", "aria-label": label }, options);
  }
  set(value) { this.inputs[value].checked = true; }
}

class RowSlider {
  constructor(spec, change, label) {
    this.inner = new Slider({ ...spec, scale: "linear", unit: "", hint: "", symbol: "", label }, change);
    this.inner.range.setAttribute("aria-label", label);
    this.node = h("span.fl-row-slider", {}, this.inner.range, this.inner.field);
  }
  set(value) { this.inner.set(value); }
}

class Paint {
  constructor(spec, change, text) {
    this.spec = spec;
    this.count = h("span.fl-count");
    this.clear = h("button.fl-chip", { type: "button", onclick: () => change([], false) }, text.clear);
    this.node = h("div.fl-control.fl-line", {}, h("span", {}, named(spec.label, spec.symbol), " ", this.count), this.clear);
  }
  set(count) {
    this.count.textContent = count < this.spec.most ? String(count) : `${count} / ${this.spec.most}`;
    this.clear.disabled = !count;
  }
}

function hintButton(spec) {
  if (!spec.hint) return null;
  const button = h("button.fl-why", {
    type: "button", "aria-label": `? ${spec.label}`, "aria-expanded": "false",
    onclick: (event) => {
      event.preventDefault();
      const hint = button.closest(".fl-control").querySelector(".fl-hint");
      hint.hidden = !hint.hidden;
      button.setAttribute("aria-expanded", String(!hint.hidden));
    },
  }, "?");
  return button;
}

const hintText = (spec) => (spec.hint ? h("p.fl-hint", { hidden: true }, spec.hint) : null);

const KINDS = { Slider, Choice, Toggle, Seed, Series, Paint };

export class Controls {
  constructor(groups, text, onChange) {
    this.all = new Map();
    this.specs = new Map();
    this.groups = groups.map((group) => {
      const items = group.controls.filter((spec) => !(spec.kind === "Series" && !spec.shown)).map((spec) => {
        const control = new KINDS[spec.kind](spec, (value, draft) => onChange(spec.key, value, draft), text);
        control.node.dataset.key = spec.key;
        this.all.set(spec.key, control);
        this.specs.set(spec.key, spec);
        return control.node;
      });
      if (group.place === "stage") return h("section.fl-tray", { "aria-label": group.title }, items);
      return items.length ? h("section.fl-group", {}, h("h2.fl-small", {}, group.title), items) : null;
    });
    this.nodes = this.groups.filter((node) => node && !node.matches(".fl-tray"));
    this.trays = this.groups.filter((node) => node?.matches(".fl-tray"));
  }

  set(values, hidden) {
    for (const [key, control] of this.all) {
      const [other, ...allowed] = this.specs.get(key).when;
      const fits = !other || allowed.includes(values[other]);
      setHidden(control.node, hidden.includes(key) || !fits);
      control.set(values[key]);
    }
    for (const node of this.nodes) {
      setHidden(node, ![...node.querySelectorAll(":scope > .fl-control")].some((c) => !c.hidden));
    }
  }
}
