// A quiz: native radio buttons, so that keyboard and screen reader work by themselves.
// Everything is here; Python only hears of right answers, to keep the learner's progress.

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Texts come from the chapter's own file, formulas as MathML.
function rich(name, attributes, markup) {
  const element = make(name, attributes);
  element.innerHTML = markup;
  return element;
}

// Light text on what lies behind means a dark page.
function isDark(element) {
  const [r, g, b] = (getComputedStyle(element).color.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b > 140;
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

function question(model, page, item, index, changed) {
  const name = `${page.id}-${index}`;
  const status = make("p", { class: "fl-status", role: "status", "aria-live": "polite" });
  const rows = item.options.map((option, k) => {
    const input = make("input", { type: "radio", name, value: k });
    const why = rich("div", { class: "fl-why", id: `${name}-${k}`, hidden: "" }, option.why);
    const label = make("label", {}, input, rich("span", {}, option.says));
    return { option, input, why, row: make("div", { class: "fl-option" }, label, why) };
  });
  const check = make("button", { type: "submit" }, page.text.check);
  const legend = rich("legend", {}, item.asks);
  legend.prepend(make("b", {}, `${index + 1}. `));
  const box = make("fieldset", {}, legend, ...rows.map((row) => row.row), check, status);
  const form = make("form", { "aria-label": item.name }, box);

  function reveal({ option, input, why, row }) {
    row.dataset.right = option.right;
    why.hidden = false;
    if (why.firstChild?.className !== "fl-mark") {
      const word = option.right ? page.text.is_right : page.text.is_wrong;
      const mark = make("span", { class: "fl-mark", role: "img", "aria-label": word });
      mark.textContent = option.right ? "✓ " : "✗ ";
      why.prepend(mark);
    }
    input.setAttribute("aria-describedby", why.id);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = rows.find((row) => row.input.checked);
    if (!chosen) {
      status.textContent = page.text.choose;
      return;
    }
    reveal(chosen);
    const why = chosen.why.cloneNode(true);
    why.querySelector(".fl-mark")?.remove();
    const verdict = chosen.option.right ? page.text.right : page.text.try_again;
    const heard = make("span", { class: "fl-heard" }, ` ${why.textContent}`);
    status.replaceChildren(verdict, heard);
    status.dataset.right = chosen.option.right;
    if (chosen.option.right) {
      rows.forEach(reveal);
      item.done = true;
      model.send({ kind: "answered", question: index, option: rows.indexOf(chosen) });
      changed();
    }
  });
  if (item.done) {
    rows.find((row) => row.option.right).input.checked = true;
    rows.forEach(reveal);
  }
  return form;
}

function render({ model, el }) {
  const page = structuredClone(model.get("page"));
  const score = make("p", { class: "fl-score", role: "status" });
  const total = page.questions.length;
  function changed() {
    const n = page.questions.filter((item) => item.done).length;
    score.textContent = fill(page.text[n === total ? "all_right" : "score"], { n, all: total });
  }
  const root = make("section", {
    class: "fl-quiz",
    lang: page.lang,
    "aria-label": page.text.quiz,
    "data-lm-suppress-shortcuts": "true",
  });
  page.questions.forEach((item, k) => root.append(question(model, page, item, k, changed)));
  root.append(score);
  el.append(root);
  changed();
  const theme = () => root.classList.toggle("fl-dark", isDark(el));
  const observer = new MutationObserver(theme);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, { attributes: true });
  }
  requestAnimationFrame(theme);
  return () => observer.disconnect();
}

export default { render };
