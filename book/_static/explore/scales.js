// The scales formula: its boxes at a cell, and the share of a real dataset's objects that they reach.
"use strict";
{
const {
  ARROWS, num, data, stage, show, slider, choice, plot, clamp, toCorners, scalesAndNext, layout, rounded,
  bestOverlap,
} = Explore.kit;
const GRIDS = [38, 19, 10, 5, 3, 1], RATIOS = { "1": [], "1, 2, ½": [2], "1, 2, 3, ½, ⅓": [2, 3] };
const KINDS = ["square", "between", "two", "two", "three", "three"];

Explore.figures.scales = (t, frame) => {
  const datasets = data("objects"), { node, picture, image, marks, boxes } = stage();
  const dataset = choice(t, "data", Object.keys(datasets), "fod", render);
  const ratios = choice(t, "ratios", Object.keys(RATIOS), "1, 2, 3, ½, ⅓", render);
  const least = slider(t("least"), [0.05, 0.5, 0.01, 0.2], render);
  const most = slider(t("most"), [0.5, 1, 0.01, 0.9], render);
  const maps = slider(t("maps"), [1, 6, 1, 6], render, String);
  const which = slider(t("which"), [1, 6, 1, 3], render, (k) => `${GRIDS[k - 1]} × ${GRIDS[k - 1]}`);
  const sides = { from: 0.02, to: 2, scale: Math.log, ticks: [0.02, 0.05, 0.1, 0.2, 0.5, 1] };
  const field = plot({ ...sides, label: t("width") }, { ...sides, label: t("height") });
  const say = frame([node, field], [dataset, ratios, least, most, maps, which]);

  // The cell that is shown is the one at this place, whatever the map.
  let place = [0.4, 0.4];
  const pick = (wanted) => { place = wanted.map((value) => clamp(value, 0, 1 - 1e-9)); render(); };
  const point = ({ clientX, clientY }) => {
    const { left, top, width, height } = image.getBoundingClientRect();
    pick([(clientX - left) / width, (clientY - top) / height]);
  };
  Object.assign(picture, {
    tabIndex: 0, role: "application", ariaRoleDescription: t("cell"),
    onpointerdown: point, onpointermove: (event) => event.buttons && point(event),
    onkeydown: (event) => {
      if (!ARROWS[event.key]) return;
      event.preventDefault();
      pick(place.map((value, n) => value + ARROWS[event.key][n] / GRIDS[which.value - 1]));
    },
  });

  function render() {
    which.set(Math.min(which.value, maps.value), maps.value);
    const scales = scalesAndNext(maps.value, least.value, most.value), k = which.value - 1, n = GRIDS[k];
    const layers = layout(GRIDS.slice(0, maps.value), scales, RATIOS[ratios.value]);
    const { centres, shapes } = layers[k], [column, row] = place.map((value) => Math.floor(value * n));
    const cell = [column, row, column + 1, row + 1].map((value) => value / n);
    image.style.backgroundSize = `${100 / n}% ${100 / n}%`;
    show(marks, [{ box: cell, kind: "cell" }]);
    show(boxes, shapes.map((sides, shape) =>
      ({ box: rounded([centres[column], centres[row], ...sides]), kind: KINDS[shape] })));
    picture.ariaLabel = t("where", { row: row + 1, column: column + 1, map: t("map", { n }) });
    const objects = datasets[dataset.value].map((box) => toCorners(box.map((side) => side / 1000)));
    const reached = objects.map((object) => bestOverlap(object, layers) > 0.5);
    field.dots([
      ...objects.map(([x0, y0, x1, y1], j) =>
        ({ x: x1 - x0, y: y1 - y0, kind: reached[j] ? "found" : "missed" })),
      ...layers.flatMap((map, m) => map.shapes.map(([x, y], shape) =>
        ({ x, y, kind: `shape ${m === k ? `now ${KINDS[shape]}` : ""}` }))),
    ]);
    const found = reached.filter(Boolean).length;
    say(t("said", {
      n: objects.length, found, share: num(found / objects.length),
      boxes: layers.reduce((sum, map) => sum + map.centres.length ** 2 * map.shapes.length, 0),
      scales: scales.slice(0, -1).map((scale) => num(scale)).join(", "),
    }));
  }
  render();
};
}
