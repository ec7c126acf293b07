// What the figures share: elements, stages with boxes that can be moved, controls, plots.
"use strict";
{
const { clamp } = Explore.math;
const STEP = 1 / 64, SNAP = 1 / 256, SMALLEST = 1 / 16, WHOLE = [0, 0, 1, 1], ALL_SIDES = [1, 1, 1, 1];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const language = document.documentElement.lang;
let texts; // of the page's figures, in its language

// A text with its values; one that depends on a number n has a form for each plural of the language.
function filled(text, values = {}) {
  const plural = new Intl.PluralRules(language).select(values.n ?? 0);
  const form = (values.n === 0 && text.none) || (text[plural] ?? text.other ?? text);
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name].toLocaleString("en"));
}
const list = (names) => new Intl.ListFormat(language).format(names);
const signed = (digits) => digits.replace("-", texts.minus);
const num = (value, digits = 2) => signed(value.toFixed(digits));

// What book/explore has written into the page.
const data = (name) => JSON.parse(document.getElementById(`explore-${name}`).textContent);

// An element by tag and classes, "div.one two", with children and properties; what is undefined is left out.
function el(name, ...parts) {
  const [tag, className = ""] = name.split("."), node = document.createElement(tag);
  if (className) node.className = className;
  for (const part of parts)
    if (part instanceof Node || typeof part === "string") node.append(part);
    else Object.assign(node, part);
  return node;
}

// A drawing in a square of 100 by 100 that stretches with its box.
function drawing(markup) {
  const node = el("div.ex-layer", { ariaHidden: "true" });
  node.innerHTML = `<svg viewBox="0 0 100 100" preserveAspectRatio="none">${markup}</svg>`;
  return node;
}

// A picture with layers that boxes lie on.
function stage(label, ...scenery) {
  const on = {};
  for (const name of ["scene", "marks", "boxes", "moving"]) on[name] = el(`div.ex-layer ex-${name}`);
  on.image = el("div.ex-layer ex-image", ...Object.values(on));
  on.picture = el("div.ex-picture", { dir: "ltr" }, on.image);
  on.node = el("div", label && el("div.ex-label", label), on.picture);
  on.scene.append(...scenery);
  return on;
}

function place(node, [x0, y0, x1, y1], layer) {
  const shares = { left: x0, top: y0, width: x1 - x0, height: y1 - y0 };
  for (const side in shares) node.style[side] = `${100 * shares[side]}%`;
  if (node.parentNode !== layer) layer.append(node);
  return node;
}

// Replace what is in a layer by boxes, each {box, kind (its CSS classes), text, opacity}.
const show = (layer, boxes) => layer.replaceChildren(...boxes.map(({ box, kind, text, opacity }) => {
  const tag = text && el("span.ex-tag", text);
  return place(el(`div.ex-rect ${kind}`, { style: `opacity: ${opacity}` }, tag), box, layer);
}));

// A box that is moved by mouse, finger and keys, on one or more stages alike.
function movable(t, stages, kind, box, changed, icon = "") {
  const start = box, name = t(kind), icons = stages.map(() => drawing(icon));
  const handles = stages.map((_, n) => el(`div.ex-movable ${kind}`, {
    tabIndex: n ? -1 : 0, role: "application", ariaRoleDescription: t("movable"),
    onkeydown: press, onpointerdown: grab,
  }, el("span.ex-tag", name), ...["left high", "right high", "left low", "right low"].map((corner) =>
    el(`i.ex-corner ${corner}`))));

  function set(wanted) {
    box = wanted;
    const [x0, y0, x1, y1] = box.map((value) => num(value));
    stages.forEach((on, n) => {
      place(icons[n], box, on.scene);
      place(handles[n], box, on.moving).ariaLabel = t("place", { name, x0, y0, x1, y1 });
    });
  }
  const move = (wanted) => { set(wanted); changed(); };

  // The box with its left, upper, right and lower side moved, or all four: it stays in the image.
  function shift(from, [dx, dy], sides) {
    const [x0, y0, x1, y1] = from;
    if (sides.every(Boolean)) [dx, dy] = [clamp(dx, -x0, 1 - x1), clamp(dy, -y0, 1 - y1)];
    const wanted = from.map((value, n) => clamp(value + (sides[n] ? (n % 2 ? dy : dx) : 0), 0, 1));
    if (Math.min(wanted[2] - wanted[0], wanted[3] - wanted[1]) >= SMALLEST) move(wanted);
  }

  function press(event) {
    const arrow = ARROWS[event.key], grow = { "+": 1, "=": 1, "-": -1 }[event.key] * STEP / 2;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow) shift(box, arrow.map((way) => way * STEP), event.shiftKey ? WHOLE : ALL_SIDES);
    else if (grow) shift(box.map((value, n) => value - (n < 2 ? grow : -grow)), [0, 0], []);
    else if (event.key === "Home") move(start);
    else return;
    event.preventDefault();
  }

  function grab(event) {
    const from = box, handle = event.currentTarget, corner = event.target.closest(".ex-corner");
    if (event.button) return;
    event.preventDefault(); // it would select text
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    const sides = ["left", "high", "right", "low"].map((side) => !corner || corner.classList.contains(side));
    const { width, height } = handle.closest(".ex-image").getBoundingClientRect();
    const snap = (share) => Math.round(share / SNAP) * SNAP;
    handle.onpointermove = ({ clientX, clientY }) => shift(
      from, [snap((clientX - event.clientX) / width), snap((clientY - event.clientY) / height)], sides,
    );
    handle.onlostpointercapture = () => { handle.onpointermove = null; };
  }

  set(box);
  return { get box() { return box; }, set, reset: () => move(start) };
}

