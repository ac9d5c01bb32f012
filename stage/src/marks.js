// How each mark is drawn on a canvas.  A painter gets (context, mark, view) and draws one moment:
// view.x, view.y are scales to pixels; view.frame is the frame reached, view.u in (0, 1] how far
// the motion towards it has come; view.color(name) is the theme's colour.

import { contours } from "d3-contour";
import { area, line } from "d3-shape";
import { isFramed, pick } from "./arrays.js";

const ease = (u) => (u < 0.5 ? 2 * u * u : 1 - 2 * (1 - u) * (1 - u));
export const outward = (u) => Math.min(1, 2 * u); // a round moves out …
export const inward = (u) => ease(Math.max(0, 2 * u - 1)); // … then in

const radiusOf = (mark, i) => mark.radius[Math.min(i, mark.radius.length - 1)];
const colorOf = (mark, i) => mark.colors[Math.min(i, mark.colors.length - 1)];

// Where the points of a Points mark are at this moment.
export function positions(mark, view) {
  const now = pick(mark.points, 2, view.frame);
  if (!mark.glide || view.u >= 1 || view.frame === 0 || !isFramed(mark.points, 2)) return now;
  const before = pick(mark.points, 2, view.frame - 1);
  const w = inward(view.u);
  const values = now.values.map((v, k) => {
    const from = before.values[k];
    return Number.isNaN(from) ? v : Number.isNaN(v) ? from : from + w * (v - from);
  });
  return { values, shape: now.shape };
}

function strokePath(ctx, coordinates, color, mark) {
  ctx.beginPath();
  line().defined((p) => Number.isFinite(p[0]) && Number.isFinite(p[1])).context(ctx)(coordinates);
  ctx.strokeStyle = color;
  ctx.lineWidth = mark.width;
  ctx.setLineDash(mark.dash ? [6, 5] : []);
  ctx.lineJoin = ctx.lineCap = "round";
  ctx.stroke();
  ctx.setLineDash([]);
}

function label(ctx, view, text, x, y, { align = "left", color = "text", size = 12, bold = false } = {}) {
  ctx.font = `${bold ? 600 : 400} ${size}px ${view.font}`;
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 3;
  ctx.lineJoin = "round";
  ctx.strokeStyle = view.color("halo");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = view.color(color);
  ctx.fillText(text, x, y);
}

function Landscape(ctx, mark, view) {
  const [rows, columns] = mark.values.shape;
  const values = mark.values.values;
  let low = Infinity, high = -Infinity;
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  const px = (c) => view.x(mark.x[0] + ((c - 0.5) / (columns - 1)) * (mark.x[1] - mark.x[0]));
  const py = (r) => view.y(mark.y[0] + ((r - 0.5) / (rows - 1)) * (mark.y[1] - mark.y[0]));
  const n = mark.levels;
  const thresholds = Array.from({ length: n }, (_, k) => low + (high - low) * ((k + 1) / (n + 1)) ** 2);
  ctx.fillStyle = view.mix("land-low", "land-high", 0);
  ctx.fillRect(0, 0, view.width, view.height);
  const generator = contours().size([columns, rows]).smooth(true);
  thresholds.forEach((threshold, k) => {
    ctx.beginPath();
    for (const polygon of generator.contour(values, threshold).coordinates) {
      for (const ring of polygon) {
        ring.forEach(([c, r], i) => (i ? ctx.lineTo(px(c), py(r)) : ctx.moveTo(px(c), py(r))));
        ctx.closePath();
      }
    }
    ctx.fillStyle = view.mix("land-low", "land-high", (k + 1) / n);
    ctx.fill("evenodd");
    ctx.strokeStyle = view.color("land-line");
    ctx.lineWidth = 0.75;
    ctx.stroke();
  });
}

function Lines(ctx, mark, view) {
  const { values, shape: [count, n] } = pick(mark.points, 3, view.frame);
  if (mark.reveal === "round" && view.frame === 0 && isFramed(mark.points, 3)) return;
  const grow = mark.reveal === "round" ? outward(view.u) : 1;
  ctx.globalAlpha = mark.opacity;
  for (let k = 0; k < count; k++) {
    let path = [];
    for (let j = 0; j < n; j++) {
      path.push([view.x(values[2 * (k * n + j)]), view.y(values[2 * (k * n + j) + 1])]);
    }
    if (mark.reveal === "trail") path = partial(path, view.frame - 1 + inward(view.u));
    if (grow < 1) path = partial(path, grow * (n - 1));
    const color = view.color(colorOf(mark, k));
    strokePath(ctx, path, color, mark);
    if (mark.dots) {
      ctx.fillStyle = color;
      for (const [x, y] of path) {
        if (!Number.isFinite(x + y)) continue;
        ctx.beginPath();
        ctx.arc(x, y, mark.dots, 0, 7);
        ctx.fill();
      }
    }
    const last = path.findLast((p) => Number.isFinite(p[0] + p[1]));
    if (mark.labels?.[k] && last) {
      const right = last[0] > view.width * 0.7;
      label(ctx, view, mark.labels?.[k], last[0] + (right ? 0 : 6), Math.max(last[1] - 10, 7), {
        align: right ? "right" : "left",
        color: colorOf(mark, k),
      });
    }
  }
  ctx.globalAlpha = 1;
}

