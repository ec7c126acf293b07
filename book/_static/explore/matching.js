// A cat and a dog on an 8 × 8 and a 4 × 4 map: the paper's Figure 1, alive.
"use strict";
{
const { t, list, num, el, drawing, stage, movable, slider, choice, button, cells, frame } = Explore.kit;
const { UNMATCHED, layout, corners, table, match, firstStep } = Explore.math;
const GRIDS = [8, 4], MAPS = layout(GRIDS, [0.25, 0.5, 0.95], [2]), SHAPES = 4;
const DEFAULTS = corners(MAPS), FIRST = [0, 64 * SHAPES, 80 * SHAPES];
const START = { cat: [0.09375, 0.546875, 0.28125, 0.828125], dog: [0.34375, 0.1875, 0.953125, 0.5625] };
const NAMES = Object.keys(START);

Explore.figures.matching = (root) => {
  const { backdrop, icons } = Explore.data.scene;
  const stages = GRIDS.map((grid) =>
    stage({ label: t("map", { n: grid }), backdrop: drawing(backdrop, "ex-sky") }));
  const tints = stages.map((on, k) => Array.from({ length: GRIDS[k] ** 2 }, (_, cell) => {
    const x = cell % GRIDS[k], y = Math.floor(cell / GRIDS[k]);
    const box = [x, y, x + 1, y + 1].map((value) => value / GRIDS[k]);
    return on.place(el("div", { className: "ex-cell" }), box, on.marks);
  }));
  let active = 1;
  const objects = NAMES.map((name, j) => movable(stages, {
    name: t(name), box: START[name], kind: name, sprite: icons[name],
    changed: () => { active = j; render(); },
  }));
  const show = choice({
    label: t("matching.show"), value: "both", changed: render,
    options: { overlaps: t("matching.overlaps"), first: t("matching.first"), both: t("matching.both") },
  });
  const threshold = slider({
    label: t("matching.threshold"), low: 0, high: 1, step: 0.05, value: 0.5, changed: render,
  });
  const reset = button(t("reset"), () => objects.forEach((object) => object.reset()));
  const report = el("table", { className: "ex-table" });
  const say = frame(root, "matching", [...stages.map((on) => on.node), report], [show.node, threshold.node, reset]);

  function render() {
    const overlaps = table(objects.map((object) => object.box), DEFAULTS), own = firstStep(overlaps);
    const rule = show.value === "first" ? "multibox" : "ssd";
    const matches = match(overlaps, { threshold: threshold.value, rule });
    const found = MAPS.map((_, k) => NAMES.map((_, j) => {
      const row = overlaps[j].slice(FIRST[k], FIRST[k + 1]), best = Math.max(...row);
      const count = matches.slice(FIRST[k], FIRST[k + 1]).filter((owner) => owner === j).length;
      return { best, at: FIRST[k] + row.indexOf(best), count };
    }));
    const tinted = show.value === "overlaps";
    stages.forEach((on, k) => {
      const best = found[k].map(({ at }, j) => ({ box: DEFAULTS[at], kind: tinted ? NAMES[j] : "negative", at }));
      const matched = DEFAULTS.flatMap((box, i) => (matches[i] === UNMATCHED || i < FIRST[k] || i >= FIRST[k + 1]
        ? [] : [{ box, kind: `${NAMES[matches[i]]} ${own.includes(i) ? "own" : ""}` }]));
      const unmatched = best.filter(({ at }) => matches[at] === UNMATCHED);
      on.show(on.boxes, tinted ? [best[active]] : [...unmatched, ...matched]);
      tints[k].forEach((tint, cell) => {
        const at = FIRST[k] + cell * SHAPES;
        tint.className = `ex-cell ${tinted ? NAMES[active] : ""}`;
        tint.style.opacity = tinted ? Math.max(...overlaps[active].slice(at, at + SHAPES)) : "";
      });
    });
    report.replaceChildren(...cells([
      ["", ...GRIDS.map((n) => t("map", { n }))],
      ...NAMES.map((name, j) => [t(name), ...found.map((of) => bar(of[j], name))]),
    ]));
    say(
      ...NAMES.map((name, j) => t("matching.said", {
        name: t(name), boxes: list(GRIDS.map((n, k) => t("matching.boxes", { n: found[k][j].count, map: t("map", { n }) }))),
      })),
      t("matching.negatives", { n: matches.filter((owner) => owner === UNMATCHED).length }),
    );
  }

  // The best overlap on a map as a bar, a mark at the threshold, and how many boxes are matched.
  function bar({ best, count }, name) {
    const meter = el("div", { className: `ex-bar ${name}`, dir: "ltr" }, el("b", {}), el("i", {}));
    meter.firstChild.style.width = `${100 * best}%`;
    meter.lastChild.style.left = `${100 * threshold.value}%`;
    return el("td", {}, meter, t("matching.best", { best: num(best), n: count }));
  }
  render();
};
}
