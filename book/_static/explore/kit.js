// What the figures share: elements, a stage with boxes that can be moved, controls, plots.
"use strict";
{
const { clamp } = Explore.math;
const STEP = 1 / 64, SNAP = 1 / 256, SMALLEST = 1 / 16;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const language = (document.documentElement.lang || "en").split("-")[0];
const table = () => Explore.strings[language] ?? Explore.strings.en;

// A text of the table; one that depends on a number has a form for each plural of the language.
function t(path, values = {}) {
  let text = path.split(".").reduce((found, key) => found[key], table());
  if (typeof text !== "string") {
    const plural = new Intl.PluralRules(language).select(values.n);
    text = (values.n === 0 && text.none) || (text[plural] ?? text.other);
  }
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString("en"));
}
const list = (texts) => new Intl.ListFormat(language).format(texts);
// In text from right to left, the sign would come after its number without the mark in front of it.
const minus = () => (table().dir === "rtl" ? "\u200e−" : "−");
const num = (value, digits = 2) => value.toFixed(digits).replace("-", minus());

function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name in node && name !== "role" && name !== "style") node[name] = value;
    else node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// A picture that stretches with its box, drawn in a square of 100 by 100.
function drawing(markup, kind = "") {
  const node = el("div", { className: `ex-drawing ${kind}`, ariaHidden: "true" });
  node.innerHTML = `<svg viewBox="0 0 100 100" preserveAspectRatio="none">${markup}</svg>`;
  return node;
}

// Where boxes lie. `view` is the window of the image that is seen: [x0, y0, x1, y1].
function stage({ view = [0, 0, 1, 1], label = "", backdrop = null } = {}) {
  const [scene, marks, boxes, moving] = ["scene", "marks", "boxes", "moving"].map((name) =>
    el("div", { className: `ex-${name}` }));
  const picture = el("div", { className: "ex-picture", dir: "ltr" }, scene, marks, boxes, moving);
  const node = el("div", {}, ...(label ? [el("div", { className: "ex-title" }, label)] : []), picture);
  const sprites = new Map();
  function place(child, [a, b, c, d], parent) {
    const [x0, y0, x1, y1] = view, w = x1 - x0, h = y1 - y0;
    const sides = { left: (a - x0) / w, top: (b - y0) / h, width: (c - a) / w, height: (d - b) / h };
    for (const [side, share] of Object.entries(sides)) child.style[side] = `${100 * share}%`;
    if (child.parentNode !== parent) parent.append(child);
    return child;
  }
  const sprite = (child, box) => sprites.set(child, box) && place(child, box, scene);
  if (backdrop) sprite(backdrop, [0, 0, 1, 1]);
  return {
    node, picture, marks, boxes, moving, place, sprite,
    get view() { return view; },
    // Show another window of the scene.
    look(window) {
      view = window;
      for (const [child, box] of sprites) place(child, box, scene);
    },
    // Replace what is in a layer by boxes, each {box, kind (its CSS classes), text}.
    show: (layer, found) => layer.replaceChildren(...found.map(({ box, kind, text }) => {
      const tag = text ? [el("span", { className: "ex-tag" }, text)] : [];
      return place(el("div", { className: `ex-rect ${kind}` }, ...tag), box, layer);
    })),
  };
}

// A box that is moved by mouse, finger and keys, on one or more stages alike.
function movable(stages, { name, box, kind, sprite = "", changed }) {
  const start = box, sprites = stages.map(() => drawing(sprite));
  const handles = stages.map((on, n) => {
    const corners = ["left high", "right high", "left low", "right low"].map((place) =>
      el("i", { className: `ex-corner ${place}` }));
    const handle = el("div", {
      className: `ex-movable ${kind}`, tabIndex: n ? -1 : 0,
      role: "application", "aria-roledescription": t("box.role"),
    }, el("span", { className: "ex-tag" }, name), ...corners);
    handle.addEventListener("keydown", press);
    handle.addEventListener("pointerdown", (event) => grab(event, on, handle));
    return handle;
  });

  function set(wanted, quiet = false) {
    box = wanted;
    const [x0, y0, x1, y1] = box.map((value) => num(value));
    stages.forEach((on, n) => {
      on.sprite(sprites[n], box);
      on.place(handles[n], box, on.moving).ariaLabel = t("box.label", { name, x0, y0, x1, y1 });
    });
    if (!quiet) changed();
  }

  // The box with its left, upper, right and lower side moved, or all four: it stays in the image.
  function shift(from, dx, dy, sides) {
    const [x0, y0, x1, y1] = from, whole = sides.every(Boolean);
    if (whole) [dx, dy] = [clamp(dx, -x0, 1 - x1), clamp(dy, -y0, 1 - y1)];
    const wanted = from.map((value, n) => clamp(value + (sides[n] ? (n % 2 ? dy : dx) : 0), 0, 1));
    if (wanted[2] - wanted[0] >= SMALLEST && wanted[3] - wanted[1] >= SMALLEST) set(wanted);
  }

  function press(event) {
    const arrow = ARROWS[event.key], grow = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key] * STEP / 2;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) shift(box, arrow[0] * STEP, arrow[1] * STEP, event.shiftKey ? [0, 0, 1, 1] : [1, 1, 1, 1]);
    else if (grow) shift(box.map((value, n) => value - (n < 2 ? grow : -grow)), 0, 0, [0, 0, 0, 0]);
    else if (event.key === "Home") set(start);
    else return;
    event.preventDefault();
  }

  function grab(event, on, handle) {
    if (event.button) return;
    event.preventDefault();
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    const from = box, side = event.target.closest(".ex-corner")?.classList;
    const sides = side ? ["left", "high", "right", "low"].map((name) => side.contains(name)) : [1, 1, 1, 1];
    const frame = on.picture.getBoundingClientRect(), [x0, y0, x1, y1] = on.view;
    const snap = (share) => Math.round(share / SNAP) * SNAP;
    handle.onpointermove = (next) => shift(
      from,
      snap((next.clientX - event.clientX) / frame.width * (x1 - x0)),
      snap((next.clientY - event.clientY) / frame.height * (y1 - y0)),
      sides,
    );
    handle.onpointerup = handle.onpointercancel = () => { handle.onpointermove = null; };
  }

  set(box, true);
  return { get box() { return box; }, set, reset: () => set(start) };
}

