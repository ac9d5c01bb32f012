// The cards beside the stage: the one number that matters, small charts, the arithmetic.
// A card is built once and then only updated, frame by frame.

import { format, pick, significant, textAt } from "./arrays.js";
import { Chart } from "./chart.js";
import { h, setText } from "./dom.js";

const TONE_SIGNS = { good: "✓ ", warn: "△ ", bad: "✕ ", plain: "" };

// Small capitals are for words: λ and gᵢ keep their case.
function setTitle(node, text) {
  setText(node, text);
  node.classList.toggle("fl-asis", /[^\x00-\x7f]/.test(text));
}

class Headline {
  constructor() {
    this.title = h("h2.fl-small");
    this.value = h("p.fl-value");
    this.badge = h("span.fl-badge");
    this.note = h("span.fl-note");
    this.node = h("section.fl-card", {}, this.title, this.value, h("p.fl-said", {}, this.badge, " ", this.note));
  }
  set(spec) { this.spec = spec; }
  draw(frame) {
    const { title, value, badge, tone, note } = this.spec;
    const mood = textAt(tone, frame), word = textAt(badge, frame);
    setTitle(this.title, textAt(title, frame));
    setText(this.value, textAt(value, frame));
    setText(this.badge, word ? TONE_SIGNS[mood] + word : "");
    this.badge.dataset.tone = mood;
    setText(this.note, textAt(note, frame));
  }
  destroy() {}
}

class ChartCard {
  constructor(theme, options) {
    this.title = h("h2.fl-small");
    this.chart = new Chart(theme, options);
    this.node = h("section.fl-card", {}, this.title, this.chart.node);
  }
  set(spec, words, locked) {
    this.spec = spec;
    this.chart.set(spec, words, locked);
  }
  draw(frame, u) {
    setTitle(this.title, textAt(this.spec.title, frame));
    this.chart.draw(frame, u);
  }
  destroy() { this.chart.destroy(); }
}

class Table {
  constructor(theme) {
    this.theme = theme;
    this.title = h("h2.fl-small");
    this.table = h("table.fl-table");
    this.note = h("p.fl-note");
    this.scroll = h("div.fl-scroll", { tabIndex: 0, role: "region" }, this.table);
    this.node = h("section.fl-card", {}, this.title, this.scroll, this.note);
  }
  set(spec) {
    this.spec = spec;
    setText(this.note, spec.note ?? "");
    const { head = "", rows = [], columns, colors = [], foot } = spec;
    this.shown = -1;
    const form = JSON.stringify([head, rows, columns.map((c) => c.label), colors, foot]);
    if (form === this.form) return;
    this.form = form;
    const cell = (tag, text = "") => h(tag, tag === "th" ? { scope: "row" } : {}, text);
    const swatch = (i) => h("span.fl-swatch", { style: { "--swatch": `var(--fl-${colors[i]})` } });
    const header = h("tr", {}, h("th", { scope: "col" }, head), columns.map((c) => h("th", { scope: "col" }, c.label)));
    const body = rows.map((name, i) => h("tr", {},
      h("th", { scope: "row" }, colors[i] ? swatch(i) : null, name), columns.map(() => cell("td"))));
    const last = foot ? [h("tfoot", {}, h("tr", {}, cell("th", foot), columns.map(() => cell("td"))))] : [];
    this.table.replaceChildren(h("thead", {}, header), h("tbody", {}, body), ...last);
    this.scroll.setAttribute("aria-label", textAt(spec.title, 0));
  }
  draw(frame) {
    if (frame === this.shown) return;
    this.shown = frame;
    setTitle(this.title, textAt(this.spec.title, frame));
    const body = this.table.tBodies[0].rows;
    this.spec.columns.forEach((column, c) => {
      const base = column.vector ? 2 : 1;
      const { values, shape } = pick(column.values, base, frame);
      const width = column.vector ? shape[1] : 1;
      for (let i = 0; i < shape[0]; i++) {
        setText(body[i].cells[c + 1], cellText(values.subarray(i * width, (i + 1) * width), column));
      }
      if (this.table.tFoot && column.total) {
        const total = pick(column.total, base - 1, frame).values;
        setText(this.table.tFoot.rows[0].cells[c + 1], cellText(total, column));
      }
    });
  }
  destroy() {}
}

function cellText(values, column) {
  if (values.every(Number.isNaN)) return "–";
  const write = column.significant ? significant : format;
  return [...values].map((v) => write(v, column.digits, column.signed)).join("  ") + (column.unit ?? "");
}

const KINDS = { Headline, Chart: ChartCard, Table };

export class Cards {
  constructor(theme, options) {
    this.theme = theme;
    this.options = options;
    this.node = h("div.fl-cards");
    this.cards = [];
  }
  set(specs, words, locked) {
    const kinds = specs.map((spec) => spec.kind).join();
    if (kinds !== this.kinds) {
      this.destroy();
      this.kinds = kinds;
      this.cards = specs.map((spec) => new KINDS[spec.kind](this.theme, this.options));
      this.node.replaceChildren(...this.cards.map((card) => card.node));
    }
    specs.forEach((spec, i) => this.cards[i].set(spec, words, locked));
  }
  draw(frame, u) { for (const card of this.cards) card.draw(frame, u); }
  repaint() { for (const card of this.cards) card.chart?.repaint(); }
  destroy() { for (const card of this.cards) card.destroy(); }
}
