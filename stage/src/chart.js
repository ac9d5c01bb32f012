// One chart: a canvas for what moves, SVG for axes, and a focusable handle for each point that
// can be dragged.  It knows nothing of controls; a drag is reported to `onDrag`.

import { axisBottom, axisLeft } from "d3-axis";
import { drag } from "d3-drag";
import { scaleLinear, scaleLog, scaleSymlog } from "d3-scale";
import { select } from "d3-selection";
import { MINUS, pick, plain } from "./arrays.js";
import { h, s, setAttributes, setHidden } from "./dom.js";
import { boxSize, leaving, PAINT, positions } from "./marks.js";

const SCALES = {
  linear: () => scaleLinear(),
  log: () => scaleLog(),
  symlog: (axis) => scaleSymlog().constant(axis.linear),
};
const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

function tickText(value) {
  if (value === 0) return "0";
  const power = Math.log10(Math.abs(value));
  if (Math.abs(power - Math.round(power)) < 1e-9 && Math.abs(power) > 3.5) {
    const digits = [...String(Math.round(power))].map((c) => SUPER[c]).join("");
    return `${value < 0 ? MINUS : ""}10${digits}`;
  }
  return plain(value, 10);
}

export class Chart {
  constructor(theme, { onDrag, onPress, onPaint, height } = {}) {
    this.theme = theme;
    this.onDrag = onDrag;
    this.onPress = onPress;
    this.onPaint = onPaint;
    this.height = height;
    this.canvas = h("canvas");
    this.svg = s("svg", { "aria-hidden": "true" });
    this.handles = h("div.fl-handles");
    this.still = h("canvas"); // the landscape, drawn when it changes
    this.node = h("div.fl-chart", { role: "group" }, this.svg, this.still, this.canvas, this.handles);
    this.grips = [];
    this.brush = new Brush(this);
    this.link = 0; // at which of the links' handles Tab stops
    this.resize = new ResizeObserver(() => this.layout());
    this.resize.observe(this.node);
    this.moment = [0, 1];
  }

  destroy() {
    this.resize.disconnect();
  }

  set(spec, words, locked) {
    Object.assign(this, { spec, words, locked });
    setAttributes(this.node, { "aria-label": spec.describe || [spec.title].flat()[0] || "" });
    this.brush.set();
    const lands = spec.marks.filter((mark) => mark.kind === "Landscape");
    if (!same(lands, this.lands)) this.stale = true;
    this.lands = lands;
    const axes = JSON.stringify([spec.x, spec.y, spec.equal]);
    if (axes !== this.axesSpec || !this.box) this.layout(false);
    this.axesSpec = axes;
  }

  repaint() {
    this.stale = true;
    this.draw(...this.moment);
  }

  // Draw at the next frame, however many moves come until then.
  soon() {
    this.queued ??= requestAnimationFrame(() => {
      this.queued = undefined;
      this.draw(...this.moment);
    });
  }

  layout(draw = true) {
    if (!this.spec) return;
    const { x, y, equal } = this.spec;
    const width = this.node.clientWidth;
    if (!width) return;
    const left = y.hidden ? 0 : 44, bottom = x.hidden ? 0 : x.label ? 36 : 24;
    const right = x.hidden ? 0 : 14, top = y.hidden ? 0 : 10;
    const ratio = equal ? (y.high - y.low) / (x.high - x.low) : 0;
    const inner = Math.max(10, width - left - right);
    const tall = equal ? inner * ratio : Math.max(Math.min(this.spec.least ?? 0, 1.35 * width), this.height ? this.height(width) : this.spec.height || 170) - top - bottom;
    this.box = { left, top, width: inner, height: tall };
    const total = tall + top + bottom;
    this.node.style.height = `${total}px`;
    const dpr = Math.min(window.devicePixelRatio || 1, 2);
    for (const canvas of [this.canvas, this.still]) {
      Object.assign(canvas.style, {
        left: `${left}px`, top: `${top}px`, width: `${inner}px`, height: `${tall}px`,
      });
      const [w, hh] = [Math.round(inner * dpr), Math.round(tall * dpr)];
      if (canvas.width !== w || canvas.height !== hh) {
        canvas.width = w;
        canvas.height = hh;
        this.stale = true;
      }
    }
    this.dpr = dpr;
    this.x = SCALES[x.scale](x).domain([x.low, x.high]).range([0, inner]);
    this.y = SCALES[y.scale](y).domain([y.low, y.high]).range([tall, 0]);
    this.axes(width, total);
    if (draw) this.draw(...this.moment);
  }

