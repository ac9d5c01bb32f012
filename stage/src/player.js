// Rounds in time: play, pause, step, scrub, at the display's rate and without the kernel.

import { h, setAttributes, setHidden, setText } from "./dom.js";

const ROUND_MS = 600;
const STEP_MS = 1000; // a named step moves for so long …
const DWELL = 2.6; // … and, where several are played, stays: a step takes so many times longer
const SPEEDS = [1, 4, 16];

export class Player {
  constructor(onMoment, onRest) {
    Object.assign(this, { onMoment, onRest, frames: 1, position: 0, wanted: null, speed: 1, playing: false });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.playButton = h("button.fl-play", { type: "button", onclick: () => this.toggle() });
    this.backButton = h("button.fl-icon", { type: "button", onclick: () => this.step(-1) }, "‹");
    this.nextButton = h("button.fl-icon.fl-next", { type: "button", onclick: () => this.step(1) }, "›");
    this.range = h("input.fl-range", { type: "range", min: 0, step: 1, oninput: () => this.go(+this.range.value) });
    this.said = h("span.fl-round");
    this.speedButton = h("button.fl-icon", { type: "button", onclick: () => this.faster() });
    this.node = h("div.fl-player", {}, this.playButton, this.backButton, this.nextButton, this.range, this.said, this.speedButton);
  }

  words(text) {
    this.text = text;
    for (const [button, key] of [[this.backButton, "back"], [this.nextButton, "forward"]]) {
      button.title = text[key];
      button.setAttribute("aria-label", text[key]);
    }
    this.range.setAttribute("aria-label", text.round);
    this.show();
  }

  // While a run grows, the round that was shown comes back as soon as it is there.
  set(frames, names, more) {
    if (this.playing && this.until === this.frames - 1) this.until = frames - 1;
    this.frames = frames;
    this.names = names;
    this.node.classList.toggle("fl-steps", !!names?.length);
    setAttributes(this.range, { max: frames - 1 });
    setHidden(this.node, frames < 2);
    const wanted = this.wanted ?? this.position;
    this.position = Math.min(wanted, frames - 1);
    this.wanted = more && this.position < wanted ? wanted : null;
    this.show();
  }

  // The frame reached, and how far the motion towards it has come.
  moment() {
    const frame = Math.ceil(this.position);
    const pace = this.playing && this.dwell ? DWELL : 1;
    return [frame, frame === this.position ? 1 : Math.min(1, (this.position - frame + 1) * pace)];
  }

  show() {
    const [frame] = this.moment();
    if (!this.text) return;
    const word = this.playing ? this.text.pause : this.text.play;
    setText(this.playButton, this.playing ? "❚❚" : "▶");
    setAttributes(this.playButton, { title: word, "aria-label": word });
    setText(this.speedButton, `${this.speed}×`);
    setAttributes(this.speedButton, { title: this.text.speed, "aria-label": `${this.text.speed} ${this.speed}×` });
    this.range.value = frame;
    this.range.style.setProperty("--fill", `${(100 * frame) / Math.max(1, this.frames - 1)}%`);
    const name = this.names?.[frame];
    const pattern = this.names?.length ? this.text.step_of : this.text.round_of;
    const text = pattern.replace("{n}", frame).replace("{all}", this.frames - 1);
    const next = this.names?.[frame + 1];
    setText(this.nextButton, next ? `${next} ›` : "›");
    setAttributes(this.nextButton, { "aria-label": next || this.text.forward });
    this.nextButton.disabled = !!this.names?.length && !next;
    setText(this.said, name ? `${text} · ${name}` : text);
    setAttributes(this.range, { "aria-valuetext": this.said.textContent });
  }

  go(position, rest = true) {
    this.stop(false);
    this.wanted = null;
    this.position = Math.min(Math.max(position, 0), this.frames - 1);
    this.emit();
    if (rest) this.onRest();
  }

  emit() {
    this.show();
    this.onMoment(...this.moment());
  }

  step(by) {
    const at = by > 0 ? Math.ceil(this.position) : Math.round(this.position);
    if (by > 0 && !this.still.matches && at < this.frames - 1) {
      this.position = at;
      this.run(at + 1);
    } else {
      this.go(at + by);
    }
  }

  toggle() {
    if (this.playing) return this.stop();
    if (this.position >= this.frames - 1) this.position = 0;
    this.run(this.frames - 1);
  }

  faster() {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length];
    this.show();
  }

  run(until) {
    cancelAnimationFrame(this.timer);
    this.playing = true;
    this.wanted = null;
    this.until = until;
    this.dwell = !!this.names?.length && until - this.position > 1;
    const duration = !this.names?.length ? ROUND_MS : STEP_MS * (this.dwell ? DWELL : 1);
    let last = performance.now();
    const tick = (now) => {
      const passed = Math.min(1000, Math.max(0, now - last));
      last = now;
      const before = Math.floor(this.position);
      let next = this.position + (passed * this.speed) / duration;
      if (this.still.matches) next = Math.floor(next) > before ? Math.floor(next) : next;
      this.position = Math.min(next, this.until);
      if (this.position >= this.until) this.playing = false;
      this.show();
      if (!this.still.matches) this.onMoment(...this.moment());
      else if (Math.floor(this.position) > before) this.onMoment(Math.floor(this.position), 1);
      if (this.playing) this.timer = requestAnimationFrame(tick);
      else this.onRest();
    };
    this.timer = requestAnimationFrame(tick);
    this.show();
  }

  stop(rest = true) {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.timer);
    this.position = Math.round(this.position);
    this.emit();
    if (rest) this.onRest();
  }

  key(event) {
    const act = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.step(-1),
      ArrowRight: () => this.step(1),
      Home: () => this.go(0),
      End: () => this.go(this.frames - 1),
    }[event.key];
    if (!act || this.frames < 2) return false;
    act();
    return true;
  }
}