// Controls. `told` says a slider's value in words.
function slider(label, [min, max, step, value], changed, told = num) {
  const input = el("input", { type: "range", min, max, step, value, oninput: () => { tell(); changed(); } });
  const output = el("span.ex-value", { ariaHidden: "true", dir: "auto" });
  const tell = () => { input.ariaValueText = output.textContent = told(input.valueAsNumber); };
  const set = (next, most) => { Object.assign(input, { max: most, value: next }); tell(); };
  tell();
  const node = el("label.ex-slider", el("span", label), input, output);
  return { node, set, get value() { return input.valueAsNumber; } };
}

// One of several options: names of texts, or texts.
function choice(t, label, options, value, changed) {
  const radios = options.map((option) => el("label.ex-button", { dir: "auto" }, el("input", {
    type: "radio", name: label, checked: option === value, onchange: () => { value = option; changed(); },
  }), t(option)));
  const node = el("div.ex-choice", { role: "radiogroup", ariaLabel: t(label) }, t(label), ...radios);
  return { node, get value() { return value; } };
}

const button = (label, onclick) => el("button.ex-button", { type: "button", onclick }, label);

// A plot. Its axes: {from, to, ticks, label, scale}.
function plot(x, y) {
  const share = ({ from, to, scale = Number }, value) =>
    clamp((scale(value) - scale(from)) / (scale(to) - scale(from)), 0, 1);
  const at = (a, b) => [100 * share(x, a), 100 * (1 - share(y, b))];
  const put = (name, text, [left, top]) => el(name, { style: `left: ${left}%; top: ${top}%` }, text);
  const path = ([kind, points]) =>
    `<path class="${kind}" d="M${points.map((point) => at(...point)).join("L")}"/>`;
  const marks = el("div"), curves = drawing("");
  const tick = (kind, value, ...place) => put(`span.ex-tick ${kind}`, signed(`${value}`), at(...place));
  const field = el(
    "div.ex-field", { dir: "ltr" }, ...x.ticks.map((value) => tick("x", value, value, y.from)),
    ...y.ticks.map((value) => tick("y", value, x.from, value)), curves, marks,
  );
  return {
    node: el("div", el("div.ex-label", y.label), field, el("div.ex-label", x.label)),
    draw: (...paths) => { curves.firstChild.innerHTML = paths.map(path).join(""); },
    dots: (found) => marks.replaceChildren(...found.map((dot) =>
      put(`i.ex-dot ${dot.kind}`, dot.text, at(dot.x, dot.y)))),
  };
}

// Rows of a table; the first one and the first column are its heads.
const fill = (report, rows) => report.replaceChildren(...rows.map((row, n) =>
  el("tr", ...row.map((cell, m) => (cell instanceof Node ? cell : el(n && m ? "td" : "th", cell))))));

// Each figure takes the place of the still picture that its element names. It is given its texts, and a
// function that shows its parts and returns one that says what has happened.
function start() {
  texts = data("texts");
  for (const root of document.querySelectorAll("div.explore")) {
    const { explore: name, still } = root.dataset, pictures = document.querySelectorAll(`#${still} img`);
    const t = (key, values) => filled(texts[name][key] ?? texts[key] ?? key, values);
    const live = el(`div.explore-live ex-${name}`, { role: "group", ariaLabel: t("title"), dir: texts.dir });
    const said = el("p.ex-say", { role: "status" });
    const group = (kind, parts) => el(`div.ex-${kind}`, ...parts.map((part) => part.node ?? part));
    Explore.figures[name](t, (body, controls) => {
      live.append(el("p", el("b", t("title"))), group("body", body), el("p.ex-note", t("legend")), said,
        group("controls", controls), el("p.ex-note", t("keys")));
      return (...sentences) => { said.textContent = sentences.filter(Boolean).join(" "); };
    });
    root.append(live); // where there is no picture
    for (const picture of pictures) {
      (picture.closest("a") ?? picture).after(live);
      picture.classList.add("explore-still");
    }
  }
}
document.addEventListener("DOMContentLoaded", start);

Explore.kit = {
  ...Explore.math, WHOLE, ARROWS, list, num, data, el, drawing, stage, place, show, movable, slider, choice,
  button, plot, fill, start,
};
}
