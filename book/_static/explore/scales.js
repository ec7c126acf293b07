// The scales formula: its boxes at a cell, and the share of a real dataset's objects that they reach.
"use strict";
{
const { t, num, el, drawing, stage, slider, choice, plot, frame } = Explore.kit;
const { clamp, toCorners, scalesAndNext, layout, boxAt, bestOverlap } = Explore.math;
const GRIDS = [38, 19, 10, 5, 3, 1], RATIOS = { 1: [], 2: [2], 3: [2, 3] };
const KINDS = ["square", "between", "two", "two", "three", "three"];

// Objects are written as twelve digits: centre and size in thousandths of the image.
const read = (text) => text.match(/.{12}/g).map((digits) =>
  toCorners(digits.match(/.{3}/g).map((number) => Number(number) / 1000)));

Explore.figures.scales = (root) => {
  const datasets = Explore.data.objects, names = Object.keys(datasets);
  const on = stage({ view: [-0.35, -0.35, 1.35, 1.35] });
  const image = el("div", { className: "ex-image" });
  on.sprite(image, [0, 0, 1, 1]);
  const share = { step: 0.01, changed: render }, whole = { low: 1, high: 6, step: 1, told: String, changed: render };
  const least = slider({ label: t("scales.least"), low: 0.05, high: 0.5, value: 0.2, ...share });
  const most = slider({ label: t("scales.most"), low: 0.5, high: 1, value: 0.9, ...share });
  const maps = slider({ label: t("scales.maps"), value: 6, ...whole });
  const which = slider({
    label: t("scales.which"), value: 3, ...whole, told: (k) => `${GRIDS[k - 1]} × ${GRIDS[k - 1]}`,
  });
  const ratios = choice({
    label: t("scales.ratios"), value: "3", changed: render,
    options: { 1: "1", 2: "1, 2, ½", 3: "1, 2, 3, ½, ⅓" },
  });
  const data = choice({
    label: t("scales.data"), value: "fod", changed: render,
    options: Object.fromEntries(names.map((name) => [name, t(`scales.${name}`)])),
  });
  const sides = { from: 0.02, to: 2, log: true, ticks: [0.02, 0.05, 0.1, 0.2, 0.5, 1] };
  const field = plot({ ...sides, label: t("scales.width") }, { ...sides, label: t("scales.height") });
  const say = frame(root, "scales", [on.node, field.node],
    [data.node, ratios.node, least.node, most.node, maps.node, which.node]);
  let cell = [0.4, 0.4];
  on.picture.tabIndex = 0;
  on.picture.setAttribute("role", "application");
  on.picture.setAttribute("aria-roledescription", t("scales.cell"));
  on.picture.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    pick(cell.map((value, n) => value + way[n] / GRIDS[which.value - 1]));
  });
  const point = (event) => {
    const { left, top, width, height } = on.picture.getBoundingClientRect(), [x0, y0, x1, y1] = on.view;
    pick([x0 + (event.clientX - left) / width * (x1 - x0), y0 + (event.clientY - top) / height * (y1 - y0)]);
  };
  on.picture.addEventListener("pointerdown", (event) => {
    point(event);
    on.picture.setPointerCapture(event.pointerId);
  });
  on.picture.addEventListener("pointermove", (event) => { if (event.buttons) point(event); });
  function pick(place) {
    cell = place.map((value) => clamp(value, 0, 1 - 1e-9));
    render();
  }

  function render() {
    const count = maps.value, scales = scalesAndNext(count, least.value, most.value);
    const boxes = layout(GRIDS.slice(0, count), scales, RATIOS[ratios.value]);
    which.set(Math.min(which.value, count), count);
    const k = which.value - 1, grid = GRIDS[k];
    const [column, row] = cell.map((value) => Math.floor(value * grid));
    const shade = [column, row, column + 1, row + 1].map((value) => value / grid);
    on.show(on.marks, [{ box: shade, kind: "cell" }]);
    image.style.backgroundSize = `${100 / grid}% ${100 / grid}%`;
    on.show(on.boxes, boxes[k].shapes.map((_, shape) =>
      ({ box: boxAt(boxes[k], row, column, shape), kind: KINDS[shape] })));
    const objects = read(datasets[data.value]), best = objects.map((object) => bestOverlap(object, boxes));
    const found = best.filter((overlap) => overlap > 0.5).length;
    const total = boxes.reduce((sum, map) => sum + map.grid ** 2 * map.shapes.length, 0);
    field.dots([
      ...objects.map(([x0, y0, x1, y1], n) =>
        ({ x: x1 - x0, y: y1 - y0, kind: best[n] > 0.5 ? "found" : "missed" })),
      ...boxes.flatMap((map, m) => map.shapes.map(([x, y], shape) =>
        ({ x, y, kind: `shape ${m === k ? `now ${KINDS[shape]}` : ""}` }))),
    ]);
    on.picture.ariaLabel = t("scales.where", { row: row + 1, column: column + 1, map: t("map", { n: grid }) });
    say(
      t("scales.said", { share: num(found / objects.length), found, n: objects.length, boxes: total }),
      t("scales.list", { scales: scales.slice(0, count).map((scale) => num(scale)).join(", ") }),
    );
  }
  render();
};
}
