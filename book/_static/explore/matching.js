// A cat and a dog on an 8 × 8 and a 4 × 4 map: the paper's Figure 1, alive; and both want one default box.
"use strict";
{
const {
  list, num, data, el, drawing, stage, place, show, movable, slider, choice, button, fill, layout, corners,
  table, match, careless,
} = Explore.kit;
const GRIDS = [8, 4], SHAPES = 4, DEFAULTS = corners(layout(GRIDS, [0.25, 0.5, 0.95], [2]));
const CELLS = GRIDS.map((n) => corners(layout([n], [1 / n, 0], [])).filter((_, i) => i % 2 === 0));
const FIRST = [0, 64 * SHAPES, 80 * SHAPES]; // the first default box of each map, and their end
const NAMES = ["cat", "dog"];

// Two stages with the objects on both; `changed` is told which one was moved.
function pair(t, titles, start, changed) {
  const { backdrop, icons } = data("scene");
  const stages = titles.map((title) => stage(title, drawing(backdrop)));
  const objects = NAMES.map((name, j) => movable(t, stages, name, start[j], () => changed(j), icons[name]));
  const reset = button(t("reset"), () => objects.forEach((object) => object.reset()));
  return { stages, reset, overlaps: () => table(objects.map(({ box }) => box), DEFAULTS) };
}

// Where a row is greatest; how many default boxes an object has; those that have one, `own` if in step one.
const argmax = (row) => row.indexOf(Math.max(...row));
const owned = (owners, j) => owners.filter((owner) => owner === j).length;
const matched = (owners, own, from = 0, to = Infinity) => DEFAULTS
  .map((box, i) => ({ i, box, kind: `${NAMES[owners[i]]} ${own[i] < 0 ? "" : "own"}` }))
  .filter(({ i }) => owners[i] >= 0 && i >= from && i < to);

Explore.figures.matching = (t, frame) => {
  const titles = GRIDS.map((n) => t("map", { n }));
  const start = [[0.09375, 0.546875, 0.28125, 0.828125], [0.34375, 0.1875, 0.953125, 0.5625]];
  let active = 1;
  const { stages, reset, overlaps } = pair(t, titles, start, (j) => { active = j; render(); });
  const view = choice(t, "show", ["overlaps", "first", "both"], "both", render);
  const threshold = slider(t("threshold"), [0, 1, 0.05, 0.5], render);
  const report = el("table.ex-table"), say = frame([...stages, report], [view, threshold, reset]);

  function render() {
    const tinted = view.value === "overlaps", rule = view.value === "first" ? "multibox" : "ssd";
    const rows = overlaps(), own = match(rows, { rule: "multibox" });
    const matches = match(rows, { threshold: threshold.value, rule });
    // On each map and for each object: its best overlap, where that is, and how many boxes it has.
    const found = GRIDS.map((_, k) => rows.map((row, j) => {
      const i = FIRST[k] + argmax(row.slice(FIRST[k], FIRST[k + 1]));
      return { best: row[i], i, n: owned(matches.slice(FIRST[k], FIRST[k + 1]), j) };
    }));
    stages.forEach((on, k) => {
      const best = found[k].map(({ i }, j) => ({ i, box: DEFAULTS[i], kind: tinted ? NAMES[j] : "missed" }));
      show(on.boxes, tinted ? [best[active]] : [
        ...best.filter(({ i }) => matches[i] < 0), ...matched(matches, own, FIRST[k], FIRST[k + 1]),
      ]);
      const overlap = (cell) => Math.max(...rows[active].slice(FIRST[k] + cell * SHAPES).slice(0, SHAPES));
      show(on.marks, CELLS[k].map((box, cell) => (tinted
        ? { box, kind: `ex-cell ${NAMES[active]}`, opacity: overlap(cell) } : { box, kind: "ex-cell" })));
    });
    fill(report, [
      ["", ...titles],
      ...NAMES.map((name, j) => [t(name), ...found.map((of) => bar(of[j], name))]),
    ]);
    const boxes = (j) => list(titles.map((map, k) => t("boxes", { n: found[k][j].n, map })));
    say(
      ...NAMES.map((name, j) => t("said", { name: t(name), boxes: boxes(j) })),
      t("negatives", { n: owned(matches, -1) }),
    );
  }

  // The best overlap on a map as a bar, a mark at the threshold, and how many boxes are matched.
  function bar({ best, n }, name) {
    const meter = el(`div.ex-bar ${name}`, { dir: "ltr" }), mark = threshold.value;
    place(el("b"), [0, 0, best, 1], meter);
    place(el("i"), [mark, 0, mark + 0.01, 1], meter);
    return el("td", meter, t("best", { best: num(best), n }));
  }
  render();
};

Explore.figures.conflict = (t, frame) => {
  const titles = [t("careless"), t("exact")];
  const start = [[0.296875, 0.1875, 0.71875, 0.75], [0.453125, 0.375, 0.796875, 0.609375]];
  const { stages, reset, overlaps } = pair(t, titles, start, render);
  const report = el("table.ex-table"), say = frame([...stages, report], [reset]);

  function render() {
    const rows = overlaps(), wanted = rows.map(argmax), answers = [careless(rows), match(rows)];
    stages.forEach((on, k) => show(on.boxes, matched(answers[k], answers[k])));
    fill(report, [
      ["", t("wants"), ...titles],
      ...NAMES.map((name, j) => [
        t(name), t("box", { i: wanted[j], overlap: num(rows[j][wanted[j]]) }),
        ...answers.map((owners) => owned(owners, j)).map((n) => el(n ? "td" : "td.lost", t("count", { n }))),
      ]),
    ]);
    const lost = NAMES.filter((_, j) => !owned(answers[0], j)).map((name) => t(name));
    say(
      t(wanted[0] === wanted[1] ? "same" : "different", { i: wanted[0], k: wanted[1] }),
      lost.length ? t("lost", { names: list(lost) }) : t("kept"),
    );
  }
  render();
};
}
