// The lab's page: header, controls, stage, cards; and the conversation with Python.
// A request carries a number; the answer carries it back.  One request is under way at a time;
// while it is, later changes of controls are merged, so that a hand never waits for a queue.

import { textAt, unpack } from "./arrays.js";
import { Cards } from "./cards.js";
import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { codeDialog, linkDialog, saveMenu } from "./dialogs.js";
import { h, s, setAttributes, setHidden, setText } from "./dom.js";
import { Player } from "./player.js";
import { Theme } from "./theme.js";

const REST_MS = 160; // a hand that does not move for so long has come to rest
const SILENCE_MS = 10000; // no answer for so long: Python is gone
const ADDRESS_MS = 300; // the address is written so long after the last change
const LOST_MS = 5000; // a connection that does not come back within so long is lost

export class App {
  constructor(model, el) {
    Object.assign(this, { model, el, queue: [], waiting: null, seq: 0, past: [], future: [] });
    const page = document.documentElement.dataset;
    this.home = page.fedlearnHome; // set on the app's own pages only
    this.root = h("div.fl-lab", { "data-lm-suppress-shortcuts": "true", onkeydown: (event) => this.key(event) });
    this.theme = new Theme(this.root, () => this.repaint());
    this.chart = new Chart(() => this.theme.view(), {
      onDrag: (key, row, set, draft) => this.change(key, { row, set }, draft),
      onPress: (key, row) => {
        if (typeof this.values[key] === "boolean") return this.change(key, !this.values[key], false);
        const options = this.controls.specs.get(key)?.options?.length || 2;
        this.change(key, { row, set: { 0: (this.values[key][row][0] + 1) % options } }, false);
      },
      onPaint: (key, points, draft) => this.change(key, { add: points }, draft),
      height: (width) => Math.min(560, Math.max(300, width * 0.72)),
    });
    this.cards = new Cards(() => this.theme.view(), { onDrag: (...args) => this.chart.onDrag(...args) });
    this.under = new Cards(() => this.theme.view());
    this.player = new Player((frame, u) => this.draw(frame, u), () => this.remember());
    this.stage = h("div.fl-stage", { tabIndex: -1 }, this.chart.node);
    el.append(this.root);
    this.root.app = this;
    model.on("change:page", (this.onPage = () => this.update()));
    model.on("change:scene", (this.onScene = () => this.update()));
    model.on("msg:custom", (this.onMessage = (content, buffers) => this.receive(content, buffers)));
    this.root.addEventListener("pointerdown", () => { this.held = true; });
    this.letGo = () => { this.held = false; };
    for (const kind of ["pointerup", "pointercancel"]) window.addEventListener(kind, this.letGo, true);
    this.watchKernel();
    this.open();
  }

  destroy() {
    this.model.off("change:page", this.onPage);
    this.model.off("change:scene", this.onScene);
    this.model.off("msg:custom", this.onMessage);
    for (const timer of [this.restTimer, this.silence, this.lost, this.later]) clearTimeout(timer);
    this.kernel?.statusChanged?.disconnect(this.onStatus);
    this.kernel?.connectionStatusChanged?.disconnect(this.onConnection);
    for (const kind of ["pointerup", "pointercancel"]) window.removeEventListener(kind, this.letGo, true);
    this.player.stop(false);
    this.chart.destroy();
    this.cards.destroy();
    this.under.destroy();
    this.theme.destroy();
  }

  open() {
    const page = document.documentElement.dataset;
    const lang = this.home !== undefined ? page.fedlearnLang : undefined;
    if (this.home !== undefined && (location.search.length > 1 || lang !== this.model.get("page").lang)) {
      this.ask("link", { query: location.search.slice(1), lang });
    } else {
      this.fresh = true;
      this.update();
    }
  }

  // Requests.

