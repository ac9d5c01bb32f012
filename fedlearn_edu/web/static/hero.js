// The living picture: federated averaging on five quadratic participants, computed as it is shown.
//
// Participant i holds the loss ½ (θ − cᵢ)ᵀ H (θ − cᵢ).  Each round it takes the shared θ and walks
// STEPS gradient steps of size ALPHA; the average of where the five end up is the next θ.  They
// share the curvature H, so what they settle on is exactly the optimum of their common loss: the
// mean of the cᵢ.
(() => {
  const W = 500;
  const H = 340;
  const UNIT = 50; // picture units in one unit of θ
  const ALPHA = 0.16;
  const STEPS = 5;
  const CURVATURE = [1, 0.45];
  const TURN = -0.45;
  const OUT = 750;
  const IN = 450;
  const REST = 150;
  const HOLD = 2200;
  const LEVELS = [0.06, 0.25, 0.6, 1.1, 1.8, 2.7, 3.9, 5.4, 7.2, 9.4, 12];
  const STARTS = [[0.7, 0.8], [9.3, 6.1], [9.2, 0.7], [0.7, 6.1]];
  const HOMES = [[2.3, 2.2], [7.4, 1.4], [8.6, 4.3], [5.1, 5.9], [2.9, 4.7]];
  const REACH = [0.45, 0.45, W / UNIT - 0.45, H / UNIT - 0.45];

  const hero = document.getElementById("hero");
  const field = hero.querySelector(".field");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const [cos, sin] = [Math.cos(TURN), Math.sin(TURN)];
  const [a, b] = CURVATURE;
  const M = [a * cos * cos + b * sin * sin, (a - b) * cos * sin, a * sin * sin + b * cos * cos];

  // -- the mathematics ---------------------------------------------------------------------------

  const homes = HOMES.map((home) => [...home]);
  const mean = (points) => [0, 1].map((k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
  const distance = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]);

  function gradient(theta, home) {
    const [x, y] = [theta[0] - home[0], theta[1] - home[1]];
    return [M[0] * x + M[1] * y, M[1] * x + M[2] * y];
  }

  function walk(theta, home) {
    const path = [theta];
    for (let step = 0; step < STEPS; step++) {
      const [x, y] = path[step];
      const g = gradient(path[step], home);
      path.push([x - ALPHA * g[0], y - ALPHA * g[1]]);
    }
    return path;
  }

  const round = (theta) => {
    const paths = homes.map((home) => walk(theta, home));
    return { paths, next: mean(paths.map((path) => path[STEPS])) };
  };

  // -- the picture -------------------------------------------------------------------------------

  const SVG = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${W} ${H}`);
  svg.setAttribute("aria-hidden", "true");
  field.append(svg);

  function draw(name, attributes = {}, parent = svg) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    parent.append(node);
    return node;
  }

  const land = draw("g", { class: "land" });
  for (const level of [...LEVELS].reverse()) {
    const [rx, ry] = CURVATURE.map((h) => UNIT * Math.sqrt((2 * level) / h));
    draw("ellipse", { rx, ry, transform: `rotate(${(TURN * 180) / Math.PI})` }, land);
  }
  const best = draw("path", { class: "best", d: "M-7 -7 7 7M-7 7 7 -7" });
  const locals = homes.map((_, i) => draw("path", { class: "local", stroke: `var(--p${i + 1})` }));
  const ends = homes.map((_, i) => draw("circle", { r: 4.5, fill: `var(--p${i + 1})` }));
  const trail = draw("path", { class: "trail" });
  const stops = draw("path", { class: "stop" });
  const start = draw("text", { "text-anchor": "middle" });
  start.textContent = hero.dataset.start;
  const model = draw("circle", { class: "model", r: 8.5 });

  const at = (p) => `${(p[0] * UNIT).toFixed(1)} ${(p[1] * UNIT).toFixed(1)}`;
  const line = (points) => (points.length ? "M" + points.map(at).join("L") : "");
  const dot = (p) => `M${at(p)}m-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0 -7.2 0`;
  const place = (node, p) => node.setAttribute("transform", `translate(${at(p)})`);
  const mix = (p, q, t) => [p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t];
  const ease = (t) => t * t * (3 - 2 * t);

  // The first part of a path, up to a fraction of its steps.
  function part(path, fraction) {
    const reach = Math.min(fraction, 1) * (path.length - 1);
    const whole = Math.floor(reach);
    const points = path.slice(0, whole + 1);
    if (whole < path.length - 1) points.push(mix(path[whole], path[whole + 1], reach - whole));
    return points;
  }

  const people = homes.map((_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "who";
    button.textContent = i + 1;
    button.style.setProperty("--ink", `var(--p${i + 1})`);
    button.setAttribute("aria-label", hero.dataset.participant.replace("{n}", i + 1));
    field.append(button);
    return button;
  });

  // -- what is going on --------------------------------------------------------------------------

  let begun = 0; // which start
  let history; // every θ so far
  let now; // the round on its way
  let clock; // milliseconds into it
  let shown = { round: null, distance: null };

  function begin() {
    history = [STARTS[begun++ % STARTS.length]];
    now = round(history[0]);
    clock = 0;
  }

  const theta = () => history[history.length - 1];
  const optimum = () => mean(homes);
  const settled = () => distance(theta(), optimum()) < 0.02;

  function tick(elapsed) {
    clock += elapsed;
    if (settled()) {
      if (clock > HOLD) begin();
    } else if (clock > OUT + IN + REST) {
      history.push(now.next);
      if (history.length > 60) history.shift();
      now = round(theta());
      clock = 0;
    }
  }

  function setText(name, text) {
    if (shown[name] !== text) hero.querySelector(`[data-${name}]`).textContent = shown[name] = text;
  }

  function paint() {
    const goal = optimum();
    const out = settled() ? 0 : ease(Math.min(clock / OUT, 1));
    const back = ease(Math.min(Math.max((clock - OUT) / IN, 0), 1));
    const here = settled() ? theta() : mix(theta(), now.next, back);
    place(land, goal);
    place(best, goal);
    now.paths.forEach((path, i) => {
      const points = part(path, out);
      const end = mix(points[points.length - 1], now.next, back);
      locals[i].setAttribute("d", line(points));
      locals[i].setAttribute("opacity", settled() ? 0 : 1 - 0.75 * back);
      place(ends[i], end);
      ends[i].setAttribute("opacity", settled() ? 0 : 1);
    });
    trail.setAttribute("d", line([...history, here]));
    stops.setAttribute("d", history.map(dot).join(""));
    place(model, here);
    place(start, [history[0][0], history[0][1] - 0.3]);
    setText("round", String(history.length - 1 + (back >= 1 && !settled() ? 1 : 0)));
    setText("distance", distance(here, goal).toFixed(2));
    people.forEach((button, i) => {
      button.style.left = `${(100 * homes[i][0] * UNIT) / W}%`;
      button.style.top = `${(100 * homes[i][1] * UNIT) / H}%`;
    });
  }

  // Without motion: the first round's walks and the whole way, at once.
  function paintStill() {
    begun = 0;
    begin();
    const first = now;
    while (!settled() && history.length < 60) history.push(round(theta()).next);
    paint();
    first.paths.forEach((path, i) => {
      locals[i].setAttribute("d", line(path));
      locals[i].setAttribute("opacity", 1);
      ends[i].setAttribute("opacity", 1);
      place(ends[i], path[STEPS]);
    });
  }

  // -- running -----------------------------------------------------------------------------------

  const run = hero.querySelector("[data-run]");
  let wanted = !still.matches;
  let visible = true;
  let frame = 0;
  let last = 0;

  function step(time) {
    frame = 0;
    tick(Math.min(time - last, 100));
    last = time;
    paint();
    schedule();
  }

  function schedule() {
    if (frame || !wanted || !visible || document.hidden) return;
    frame = requestAnimationFrame(step);
  }

  function resume() {
    run.dataset.running = wanted;
    const label = wanted ? hero.dataset.pause : hero.dataset.play;
    run.setAttribute("aria-label", label);
    run.title = label;
    last = performance.now();
    schedule();
  }

  function redraw() {
    now = round(theta());
    if (still.matches && !wanted) paintStill();
    else paint();
  }

  run.addEventListener("click", () => {
    wanted = !wanted;
    if (wanted && still.matches) begin();
    resume();
  });
  hero.querySelector("[data-again]").addEventListener("click", () => {
    HOMES.forEach((home, i) => (homes[i] = [...home]));
    begin();
    redraw();
    resume();
  });
  document.addEventListener("visibilitychange", resume);
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    resume();
  }).observe(field);

  // -- hands -------------------------------------------------------------------------------------

  function move(i, x, y) {
    const [left, top, right, bottom] = REACH;
    homes[i] = [Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
    if (settled()) clock = HOLD; // nothing to wait for
    redraw();
  }

  people.forEach((button, i) => {
    let held = null;
    button.addEventListener("pointerdown", (event) => {
      const box = field.getBoundingClientRect();
      const scale = W / UNIT / box.width;
      held = [homes[i][0] - event.clientX * scale, homes[i][1] - event.clientY * scale, scale];
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (held) move(i, held[0] + event.clientX * held[2], held[1] + event.clientY * held[2]);
    });
    for (const end of ["pointerup", "pointercancel"]) {
      button.addEventListener(end, () => (held = null));
    }
    button.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? 0.6 : 0.15;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const to = way[event.key];
      if (!to) return;
      event.preventDefault();
      move(i, homes[i][0] + by * to[0], homes[i][1] + by * to[1]);
    });
  });

  begin();
  if (still.matches) paintStill();
  else paint();
  resume();
})();
