// A cat and a dog on an 8 × 8 and a 4 × 4 map: the paper's Figure 1, alive.
"use strict";
{
const { list, num, data, el, drawing, stage, place, show, movable, slider, choice, button, fill } = Explore.kit;
const { count, layout, corners, table, match, firstStep } = Explore.math;
const GRIDS = [8, 4], SHAPES = 4, DEFAULTS = corners(layout(GRIDS, [0.25, 0.5, 0.95], [2]));
const FIRST = [0, 64 * SHAPES, 80 * SHAPES]; // the first default box of each map, and their end
const START = { cat: [0.09375, 0.546875, 0.28125, 0.828125], dog: [0.34375, 0.1875, 0.953125, 0.5625] };
const NAMES = Object.keys(START);

Explore.figures.matching = (t, frame) => {
  const { backdrop, icons } = data("scene"), titles = GRIDS.map((n) => t("map", { n }));
  const stages = titles.map((title) => stage(title, drawing(backdrop, "ex-sky")));
  const tints = stages.map((on, k) => count(GRIDS[k] ** 2, (cell) => {
    const x = cell % GRIDS[k], y = Math.floor(cell / GRIDS[k]);
    return place(el("div"), [x, y, x + 1, y + 1].map((value) => value / GRIDS[k]), on.marks);
  }));
  let active = 1;
  const objects = NAMES.map((name, j) => movable(stages, {
    name: t(name), box: START[name], kind: name, icon: icons[name], changed: () => { active = j; render(); },
  }));
  const view = choice(t, "show", ["overlaps", "first", "both"], "both", render);
  const threshold = slider(t("threshold"), [0, 1, 0.05, 0.5], render);
  const reset = button(t("reset"), () => objects.forEach((object) => object.reset()));
  const report = el("table.ex-table"), say = frame([...stages, report], [view, threshold, reset]);

  function render() {
    const tinted = view.value === "overlaps", rule = view.value === "first" ? "multibox" : "ssd";
    const overlaps = table(objects.map(({ box }) => box), DEFAULTS), own = firstStep(overlaps);
    const matches = match(overlaps, { threshold: threshold.value, rule });
    const onMap = (k, row) => row.slice(FIRST[k], FIRST[k + 1]);
    // On each map and for each object: its best overlap, where that is, and how many boxes it has.
    const found = GRIDS.map((_, k) => overlaps.map((row, j) => {
      const here = onMap(k, row), best = Math.max(...here);
      const n = onMap(k, matches).filter((owner) => owner === j).length;
      return { best, i: FIRST[k] + here.indexOf(best), n };
    }));
    stages.forEach((on, k) => {
      const best = found[k].map(({ i }, j) => ({ i, box: DEFAULTS[i], kind: tinted ? NAMES[j] : "missed" }));
      const matched = onMap(k, DEFAULTS.map((box, i) =>
        ({ i, box, kind: `${NAMES[matches[i]]} ${own.includes(i) ? "own" : ""}` })));
      show(on.boxes, tinted ? [best[active]]
        : [...best.filter(({ i }) => matches[i] < 0), ...matched.filter(({ i }) => matches[i] >= 0)]);
      tints[k].forEach((tint, cell) => {
        const here = onMap(k, overlaps[active]).slice(cell * SHAPES, (cell + 1) * SHAPES);
        tint.className = `ex-cell ${tinted ? NAMES[active] : ""}`;
        tint.style.opacity = tinted ? Math.max(...here) : "";
      });
    });
    fill(report, [
      ["", ...titles],
      ...NAMES.map((name, j) => [t(name), ...found.map((of) => bar(of[j], name))]),
    ]);
    const boxes = (j) => list(titles.map((map, k) => t("boxes", { n: found[k][j].n, map })));
    say(
      ...NAMES.map((name, j) => t("said", { name: t(name), boxes: boxes(j) })),
      t("negatives", { n: matches.filter((owner) => owner < 0).length }),
    );
  }

  // The best overlap on a map as a bar, a mark at the threshold, and how many boxes are matched.
  function bar({ best, n }, name) {
    const meter = el(`div.ex-bar ${name}`, { dir: "ltr" },
      el("b", { style: `width: ${100 * best}%` }), el("i", { style: `left: ${100 * threshold.value}%` }));
    return el("td", meter, t("best", { best: num(best), n }));
  }
  render();
};
}
