// Arrays as they cross the wire: {"$": [offset, shape]} into one block of float32; with "bytes"
// its shades, 0 to 254, and 255 for none.

export function unpack(spec, view) {
  const floats = new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const bytes = new Uint8Array(floats.buffer);
  const walk = (value) => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== "object") return value;
    if (value.$) {
      const [offset, shape] = value.$;
      const size = shape.reduce((a, b) => a * b, 1);
      const values = value.bytes ? new Uint8Array(floats.buffer, 4 * offset, size) : floats.subarray(offset, offset + size);
      return { values, shape, at: value.at };
    }
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v)]));
  };
  return walk(spec);
}

// One frame of an array that has `plain` axes without frames.
export function pick(array, plain, frame) {
  if (array.shape.length <= plain) return array;
  const [count, ...shape] = array.shape;
  const size = shape.reduce((a, b) => a * b, 1);
  const index = array.at === undefined ? Math.min(Math.max(frame, 0), count - 1) : 0;
  return { values: array.values.subarray(index * size, (index + 1) * size), shape };
}

export const isFramed = (array, plain) => array.shape.length > plain && array.at === undefined;

// Texts may be one for all frames, or one a frame; "{frame}" stands for its number.
export const textAt = (text = "", frame) =>
  (Array.isArray(text) ? (text[Math.min(frame, text.length - 1)] ?? "") : text).replace("{frame}", frame);

export const MINUS = "\u2212";

export function format(value, digits = 2, signed = false) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : MINUS + "∞";
  const size = Math.abs(value) < 1e-12 ? 0 : Math.abs(value); // below: rounding of float64
  let text;
  if (size >= 1e5 || (size > 0 && size < 0.5 * 10 ** -digits && size < 1e-3)) {
    text = size.toExponential(1).replace("e+", "e").replace("e-", "e" + MINUS);
  } else {
    const whole = size < 10 ? 1 : Math.floor(Math.log10(size)) + 1;
    text = size.toFixed(Math.max(0, Math.min(digits, 5 - whole)));
  }
  const zero = Number(text.replace(MINUS, "-")) === 0;
  const sign = value < 0 && !zero ? MINUS : signed && !zero ? "+" : "";
  return sign + text;
}

const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

// A number with so many significant digits, of any size: 0.25, 65500, 4×10⁻⁹.
export function significant(value, digits = 4, signed = false) {
  if (Number.isNaN(value)) return "–";
  const sign = value < 0 ? MINUS : signed && value > 0 ? "+" : "";
  const size = Math.abs(value);
  if (!Number.isFinite(size)) return sign + "∞";
  if (size === 0) return "0";
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e").map(Number);
  if (exponent >= -4 && exponent < 6) return sign + String(Number(size.toPrecision(digits)));
  return `${sign}${mantissa}×10${[...String(exponent)].map((c) => SUPER[c]).join("")}`;
}

// A number as a learner would write it: no trailing zeros, a real minus sign.
export function plain(value, digits = 6) {
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toFixed(digits)));
  return text.replace("-", MINUS);
}

export function parse(text) {
  const cleaned = String(text).trim().replace(/[\u2212－–]/g, "-").replace("，", ",").replace(",", ".");
  return cleaned === "" ? NaN : Number(cleaned);
}