function partial(path, length) {
  const whole = Math.max(0, Math.floor(length));
  const kept = path.slice(0, whole + 1);
  const rest = length - whole;
  if (rest > 0 && whole + 1 < path.length) {
    const [a, b] = [path[whole], path[whole + 1]];
    kept.push([a[0] + rest * (b[0] - a[0]), a[1] + rest * (b[1] - a[1])]);
  }
  return kept;
}

const SHAPES = {
  dot(ctx, x, y, r, color) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 7);
    ctx.fillStyle = color;
    ctx.fill();
  },
  triangle(ctx, x, y, r, color) {
    ctx.beginPath();
    ctx.moveTo(x, y - 1.3 * r); ctx.lineTo(x + 1.2 * r, y + 0.8 * r); ctx.lineTo(x - 1.2 * r, y + 0.8 * r);
    ctx.closePath();
    ctx.fillStyle = color;
    ctx.fill();
  },
  ring(ctx, x, y, r, color) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 7);
    ctx.setLineDash([3, 2.5]);
    ctx.lineWidth = 2;
    ctx.strokeStyle = color;
    ctx.stroke();
    ctx.setLineDash([]);
  },
  cross(ctx, x, y, r, color) {
    ctx.beginPath();
    ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r);
    ctx.lineWidth = 3;
    ctx.lineCap = "butt";
    ctx.strokeStyle = color;
    ctx.stroke();
  },
  badge(ctx, x, y, r, color, view) {
    ctx.beginPath();
    ctx.arc(x, y, r, 0, 7);
    ctx.fillStyle = view.color("halo");
    ctx.fill();
    ctx.globalAlpha *= 0.28;
    ctx.fillStyle = color;
    ctx.fill();
    ctx.globalAlpha = view.alpha;
    ctx.lineWidth = 2;
    ctx.strokeStyle = color;
    ctx.stroke();
  },
};

function Points(ctx, mark, view) {
  const { values, shape: [count] } = positions(mark, view);
  const dim = mark.dim && pick(mark.dim, 1, view.frame).values;
  for (let i = 0; i < count; i++) {
    let x = view.x(values[2 * i]), y = view.y(values[2 * i + 1]);
    if (Number.isNaN(x + y)) continue;
    const name = colorOf(mark, i), r = radiusOf(mark, i);
    if (mark.edge && (x < 0 || y < 0 || x > view.width || y > view.height)) {
      offMap(ctx, view, x, y, name, mark.edge);
      continue;
    }
    view.alpha = ctx.globalAlpha = dim && dim[i] ? 0.35 : 1;
    SHAPES[mark.shape](ctx, x, y, r, view.color(name), view);
    if (mark.rim) { // around the path that the shape has left
      ctx.strokeStyle = view.color(mark.rim);
      ctx.lineWidth = 1.5;
      ctx.stroke();
    }
    const text = mark.labels?.[i];
    if (text && mark.shape === "badge") {
      label(ctx, view, text, x, y + 0.5, { align: "center", size: Math.min(13, r + 2), bold: true });
    } else if (text) {
      const right = x > view.width - 16 - 7 * text.length;
      label(ctx, view, text, x + (right ? -r - 6 : r + 6), y, { align: right ? "right" : "left" });
    }
    const note = mark.notes?.[i];
    if (note) {
      const right = x > view.width - r - 9 - 7 * note.length;
      label(ctx, view, note, x + (right ? -r - 5 : r + 5), y + 0.5, { align: right ? "right" : "left" });
    }
    ctx.globalAlpha = 1;
  }
}

// Where the way from inside the chart to (x1, y1) crosses its border; (x1, y1) if it does not.
export function leaving([x0, y0], [x1, y1], width, height) {
  const at = (from, to, size) => (to > size ? (size - from) / (to - from) : to < 0 ? from / (from - to) : 1);
  const t = Math.max(0, Math.min(at(x0, x1, width), at(y0, y1, height)));
  return t < 1 ? [x0 + t * (x1 - x0), y0 + t * (y1 - y0)] : [x1, y1];
}