  axes(width, total) {
    const { left, top, height, width: inner } = this.box;
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", total);
    this.svg.replaceChildren();
    const axis = (make, scale, spec, count) => {
      const built = make(scale).tickSizeOuter(0).tickSize(4).tickPadding(5);
      if (spec.ticks?.length) {
        const texts = new Map(spec.ticks);
        return built.tickValues([...texts.keys()]).tickFormat((v) => texts.get(v));
      }
      let values = scale.ticks(count);
      if (spec.scale === "log") values = decades(spec.low, spec.high, count);
      if (spec.scale === "symlog") values = symDecades(spec, count);
      if (spec.integer) values = values.filter(Number.isInteger);
      return built.tickValues(values).tickFormat(tickText);
    };
    const { x, y } = this.spec;
    if (!y.hidden) {
      const g = s("g", { transform: `translate(${left},${top})`, class: "fl-axis fl-axis-y" });
      select(g).call(axis(axisLeft, this.y, y, Math.min(8, Math.max(2, Math.floor(height / 30)))));
      for (const tick of g.querySelectorAll(".tick")) {
        tick.append(s("line", { x1: 0, x2: inner, class: "fl-grid" }));
      }
      this.svg.append(g);
      if (y.label) this.svg.append(s("text", { x: 2, y: top - 1, class: "fl-axis-label", dy: "0.2em" }, y.label));
    }
    if (!x.hidden) {
      const g = s("g", { transform: `translate(${left},${top + height})`, class: "fl-axis" });
      select(g).call(axis(axisBottom, this.x, x, Math.max(2, Math.floor(inner / 70))));
      this.svg.append(g);
      if (x.label) {
        const at = { x: left + inner, y: total - 3, class: "fl-axis-label", "text-anchor": "end" };
        this.svg.append(s("text", at, x.label));
      }
    }
  }

  view(frame, u) {
    const { width, height } = this.box;
    return { x: this.x, y: this.y, width, height, frame, u, alpha: 1, ...this.theme() };
  }

  draw(frame, u) {
    this.moment = [frame, u];
    if (!this.box || !this.spec) return;
    const view = this.view(frame, u);
    if (this.stale) this.drawStill(view);
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    for (const mark of this.spec.marks) if (mark.kind !== "Landscape") PAINT[mark.kind](ctx, mark, view);
    this.brush.draw(ctx, view);
    this.placeHandles(view);
  }

  drawStill(view) {
    const ctx = this.still.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, this.still.width, this.still.height);
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    for (const mark of this.lands) PAINT.Landscape(ctx, mark, view);
    setHidden(this.still, !this.lands.length);
    this.stale = false;
  }

  // Handles: one a draggable point, kept between scenes so that the focus stays.

  placeHandles(view) {
    let used = 0;
    for (const mark of this.spec.marks) {
      if (mark.drag && !this.locked.includes(mark.drag.key)) {
        const { values } = mark.kind === "Points" ? positions(mark, view) : pick(mark.heads, 2, view.frame);
        for (let i = 0; 2 * i < values.length; i++) this.grip(used++).place(mark, i, values, view);
      }
      if (mark.kind === "Links" && mark.key && !this.locked.includes(mark.key)) {
        for (let i = 0; 4 * i < mark.ends.values.length; i++) this.grip(used++).placeLink(mark, i, view);
      }
      if (mark.kind === "Boxes" && mark.key && !this.locked.includes(mark.key)) {
        const { values } = pick(mark.points, 2, view.frame);
        for (let i = 0; 2 * i < values.length; i++) this.grip(used++).placeBox(mark, i, values, view);
      }
    }
    while (this.grips.length > used) this.grips.pop().node.remove();
  }

  // From one link's handle to the next, or the one before.
  focusLink(grip, by) {
    const all = this.grips.filter((other) => other.box === grip.box);
    const next = all[(all.indexOf(grip) + by + all.length) % all.length];
    next.node.focus();
  }

  grip(k) {
    if (!this.grips[k]) {
      this.grips[k] = new Grip(this);
      this.handles.append(this.grips[k].node);
    }
    return this.grips[k];
  }
}

class Grip {
  constructor(chart) {
    this.chart = chart;
    this.node = h("button.fl-grip", {
      type: "button", onkeydown: (e) => this.key(e), onclick: () => this.press(), onfocus: () => this.focus(),
    });
    select(this.node).call(
      drag()
        .container(() => chart.canvas)
        .filter((event) => !!this.mark?.drag && !event.button)
        .subject(() => ({ x: this.px, y: this.py }))
        .on("start", () => this.node.classList.add("fl-held"))
        .on("drag", (event) => this.move(chart.x.invert(event.x), chart.y.invert(event.y), true))
        .on("end", (event) => {
          this.node.classList.remove("fl-held");
          this.move(chart.x.invert(event.x), chart.y.invert(event.y), false);
        }),
    );
  }