// Controls; their labels are texts of the table. `told` says a slider's value in words.
function slider(label, [min, max, step, value], changed, told = num) {
  const input = el("input", { type: "range", min, max, step, value });
  const output = el("span", { className: "ex-value", ariaHidden: "true", dir: "auto" });
  const tell = () => { input.ariaValueText = output.textContent = told(Number(input.value)); };
  input.addEventListener("input", () => { tell(); changed(); });
  tell();
  const set = (next, most) => { input.max = most; input.value = next; tell(); };
  const node = el("label", { className: "ex-slider" }, el("span", {}, t(label)), input, output);
  return { node, set, get value() { return Number(input.value); } };
}

// One of several options; texts are those of the table, or the options themselves.
function choice(label, options, value, changed) {
  const node = el("fieldset", { className: "ex-choice" }, el("legend", {}, t(label)));
  const name = `explore-${label}`, table = label.split(".")[0];
  for (const option of options) {
    const input = el("input", { type: "radio", name, checked: option === value });
    input.addEventListener("change", () => { value = option; changed(); });
    const text = /^[a-z]/.test(option) ? t(`${table}.${option}`) : option;
    node.append(el("label", {}, input, el("span", { dir: "auto" }, text)));
  }
  return { node, get value() { return value; } };
}

const button = (label, pressed) =>
  el("button", { type: "button", className: "ex-button", onclick: pressed }, t(label));

// A plot. Its axes: {from, to, ticks, label, log}.
function plot(x, y) {
  const share = ({ from, to, log }, value) =>
    (log ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from));
  const at = (a, b) => [100 * clamp(share(x, a), 0, 1), 100 * (1 - clamp(share(y, b), 0, 1))];
  const field = el("div", { className: "ex-field", dir: "ltr" });
  const marks = el("div", { className: "ex-marks" }), curves = drawing("");
  const put = (tag, kind, text, left, top) =>
    el(tag, { className: kind, style: `left: ${left}%; top: ${top}%` }, text);
  const tick = (value) => String(value).replace("-", "−");
  field.append(
    ...x.ticks.map((value) => put("span", "ex-tick", tick(value), at(value, 0)[0], 100)),
    ...y.ticks.map((value) => put("span", "ex-tick y", tick(value), 0, at(0, value)[1])),
    curves, marks,
  );
  const node = el("div", { className: "ex-plot" }, el("div", { className: "ex-title" }, y.label), field,
    el("div", { className: "ex-axis" }, x.label ?? ""));
  return {
    node,
    path: (points) => `M${points.map((point) => at(...point).map((value) => value.toFixed(2))).join("L")}`,
    draw: (markup) => { curves.firstChild.innerHTML = markup; },
    dots: (found) => marks.replaceChildren(...found.map(({ x: a, y: b, kind, text = "" }) =>
      put("i", `ex-dot ${kind}`, text, ...at(a, b)))),
  };
}

const cells = (rows) => rows.map((row, n) => el("tr", {}, ...row.map((cell, m) =>
  cell instanceof Node ? cell : el(n && m ? "td" : "th", {}, cell))));

// The frame of a figure: its parts, and a sentence that says the result.
function frame(root, name, body, controls) {
  const say = el("p", { className: "ex-say", role: "status" });
  const note = (text) => el("p", { className: "ex-note" }, t(`${name}.${text}`));
  root.append(el("div", {
    className: `explore-live ex-${name}`, role: "group", ariaLabel: t(`${name}.title`), dir: table().dir,
  }, el("div", { className: "ex-body" }, ...body), note("legend"), say,
  el("div", { className: "ex-controls" }, ...controls), note("keys")));
  return (...sentences) => { say.textContent = sentences.filter(Boolean).join(" "); };
}

// Each figure takes the place of the still picture that its element names, once it has been made.
function start() {
  for (const root of document.querySelectorAll("div.explore")) {
    const { explore, still } = root.dataset, made = el("div", {});
    const pictures = [...(document.getElementById(still)?.querySelectorAll("img") ?? [])];
    const last = pictures.at(-1);
    Explore.figures[explore](made);
    if (last) (last.closest("a") ?? last).after(...made.childNodes);
    else root.append(...made.childNodes);
    for (const picture of pictures) picture.classList.add("explore-still");
  }
}
document.addEventListener("DOMContentLoaded", start);

Explore.kit = {
  ARROWS, t, list, num, el, drawing, stage, movable, slider, choice, button, plot, cells, frame, start,
};
}