function offMap(ctx, view, x, y, name, text, turned) {
  const pad = 12;
  const cx = Math.min(Math.max(x, pad), view.width - pad);
  const cy = Math.min(Math.max(y, pad), view.height - pad);
  const angle = turned ?? Math.atan2(y - cy, x - cx);
  ctx.save();
  ctx.translate(cx, cy);
  ctx.rotate(Number.isFinite(angle) ? angle : 0);
  ctx.beginPath();
  ctx.moveTo(9, 0); ctx.lineTo(-6, -7); ctx.lineTo(-6, 7);
  ctx.closePath();
  ctx.fillStyle = view.color(name);
  ctx.fill();
  ctx.restore();
  const right = cx > view.width / 2;
  label(ctx, view, text, cx + (right ? -14 : 14), cy, { align: right ? "right" : "left", color: name, bold: true });
}

function Arrows(ctx, mark, view) {
  const tails = pick(mark.tails, 2, view.frame).values;
  const heads = pick(mark.heads, 2, view.frame).values;
  ctx.globalAlpha = mark.opacity;
  for (let i = 0; 2 * i < heads.length; i++) {
    const [x0, y0] = [view.x(tails[2 * i]), view.y(tails[2 * i + 1])];
    const [x1, y1] = [view.x(heads[2 * i]), view.y(heads[2 * i + 1])];
    if (!Number.isFinite(x0 + y0 + x1 + y1)) continue;
    const color = view.color(colorOf(mark, i));
    const length = Math.hypot(x1 - x0, y1 - y0);
    const head = Math.min(6 + 2 * mark.width, length * 0.6);
    const [ux, uy] = length ? [(x1 - x0) / length, (y1 - y0) / length] : [0, 0];
    strokePath(ctx, [[x0, y0], [x1 - ux * head * 0.8, y1 - uy * head * 0.8]], color, mark);
    ctx.beginPath();
    ctx.moveTo(x1, y1);
    ctx.lineTo(x1 - head * ux - head * 0.45 * uy, y1 - head * uy + head * 0.45 * ux);
    ctx.lineTo(x1 - head * ux + head * 0.45 * uy, y1 - head * uy - head * 0.45 * ux);
    ctx.closePath();
    ctx.fillStyle = color;
    ctx.fill();
    if (mark.edge && (x1 < 0 || y1 < 0 || x1 > view.width || y1 > view.height)) {
      const [x, y] = leaving([x0, y0], [x1, y1], view.width, view.height);
      offMap(ctx, view, x - 9 * ux, y - 9 * uy, colorOf(mark, i), mark.labels?.[i] ?? mark.edge, Math.atan2(uy, ux));
    } else if (mark.labels?.[i]) {
      const text = mark.labels[i], half = 4 + 3 * text.length; // beyond the head, inside the chart
      const [dx, dy] = length ? [ux, uy] : [-0.7, -0.7];
      const wanted = x1 + dx * (half + 5), x = Math.min(Math.max(wanted, half), view.width - half);
      const aside = x === wanted ? 0 : -14;
      const y = Math.min(Math.max(y1 + dy * 14 + aside, 9), view.height - 9);
      label(ctx, view, text, x, y, { align: "center", color: colorOf(mark, i), bold: true });
    }
  }
  ctx.globalAlpha = 1;
}

function Ticks(ctx, mark, view) {
  const y = view.y(mark.y);
  ctx.strokeStyle = view.color(mark.color);
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const value of mark.x.values) {
    const x = Math.round(view.x(value)) + 0.5;
    if (x < 0 || x > view.width) continue;
    ctx.moveTo(x, y - mark.size / 2);
    ctx.lineTo(x, y + mark.size / 2);
  }
  ctx.stroke();
}

