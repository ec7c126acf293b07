// A cat and a dog on an 8 × 8 and a 4 × 4 map: the paper's Figure 1, alive.
"use strict";
{
const { t, list, num, el, drawing, stage, movable, slider, choice, button, cells, frame } = Explore.kit;
const { layout, corners, table, match, firstStep } = Explore.math;
const GRIDS = [8, 4], SHAPES = 4, DEFAULTS = corners(layout(GRIDS, [0.25, 0.5, 0.95], [2]));
const FIRST = [0, 64 * SHAPES, 80 * SHAPES]; // the first default box of each map, and their end
const START = { cat: [0.09375, 0.546875, 0.28125, 0.828125], dog: [0.34375, 0.1875, 0.953125, 0.5625] };
const NAMES = Object.keys(START);

Explore.figures.matching = (root) => {
  const { backdrop, icons } = Explore.data.scene;
  const titles = GRIDS.map((n) => t("map", { n }));
  const stages = titles.map((label) => stage({ label, backdrop: drawing(backdrop, "ex-sky") }));
  const tints = stages.map((on, k) => Array.from({ length: GRIDS[k] ** 2 }, (_, cell) => {
    const x = cell % GRIDS[k], y = Math.floor(cell / GRIDS[k]);
    return on.place(el("div", {}), [x, y, x + 1, y + 1].map((value) => value / GRIDS[k]), on.marks);
  }));
  let active = 1;
  const objects = NAMES.map((name, j) => movable(stages, {
    name: t(name), box: START[name], kind: name, sprite: icons[name],
    changed: () => { active = j; render(); },
  }));
  const show = choice("matching.show", ["overlaps", "first", "both"], "both", render);
  const threshold = slider("matching.threshold", [0, 1, 0.05, 0.5], render);
  const reset = button("reset", () => objects.forEach((object) => object.reset()));
  const report = el("table", { className: "ex-table" });
  const say = frame(root, "matching",
    [...stages.map((on) => on.node), report], [show.node, threshold.node, reset]);

  function render() {
    const tinted = show.value === "overlaps", rule = show.value === "first" ? "multibox" : "ssd";
    const overlaps = table(objects.map((object) => object.box), DEFAULTS), own = firstStep(overlaps);
    const matches = match(overlaps, { threshold: threshold.value, rule });
    // On each map and for each object: its best overlap, where that is, and how many boxes it has.
    const found = GRIDS.map((_, k) => overlaps.map((row, j) => {
      const here = row.slice(FIRST[k], FIRST[k + 1]), best = Math.max(...here);
      const n = matches.slice(FIRST[k], FIRST[k + 1]).filter((owner) => owner === j).length;
      return { best, i: FIRST[k] + here.indexOf(best), n };
    }));
    stages.forEach((on, k) => {
      const best = found[k].map(({ i }, j) => ({ i, box: DEFAULTS[i], kind: tinted ? NAMES[j] : "missed" }));
      const matched = DEFAULTS.flatMap((box, i) => (matches[i] < 0 || i < FIRST[k] || i >= FIRST[k + 1]
        ? []
        : [{ box, kind: `${NAMES[matches[i]]} ${own.includes(i) ? "own" : ""}` }]));
      on.show(on.boxes, tinted ? [best[active]] : [...best.filter(({ i }) => matches[i] < 0), ...matched]);
      tints[k].forEach((tint, cell) => {
        const here = overlaps[active].slice(FIRST[k] + cell * SHAPES).slice(0, SHAPES);
        tint.className = `ex-cell ${tinted ? NAMES[active] : ""}`;
        tint.style.opacity = tinted ? Math.max(...here) : "";
      });
    });
    report.replaceChildren(...cells([
      ["", ...titles],
      ...NAMES.map((name, j) => [t(name), ...found.map((of) => bar(of[j], name))]),
    ]));
    const boxes = (j) => list(titles.map((map, k) => t("matching.boxes", { n: found[k][j].n, map })));
    say(
      ...NAMES.map((name, j) => t("matching.said", { name: t(name), boxes: boxes(j) })),
      t("matching.negatives", { n: matches.filter((owner) => owner < 0).length }),
    );
  }

  // The best overlap on a map as a bar, a mark at the threshold, and how many boxes are matched.
  function bar({ best, n }, name) {
    const meter = el("div", { className: `ex-bar ${name}`, dir: "ltr" },
      el("b", { style: `width: ${100 * best}%` }), el("i", { style: `left: ${100 * threshold.value}%` }));
    return el("td", {}, meter, t("matching.best", { best: num(best), n }));
  }
  render();
};
}