  ask(kind, payload = {}) {
    delete this.root.dataset.idle;
    const last = this.queue.at(-1);
    if (kind === "set" && last?.kind === "set" && mergeable(last.values, payload.values)) {
      last.values = merge(last.values, payload.values);
      last.draft = payload.draft;
      last.frame = payload.frame;
    } else {
      this.queue.push({ kind, ...payload });
    }
    setTimeout(() => this.pump()); // an input's "input" and "change" become one request
  }

  pump() {
    if (this.waiting || !this.queue.length) return;
    this.waiting = { ...this.queue.shift(), seq: ++this.seq };
    this.root.setAttribute("aria-busy", "true");
    this.model.send(this.waiting);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.banner(), SILENCE_MS);
  }

  answered(seq) {
    if (!this.waiting || seq !== this.waiting.seq) return null;
    const asked = this.waiting;
    this.waiting = null;
    clearTimeout(this.silence);
    this.root.removeAttribute("aria-busy");
    this.alive();
    queueMicrotask(() => this.pump());
    return asked;
  }

  // Nothing is under way and nothing is owed: what is on the screen is the state's picture.
  settle() {
    if (!this.waiting && !this.queue.length && !this.scene?.draft && !this.scene?.more) this.root.dataset.idle = "1";
  }

  receive(content, buffers) {
    const asked = this.answered(content.seq);
    if (content.kind === "error") {
      this.toast([content.text]);
      this.more(false); // what was still being computed has been given up
    }
    if (content.kind === "code") codeDialog(this.root, this.text, content.text);
    if (content.kind === "file" && asked) saveFile(content, buffers[0]);
    this.settle();
  }

  change(key, value, draft) {
    if (this.scene.hidden.includes(key)) return; // a teacher has put it away
    const [frame] = this.player.moment();
    clearTimeout(this.restTimer);
    if (draft) this.restTimer = setTimeout(() => this.ask("set", { values: {}, draft: false, frame }), REST_MS);
    this.ask("set", { values: { [key]: value }, draft, frame });
  }

  // Answers.

  update() {
    if (this.updating) return;
    this.updating = true;
    queueMicrotask(() => {
      this.updating = false;
      const scene = this.model.get("scene");
      if (this.waiting && scene.seq !== this.waiting.seq && !this.fresh) return;
      const asked = this.answered(scene.seq);
      const page = this.model.get("page");
      if (page !== this.page) this.build(page);
      this.show(scene, asked);
    });
  }

  build(page) {
    this.page = page;
    const { text } = (this.text = page.text) && page;
    if (this.home !== undefined) {
      document.documentElement.lang = page.html_lang;
      document.title = `${page.title} · ${text.labs}`;
      document.cookie = `fedlearn-lang=${page.lang}; path=${this.home}; SameSite=Lax; max-age=31536000`;
    }
    this.root.lang = page.html_lang;
    this.controls = new Controls(page.groups, text, (key, value, draft) => this.change(key, value, draft));
    this.presets = page.presets.map(([name, title]) =>
      h("button.fl-chip", { type: "button", "data-preset": name, onclick: () => this.ask("preset", { name }) }, title));
    const start = h("section.fl-group", {}, h("h2.fl-small", {}, text.start_from), h("div.fl-chips", {}, this.presets));
    this.keepRow = h("div.fl-kept");
    this.keptLabels = null;
    this.warning = h("p.fl-warning", { role: "status", hidden: true });
    this.toasts = h("div.fl-toasts", { role: "status" });
    this.notice = h("section.fl-notice", {}, h("h2", {}, text.notice), (this.noticeText = h("ul")));
    this.player.words(text);
    this.progress = h("progress.fl-progress", { hidden: true, "aria-label": text.computing });
    this.under.node.classList.add("fl-under");
    this.stage.replaceChildren(
      ...this.controls.trays, this.chart.node, this.warning, this.progress, this.player.node, this.under.node, this.keepRow);
    this.bannerNode = h("div.fl-banner", { role: "alert", hidden: true });
    this.root.replaceChildren(
      this.header(), this.bannerNode, this.toasts,
      h("div.fl-body", {},
        h("div.fl-controls.fl-card", {}, start, this.controls.nodes),
        h("div.fl-main.fl-card", {}, this.stage), this.cards.node, this.notice));
    this.theme.refresh();
  }

  header() {
    const { page, text } = this;
    const button = (key, label, onclick, sign) =>
      h("button.fl-button", { type: "button", "data-do": key, title: label, "aria-label": label, onclick },
        sign ? h("span", { "aria-hidden": "true" }, sign) : null, h("span.fl-word", {}, label));
    const languages = h("div.fl-segments.fl-languages", { role: "group", "aria-label": text.language },
      page.languages.map((lang) => h("button", {
        type: "button", lang: lang === "zh" ? "zh-CN" : lang, "data-lang": lang,
        "aria-pressed": String(lang === page.lang), onclick: () => this.ask("lang", { lang }),
      }, lang === "zh" ? "中文" : "English")));
    this.undoButton = button("undo", text.undo, () => this.travel(this.past, this.future), "↶");
    this.redoButton = button("redo", text.redo, () => this.travel(this.future, this.past), "↷");
    const crumbs = this.home === undefined ? [] : [
      h("a.fl-home", { href: `${this.home}?lang=${page.lang}` }, logo(), h("span", {}, text.labs)), h("span.fl-slash", { "aria-hidden": "true" }, "/")];
    const keys = h("p.fl-hint", { hidden: true }, text.keys_note);
    const keysButton = button("keys", text.keys, () => { keys.hidden = !keys.hidden; }, "?");
    return h("header.fl-header", {},
      h("div.fl-crumbs", {}, crumbs, h("h1", {}, page.title)),
      h("div.fl-tools", {}, languages,
        this.home === undefined ? null : button("theme", text.theme, () => this.theme.toggle(), "☾"),
        this.undoButton, this.redoButton,
        button("reset", text.reset, () => this.ask("reset"), "⟲"), keysButton,
        button("code", text.code, () => this.ask("code"), "{ }"),
        button("link", text.link, () => linkDialog(this.root, this), "↗"),
        saveMenu(text, (format) => this.ask("file", { format, frame: this.player.moment()[0], dark: this.theme.dark }))),
      keys);
  }

  show(scene, asked) {
    Object.assign(this, { scene, values: scene.values, query: scene.query });
    this.spec = { frames: 1, start: 0, under: [], cards: [], notice: [], names: [], ...unpack(scene.spec, scene.data) };
    this.controls.set(scene.values, scene.hidden);
    for (const chip of this.presets) setAttributes(chip, { "aria-pressed": chip.dataset.preset === scene.preset });
    const atEnd = this.player.wanted === null && this.player.position >= this.player.frames - 1;
    this.player.set(this.spec.frames, this.spec.names, scene.more);
    if (scene.fresh || this.fresh) this.begin(scene);
    else if (atEnd && !this.player.playing && !this.spec.names.length) this.player.position = this.spec.frames - 1;
    this.player.show();
    this.fresh = false;
    this.chart.set(this.spec.main, this.text, scene.hidden);
    this.cards.set(this.spec.cards, this.text, scene.hidden);
    this.under.set(this.spec.under, this.text, scene.hidden);
    this.showNotice(this.spec.notice);
    this.showKept(scene.kept);
    this.toast(scene.say);
    this.more(scene.more);
    this.draw(...this.player.moment());
    if (!scene.draft) {
      if (!this.held) this.rest(asked);
      this.remember();
      this.undoButton.disabled = !this.past.length;
      this.redoButton.disabled = !this.future.length;
    }
    this.root.dataset.ready = "1";
    this.settle();
  }

  more(coming) {
    if (!this.scene) return;
    this.scene.more = coming;
    setHidden(this.progress, !coming);
    if (coming && this.spec.expected) Object.assign(this.progress, { max: this.spec.expected, value: this.spec.frames });
  }

  begin(scene) {
    this.player.stop(false);
    const last = this.spec.frames - 1;
    const start = scene.start ?? (this.spec.start < 0 ? last : this.spec.start);
    this.player.position = Math.min(Math.max(Math.round(start), 0), last);
    if (this.spec.autoplay && scene.start === null && !this.player.still.matches && last > 0) {
      this.player.position = 0;
      this.player.speed = this.player.speed === 1 ? 4 : this.player.speed;
      this.player.toggle();
    }
  }

  draw(frame, u) {
    if (!this.spec) return;
    this.chart.draw(frame, u);
    this.cards.draw(frame, u);
    this.under.draw(frame, u);
    const text = textAt(this.spec.warning, frame);
    setText(this.warning, text);
    setHidden(this.warning, !text);
    this.root.dataset.frame = frame;
  }

  repaint() {
    this.chart.repaint();
    this.cards.repaint();
    this.under.repaint();
  }

  showNotice(lines) {
    const old = this.noticeText.children;
    while (old.length > lines.length) old[lines.length].remove();
    lines.forEach((line, i) => (old[i] ? setText(old[i], line) : this.noticeText.append(h("li", {}, line))));
    setHidden(this.notice, !lines.length);
  }

  showKept(labels) {
    if (!this.page.keeps || String(labels) === this.keptLabels) return;
    this.keptLabels = String(labels);
    const add = h("button.fl-chip", { type: "button", "data-do": "keep", onclick: () => this.ask("keep") }, `＋ ${this.text.keep}`);
    const chips = labels.map((label, index) => {
      const name = this.text.forget.replace("{label}", label);
      return h("span.fl-keep", { style: { "--swatch": `var(--fl-k${index})` } }, h("span.fl-dash", {}), label,
        h("button", { type: "button", title: name, "aria-label": name, onclick: () => this.ask("forget", { index }) }, "×"));
    });
    this.keepRow.replaceChildren(add, ...chips);
  }

  toast(lines) {
    if (!lines.length) return;
    const close = h("button.fl-icon", { type: "button", "aria-label": this.text.close, onclick: () => this.toasts.replaceChildren() }, "×");
    this.toasts.replaceChildren(h("div.fl-toast", {}, h("div", {}, lines.map((line) => h("p", {}, line))), close));
  }

  // Undo, redo, and the page's own link.

  // The picture is a state's, and no hand holds anything: a step that can be undone.
  rest(asked) {
    const left = this.rested !== undefined && this.rested !== this.query;
    if (asked && left && asked.kind !== "link") this.record(this.rested, this.query);
    this.rested = this.query;
  }

  // A state is left behind for another; points that were painted between them, one by one.
  record(before, after) {
    this.past.push(before);
    for (const [key, spec] of this.controls.specs) {
      if (spec.kind === "Paint") this.past.push(...strokes(key, before, after));
    }
    this.past.splice(0, this.past.length - 300);
    this.future.length = 0;
  }

  travel(from, to) {
    const query = from.pop();
    if (query === undefined) return;
    to.push(this.rested);
    this.rested = query;
    const hide = this.scene.hidden.length ? `&hide=${this.scene.hidden.join(",")}` : "";
    const [frame] = this.player.moment();
    this.ask("link", { query: `${query}${hide}&round=${frame}` });
  }

  address(hidden = this.scene.hidden, withRound = true) {
    const [frame] = this.player.moment();
    const parts = [`lang=${this.page.lang}`, this.query];
    if (hidden.length) parts.push(`hide=${hidden.join(",")}`);
    if (withRound && this.spec.frames > 1 && frame !== this.spec.frames - 1) parts.push(`round=${frame}`);
    return "?" + parts.filter(Boolean).join("&");
  }

  // The address follows when things are quiet: a browser takes its time to change it.
  remember() {
    clearTimeout(this.later);
    if (this.home === undefined || this.player.playing) return;
    this.later = setTimeout(() => this.writeAddress(), ADDRESS_MS);
  }

  writeAddress() {
    const address = this.address();
    if (address !== location.search) history.replaceState(null, "", address + location.hash);
  }

  key(event) {
    const mod = event.ctrlKey || event.metaKey;
    const typing = event.target.matches("input[type=text], textarea");
    if (mod && !typing && event.key.toLowerCase() === "z") {
      event.preventDefault();
      if (event.shiftKey) this.travel(this.future, this.past);
      else this.travel(this.past, this.future);
      return;
    }
    if (mod || event.altKey || event.target.closest("input, button, summary, a, dialog, .fl-scroll")) return;
    if (this.player.key(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  // Python gone: say so, and offer a way back.

  watchKernel() {
    this.kernel = this.model.widget_manager?.kernel;
    const gone = new Set(["dead", "restarting", "autorestarting", "terminating"]);
    this.onStatus = (_, status) => {
      if (!gone.has(status)) return;
      this.dead = true;
      this.banner();
    };
    this.onConnection = (_, status) => {
      clearTimeout(this.lost);
      if (status === "connected") this.alive();
      else this.lost = setTimeout(() => this.banner(), status === "disconnected" ? 0 : LOST_MS);
    };
    this.kernel?.statusChanged?.connect(this.onStatus);
    this.kernel?.connectionStatusChanged?.connect(this.onConnection);
  }

  banner() {
    if (!this.bannerNode || !this.bannerNode.hidden) return;
    const here = this.home === undefined;
    this.bannerNode.replaceChildren(
      h("div", {}, h("strong", {}, this.text.asleep), " ", here ? this.text.rerun_cell : this.text.asleep_note),
      here ? "" : h("button.fl-button.fl-primary", { type: "button", onclick: () => this.reload() }, this.text.reload));
    this.bannerNode.hidden = false;
    this.root.dataset.gone = "1";
  }

  reload() {
    if (this.spec) this.writeAddress();
    location.reload();
  }

  alive() {
    if (this.dead) return;
    if (this.bannerNode) this.bannerNode.hidden = true;
    delete this.root.dataset.gone;
  }
}

const patches = (value) => value && typeof value === "object" && !Array.isArray(value);

function mergeable(a, b) {
  return Object.keys(b).every((k) => !(k in a) || !patches(b[k]) || (patches(a[k]) && a[k].row === b[k].row));
}

function merge(a, b) {
  const merged = { ...a };
  for (const [k, v] of Object.entries(b)) {
    if (!patches(v) || !patches(a[k])) merged[k] = v;
    else merged[k] = v.add ? { add: [...a[k].add, ...v.add] } : { row: v.row, set: { ...a[k].set, ...v.set } };
  }
  return merged;
}

// The queries between two, where the later one has more points: each with one more than the last.
function strokes(key, before, after) {
  const pattern = new RegExp(`(^|&)${key}=([^&]*)`);
  const points = (query) => query.match(pattern)?.[2].split(";") ?? [];
  const [few, many] = [points(before), points(after)];
  if (few.some((point, k) => point !== many[k])) return [];
  const counts = Array.from({ length: Math.max(0, many.length - few.length - 1) }, (_, k) => few.length + k + 1);
  return counts.map((n) => after.replace(pattern, `$1${key}=${many.slice(0, n).join(";")}`));
}

function saveFile({ name, media }, view) {
  const url = URL.createObjectURL(new Blob([view], { type: media }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function logo() {
  const dot = (cx, cy, r, fill) => s("circle", { cx, cy, r, fill });
  const arm = (x2, y2, stroke) => s("line", { x1: 12, y1: 12, x2, y2, stroke, "stroke-width": 1.6 });
  return s("svg", { viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true" },
    arm(4, 5, "#e69f00"), arm(20, 5, "#0072b2"), arm(12, 21, "#cc79a7"),
    dot(4, 5, 3, "#e69f00"), dot(20, 5, 3, "#0072b2"), dot(12, 21, 3, "#cc79a7"), dot(12, 12, 4, "var(--fl-accent)"));
}