function Bands(ctx, mark, view) {
  const { values, shape: [count] } = pick(mark.boxes, 2, view.frame);
  ctx.globalAlpha = mark.opacity;
  for (let i = 0; i < count; i++) {
    const [x0, y0, x1, y1] = values.subarray(4 * i, 4 * i + 4);
    const [left, top, right, bottom] = [view.x(x0), view.y(y1), view.x(x1), view.y(y0)];
    ctx.fillStyle = view.color(colorOf(mark, i));
    ctx.beginPath();
    ctx.roundRect(left, top, right - left, bottom - top, mark.radius);
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

function Areas(ctx, mark, view) {
  const { values, shape: [count, n] } = pick(mark.edges, 3, view.frame);
  ctx.globalAlpha = mark.opacity;
  for (let k = 0; k < count; k++) {
    const rows = Array.from({ length: n }, (_, j) => values.subarray(3 * (k * n + j), 3 * (k * n + j) + 3));
    ctx.beginPath();
    area().x((r) => view.x(r[0])).y0((r) => view.y(r[1])).y1((r) => view.y(r[2]))
      .defined((r) => r.every(Number.isFinite)).context(ctx)(rows);
    ctx.fillStyle = view.color(colorOf(mark, k));
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

const [ABSENT, IDLE, OUT, RETURN, SWAP, CUT] = [0, 1, 2, 3, 4, 5]; // as in scene.py

function Links(ctx, mark, view) {
  const flow = pick(mark.flow, 1, view.frame).values;
  for (let i = 0; i < flow.length; i++) {
    const [x0, y0, x1, y1] = mark.ends.values.subarray(4 * i, 4 * i + 4);
    const tail = [view.x(x0), view.y(y0)], head = [view.x(x1), view.y(y1)];
    const kind = Math.abs(flow[i]), color = view.color(kind === CUT ? "error" : kind > IDLE ? colorOf(mark, i) : "edge");
    const style = { width: [1, 1.5, 3, 3, 3, 1.5][kind], dash: flow[i] < 0 || kind === CUT };
    ctx.globalAlpha = kind === ABSENT ? 0.3 : 1;
    strokePath(ctx, [tail, head], color, style);
    ctx.globalAlpha = 1;
    const at = (t) => [tail[0] + t * (head[0] - tail[0]), tail[1] + t * (head[1] - tail[1])];
    if (kind === CUT) SHAPES.cross(ctx, ...at(0.5), 6, color);
    const arrows = { [OUT]: [[0.55, 1]], [RETURN]: [[0.7, 1], [0.5, -1]] }[kind] ?? [];
    for (const [t, way] of arrows) arrowhead(ctx, at(t), Math.atan2(way * (head[1] - tail[1]), way * (head[0] - tail[0])), color);
    if (view.u >= 1 || kind <= IDLE || kind === CUT) continue;
    const travellers = { [OUT]: [view.u], [RETURN]: [view.u < 0.5 ? 2 * view.u : 2 - 2 * view.u], [SWAP]: [view.u, 1 - view.u] }[kind];
    for (const t of travellers) {
      SHAPES.dot(ctx, ...at(t), 8, view.color("halo"));
      SHAPES.dot(ctx, ...at(t), 6, color);
    }
  }
}

function arrowhead(ctx, [x, y], angle, color) {
  const point = (r, turn) => [x + r * Math.cos(angle + turn), y + r * Math.sin(angle + turn)];
  ctx.beginPath();
  ctx.moveTo(...point(7, 0)); ctx.lineTo(...point(8, 2.4)); ctx.lineTo(...point(8, -2.4));
  ctx.closePath();
  ctx.fillStyle = color;
  ctx.fill();
}

const SHADES = 255; // as many as a Raster's values have on the wire; the next is none
const tile = document.createElement("canvas"); // one picture, a dot a square

// The colours of a Raster, from low to high, as [r, g, b].
function shades(names, view) {
  const stops = names.map((name) => view.mix(name, name, 0).match(/\d+/g).map(Number));
  return Array.from({ length: SHADES }, (_, k) => {
    const at = (k / (SHADES - 1)) * (stops.length - 1), j = Math.min(Math.floor(at), stops.length - 2);
    return stops[j].map((from, c) => Math.round(from + (at - j) * (stops[j + 1][c] - from)));
  });
}

// The values of a Raster at this moment; those that glide are on their way from the frame before.
function shaded(mark, view) {
  const now = pick(mark.values, 3, view.frame);
  if (!mark.glide || view.u >= 1 || view.frame === 0 || !isFramed(mark.values, 3)) return now;
  const before = pick(mark.values, 3, view.frame - 1).values;
  const values = now.values.map((v, k) => (v < SHADES && before[k] < SHADES ? Math.round(before[k] + view.u * (v - before[k])) : v));
  return { values, shape: now.shape };
}

function Raster(ctx, mark, view) {
  const { values, shape: [count, rows, columns] } = shaded(mark, view);
  const palette = shades(mark.colors, view);
  [tile.width, tile.height] = [columns, rows];
  const dots = tile.getContext("2d"), image = dots.createImageData(columns, rows);
  ctx.imageSmoothingEnabled = !!mark.smooth;
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < rows * columns; k++) {
      const value = values[i * rows * columns + k];
      const [r, g, b] = palette[value] ?? palette[0];
      image.data.set([r, g, b, value < SHADES ? 255 : 0], 4 * k);
    }
    dots.putImageData(image, 0, 0);
    const [x0, y0, x1, y1] = mark.boxes.values.subarray(4 * i, 4 * i + 4);
    const [left, top, right, bottom] = [view.x(x0), view.y(y0), view.x(x1), view.y(y1)];
    ctx.save();
    ctx.translate(left, top);
    ctx.scale(Math.sign(right - left), Math.sign(bottom - top));
    ctx.drawImage(tile, 0, 0, Math.abs(right - left), Math.abs(bottom - top));
    ctx.restore();
  }
}

function Segments(ctx, mark, view) {
  const { values, shape: [rows, count] } = pick(mark.parts, 2, view.frame);
  for (let r = 0; r < rows; r++) {
    let from = 0;
    const y0 = view.y(r + 0.36), y1 = view.y(r - 0.36);
    for (let k = 0; k < count; k++) {
      const to = from + values[r * count + k];
      const [x0, x1] = [view.x(from), view.x(to)];
      const part = [x0 + 1, Math.min(y0, y1), Math.max(0, x1 - x0 - 2), Math.abs(y1 - y0)];
      ctx.fillStyle = view.color("card");
      ctx.fillRect(...part);
      ctx.fillStyle = ctx.strokeStyle = view.color(mark.colors[k]);
      ctx.lineWidth = 1.5;
      ctx.globalAlpha = 0.28;
      ctx.fillRect(...part);
      ctx.globalAlpha = 1;
      if (x1 - x0 > 0.5) ctx.strokeRect(...part);
      if (mark.labels?.[k] && x1 - x0 > 18) {
        label(ctx, view, mark.labels?.[k], (x0 + x1) / 2, (y0 + y1) / 2, { align: "center", size: 11, bold: true });
      }
      from = to;
    }
  }
}

function Texts(ctx, mark, view) {
  const { values } = pick(mark.points, 2, view.frame);
  const align = { start: "left", middle: "center", end: "right" }[mark.align];
  const which = mark.shown && pick(mark.shown, 1, view.frame).values;
  for (let i = 0; 2 * i < values.length; i++) {
    const text = mark.texts[which ? which[i] : i];
    if (!text) continue;
    label(ctx, view, text, view.x(values[2 * i]), view.y(values[2 * i + 1]), {
      align, color: mark.color, size: mark.size, bold: mark.bold,
    });
  }
}

// The width and height of a Boxes mark's boxes in pixels.
export const boxSize = (mark, view) =>
  [Math.abs(view.x(mark.size[0]) - view.x(0)), Math.abs(view.y(mark.size[1]) - view.y(0))];

function Boxes(ctx, mark, view) {
  const { values, shape: [count] } = pick(mark.points, 2, view.frame);
  const [w, h] = boxSize(mark, view);
  const frame = Math.min(view.frame, mark.lines.length - 1);
  const rows = 1 + Math.max(...mark.lines[frame].map((lines) => lines.length));
  const leading = Math.min(23, (h - 10) / rows);
  const size = Math.min(view.width < 480 ? 13 : 15, leading - 4);
  const pad = Math.min(12, w * 0.07);
  for (let i = 0; i < count; i++) {
    const x = view.x(values[2 * i]) - w / 2, y = view.y(values[2 * i + 1]) - h / 2;
    const tone = mark.tones[frame][i], off = tone === "off";
    ctx.beginPath();
    ctx.roundRect(x, y, w, h, 10);
    ctx.fillStyle = view.color(off ? "paper" : tone === "active" ? "accent-soft" : "card");
    ctx.fill();
    ctx.lineWidth = tone === "active" ? 3 : 1.5;
    ctx.setLineDash(off ? [5, 4] : []);
    ctx.strokeStyle = view.color(off ? "edge" : colorOf(mark, i));
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillStyle = view.color(off ? "soft" : "text");
    const top = y + (h - rows * leading) / 2;
    [mark.titles[i], ...mark.lines[frame][i]].forEach((text, k) => {
      ctx.font = `${k ? 400 : 600} ${size}px ${view.font}`;
      ctx.fillText(text, x + pad, top + (k + 0.5) * leading, w - 2 * pad);
    });
  }
}

export const PAINT = { Landscape, Raster, Bands, Areas, Links, Lines, Points, Arrows, Ticks, Segments, Texts, Boxes };