  place(mark, i, values, view) {
    Object.assign(this, { mark, i, box: null, vx: values[2 * i], vy: values[2 * i + 1] });
    let [x, y] = [view.x(this.vx), view.y(this.vy)];
    if (mark.tails) { // an arrow that leaves the chart is held where it leaves
      const tails = pick(mark.tails, 2, view.frame).values;
      [x, y] = leaving([view.x(tails[2 * i]), view.y(tails[2 * i + 1])], [x, y], view.width, view.height);
    }
    [this.px, this.py] = [Math.min(Math.max(x, 0), view.width), Math.min(Math.max(y, 0), view.height)];
    const name = mark.drag.names?.[i] ?? mark.labels?.[i] ?? "";
    this.put(this.px, this.py, 36, 36);
    const label = this.chart.words.drag_hint.replace("{name}", name);
    setAttributes(this.node, { "aria-label": label });
    this.shape("");
  }

  // How a handle is shaped, and whether Tab stops at it: of links, at one, the arrow keys do the rest.
  shape(name, stop = true) {
    this.node.classList.toggle("fl-box", name !== "");
    this.node.classList.toggle("fl-link", name === "link");
    setAttributes(this.node, { tabindex: stop ? 0 : -1 });
  }

  placeLink(mark, i, view) {
    Object.assign(this, { mark: null, i, box: mark });
    const [x0, y0, x1, y1] = mark.ends.values.subarray(4 * i, 4 * i + 4);
    const [dx, dy] = [view.x(x1) - view.x(x0), view.y(y1) - view.y(y0)];
    this.put(view.x((x0 + x1) / 2), view.y((y0 + y1) / 2), Math.hypot(dx, dy), 14, Math.atan2(dy, dx));
    setAttributes(this.node, { "aria-label": mark.names?.[i] ?? "" });
    this.shape("link", i === Math.min(this.chart.link, mark.ends.shape[0] - 1));
  }

  placeBox(mark, i, values, view) {
    Object.assign(this, { mark: null, i, box: mark });
    this.shape("box");
    this.put(view.x(values[2 * i]), view.y(values[2 * i + 1]), ...boxSize(mark, view));
    setAttributes(this.node, { "aria-label": mark.names?.[i] ?? mark.titles[i] });
  }

  put(x, y, width, height, angle = 0) {
    const { left, top, width: w, height: t } = this.chart.box;
    const cx = Math.min(Math.max(x, 0), w), cy = Math.min(Math.max(y, 0), t);
    Object.assign(this.node.style, {
      transform: `translate(${left + cx - width / 2}px, ${top + cy - height / 2}px) rotate(${angle}rad)`,
      width: `${width}px`, height: `${height}px`,
    });
  }

  focus() {
    if (this.box?.kind !== "Links") return;
    this.chart.link = this.i;
    for (const grip of this.chart.grips) if (grip.box === this.box) grip.node.tabIndex = grip === this ? 0 : -1;
  }

  press() {
    if (this.box) this.chart.onPress?.(this.box.key, this.i);
  }

  move(x, y, draft) {
    if (!this.mark) return;
    const { x: ax, y: ay } = this.chart.spec;
    const vx = Math.min(Math.max(x, ax.low), ax.high), vy = Math.min(Math.max(y, ay.low), ay.high);
    const array = this.mark.kind === "Points" ? this.mark.points : this.mark.heads;
    if (array.shape.length === 2) { // follow the hand at once; Python's answer replaces it
      array.values[2 * this.i] = vx;
      if ((this.mark.drag.columns ?? [0, 1])[1] !== null) array.values[2 * this.i + 1] = vy;
      this.chart.soon();
    }
    const [cx, cy] = this.mark.drag.columns ?? [0, 1];
    const digits = (axis) => this.mark.drag.digits ?? Math.max(0, 3 - Math.ceil(Math.log10(axis.high - axis.low)));
    const round = (v, axis) => Number(v.toFixed(digits(axis)));
    const set = { [cx]: round(vx, ax) };
    if (cy !== null && cy !== cx) set[cy] = round(vy, ay);
    this.chart.onDrag?.(this.mark.drag.key, this.i, set, draft);
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const isLink = this.box?.kind === "Links";
    if (!step || !(this.mark || isLink)) return;
    event.preventDefault();
    event.stopPropagation();
    if (isLink) return this.chart.focusLink(this, step[0] - step[1]);
    const size = event.shiftKey ? 10 : 50;
    const { x, y } = this.chart.spec;
    this.move(this.vx + (step[0] * (x.high - x.low)) / size, this.vy + (step[1] * (y.high - y.low)) / size, false);
  }
}

