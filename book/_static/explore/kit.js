// What the figures share: elements, a stage with boxes that can be moved, controls, plots.
"use strict";
{
const { clamp, toCentre, toCorners } = Explore.math;
const STEP = 1 / 64, SNAP = 1 / 256, SMALLEST = 1 / 16;
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
const num = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

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
    show: (layer, found) => layer.replaceChildren(...found.map(({ box, kind, text }) => place(
      el("div", { className: `ex-rect ${kind}` }, ...(text ? [el("span", { className: "ex-tag" }, text)] : [])),
      box, layer))),
  };
}

// A box that is moved by mouse, finger and keys on one or more stages alike; the first is in the tab order.
function movable(stages, { name, box, kind, sprite = null, changed }) {
  const start = box, sprites = [];
  const handles = stages.map((on, n) => {
    const corners = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([right, low]) =>
      el("i", { className: `ex-corner ${right ? "right" : "left"} ${low ? "low" : "high"}` }));
    const handle = el("div", {
      className: `ex-movable ${kind}`, tabIndex: n ? -1 : 0, role: "application", "aria-roledescription": t("box.role"),
    }, el("span", { className: "ex-tag" }, name), ...corners);
    handle.addEventListener("keydown", key);
    handle.addEventListener("pointerdown", (event) => grab(event, on, handle));
    if (sprite) sprites.push([on, drawing(sprite)]);
    return [on, handle];
  });
  const self = { get box() { return box; }, set: (wanted) => move(wanted), reset: () => move(start) };

  function move(wanted, quiet = false) {
    const [cx, cy, w, h] = toCentre(wanted);
    const width = clamp(w, SMALLEST, 1), height = clamp(h, SMALLEST, 1);
    box = toCorners([clamp(cx, width / 2, 1 - width / 2), clamp(cy, height / 2, 1 - height / 2), width, height]);
    for (const [on, node] of sprites) on.sprite(node, box);
    const [x0, y0, x1, y1] = box.map((value) => num(value));
    for (const [on, handle] of handles) {
      on.place(handle, box, on.moving);
      handle.ariaLabel = t("box.label", { name, x0, y0, x1, y1 });
    }
    if (!quiet) changed(self);
  }

  function key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const growth = { "+": 1, "=": 1, "-": -1, "−": -1 }[event.key], [x0, y0, x1, y1] = box;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) {
      const [dx, dy] = arrow.map((way) => way * STEP);
      if (event.shiftKey)
        move([x0, y0, clamp(x1 + dx, x0 + SMALLEST, 1), clamp(y1 + dy, y0 + SMALLEST, 1)]);
      else move([x0 + dx, y0 + dy, x1 + dx, y1 + dy]);
    } else if (growth) {
      const grow = growth * STEP / 2;
      move([x0 - grow, y0 - grow, x1 + grow, y1 + grow]);
    } else if (event.key === "Home") self.reset();
    else return;
    event.preventDefault();
  }

  function grab(event, on, handle) {
    if (event.button) return;
    const corner = event.target.closest(".ex-corner"), from = box, frame = on.picture.getBoundingClientRect();
    const right = corner?.classList.contains("right"), low = corner?.classList.contains("low");
    const [x0, y0, x1, y1] = on.view, origin = [event.clientX, event.clientY];
    const snap = (value) => Math.round(value / SNAP) * SNAP;
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    event.preventDefault();
    const drag = (next) => {
      const dx = snap((next.clientX - origin[0]) / frame.width * (x1 - x0));
      const dy = snap((next.clientY - origin[1]) / frame.height * (y1 - y0));
      if (!corner) return move([from[0] + dx, from[1] + dy, from[2] + dx, from[3] + dy]);
      const [a, b, c, d] = from;
      return move([
        right ? a : clamp(a + dx, 0, c - SMALLEST), low ? b : clamp(b + dy, 0, d - SMALLEST),
        right ? clamp(c + dx, a + SMALLEST, 1) : c, low ? clamp(d + dy, b + SMALLEST, 1) : d,
      ]);
    };
    const drop = () => ["pointermove", "pointerup", "pointercancel"].forEach((type, n) =>
      handle.removeEventListener(type, n ? drop : drag));
    handle.addEventListener("pointermove", drag);
    handle.addEventListener("pointerup", drop);
    handle.addEventListener("pointercancel", drop);
  }

  move(box, true);
  return self;
}

// Controls. `told` says a slider's value in words, for its output and for a screen reader.
function slider({ label, low, high, step, value, told = num, changed }) {
  const input = el("input", { type: "range", min: low, max: high, step, value });
  const output = el("output", {});
  const tell = () => { input.ariaValueText = output.textContent = told(Number(input.value)); };
  input.addEventListener("input", () => { tell(); changed(); });
  tell();
  const node = el("label", { className: "ex-slider" }, el("span", {}, label), input, output);
  const set = (next, most = input.max) => { input.max = most; input.value = next; tell(); };
  return { node, set, get value() { return Number(input.value); } };
}

let groups = 0;
function choice({ label, options, value, changed }) {
  const name = `explore-${groups++}`;
  const node = el("fieldset", { className: "ex-choice" }, el("legend", {}, label));
  for (const [key, text] of Object.entries(options)) {
    const input = el("input", { type: "radio", name, value: key, checked: key === value });
    input.addEventListener("change", () => { value = key; changed(); });
    node.append(el("label", {}, input, el("span", {}, text)));
  }
  return { node, get value() { return value; } };
}

function button(label, pressed) {
  const node = el("button", { type: "button", className: "ex-button" }, label);
  node.addEventListener("click", pressed);
  return node;
}

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
  root.append(el("div", {
    className: `explore-live ex-${name}`, role: "group", ariaLabel: t(`${name}.title`), dir: table().dir,
  }, el("div", { className: "ex-body" }, ...body), el("p", { className: "ex-note" }, t(`${name}.legend`)), say,
  el("div", { className: "ex-controls" }, ...controls), el("p", { className: "ex-note" }, t(`${name}.keys`))));
  return (...sentences) => { say.textContent = sentences.filter(Boolean).join(" "); };
}

// Each figure takes the place of the still picture that its element names, if it could be made.
function start() {
  for (const root of document.querySelectorAll("div.explore[data-explore]")) {
    const still = document.getElementById(root.dataset.still ?? "");
    const pictures = [...(still?.querySelectorAll("img") ?? [])];
    const place = el("div", {});
    Explore.figures[root.dataset.explore](place);
    const last = pictures.at(-1);
    if (last) (last.closest("a") ?? last).after(...place.childNodes);
    else root.append(...place.childNodes);
    for (const picture of pictures) picture.classList.add("explore-still");
  }
}
document.addEventListener("DOMContentLoaded", start);

Explore.kit = { t, list, num, el, drawing, stage, movable, slider, choice, button, plot, cells, frame, start };
}