const APART = 16; // pixels between points that one stroke paints
const SLIP = 10; // a finger that moves less far has only tapped

// Where a press adds points: with the mouse at once, with a finger unless the page is scrolled,
// with the keyboard at a cross that the arrow keys move.
class Brush {
  constructor(chart) {
    Object.assign(this, { chart, at: [0.5, 0.5], spots: [], last: null });
    this.node = h("button.fl-brush", { type: "button", onkeydown: (e) => this.key(e), onclick: () => this.add(...this.place(), false) }, "＋");
    const { canvas } = chart;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", () => { this.start = this.last = null; });
  }

  set() {
    const { spec, words, locked } = this.chart;
    this.control = locked?.includes(spec.press) ? "" : spec.press; // hidden controls cannot be painted
    this.spots = [];
    setAttributes(this.node, { "aria-label": words.press_hint });
    this.chart.canvas.classList.toggle("fl-paintable", !!this.control);
    if (!this.control) this.node.remove();
    else if (!this.node.parentNode) this.chart.handles.prepend(this.node);
  }

  // What has been painted and is not in the picture yet, and where the keyboard's cross stands.
  draw(ctx, view) {
    ctx.lineWidth = 2;
    ctx.strokeStyle = view.color("ink");
    for (const [x, y] of this.spots) {
      ctx.beginPath();
      ctx.arc(x, y, 6, 0, 7);
      ctx.stroke();
    }
    const { left, top } = this.chart.box, [x, y] = this.place();
    this.node.style.transform = `translate(${left + x - 18}px, ${top + y - 18}px)`;
  }

  place() {
    const { width, height } = this.chart.box;
    return [this.at[0] * width, this.at[1] * height];
  }

  down(event) {
    if (!this.control || event.button) return;
    this.start = [event.offsetX, event.offsetY];
    this.chart.canvas.setPointerCapture(event.pointerId);
    if (event.pointerType !== "touch") this.add(...this.start, true);
  }

  move(event) {
    if (!this.start) return;
    const { offsetX: x, offsetY: y } = event;
    const from = this.last ?? this.start, gap = Math.hypot(x - from[0], y - from[1]);
    if (!this.last && gap >= SLIP) this.add(...this.start, true);
    if (this.last && gap >= APART) this.add(x, y, true);
  }

  up() {
    if (!this.start) return;
    if (this.last) this.chart.onPaint?.(this.control, [], false);
    else this.add(...this.start, false);
    this.start = this.last = null;
  }

  add(px, py, draft) {
    const { width, height } = this.chart.box, { x: ax, y: ay } = this.chart.spec;
    if (px < 0 || py < 0 || px > width || py > height) return;
    if (draft) this.last = [px, py];
    this.spots.push([px, py]);
    this.chart.soon();
    const at = (value, axis) => Number(value.toFixed(Math.max(0, 3 - Math.ceil(Math.log10(axis.high - axis.low)))));
    this.chart.onPaint?.(this.control, [[at(this.chart.x.invert(px), ax), at(this.chart.y.invert(py), ay)]], draft);
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const size = event.shiftKey ? 10 : 40;
    this.at = this.at.map((v, k) => Math.min(1, Math.max(0, v + step[k] / size)));
    this.chart.soon();
  }
}

function same(lands, before) {
  return lands.length === before?.length && lands.every((mark, i) => {
    const [a, b] = [mark.values.values, before[i].values.values];
    return String([mark.x, mark.y]) === String([before[i].x, before[i].y]) && a.length === b.length && a.every((v, k) => v === b[k]);
  });
}

function decades(low, high, count) {
  const from = Math.ceil(Math.log10(low) - 1e-9), to = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((to - from + 1) / Math.max(2, count)));
  const ticks = [];
  for (let k = from; k <= to; k += every) ticks.push(10 ** k);
  return ticks;
}

function symDecades(axis, count) {
  const positive = axis.high > axis.linear ? decades(axis.linear, axis.high, count / 2) : [];
  const negative = -axis.low > axis.linear ? decades(axis.linear, -axis.low, count / 2) : [];
  return [...negative.map((v) => -v).reverse(), 0, ...positive];
}
