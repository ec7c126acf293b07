// Two objects that want one default box: the careless answer beside the exact one.
"use strict";
{
const { list, num, data, el, drawing, stage, show, movable, button, fill } = Explore.kit;
const { layout, corners, table, match, careless } = Explore.math;
const DEFAULTS = corners(layout([8, 4], [0.25, 0.5, 0.95], [2]));
const START = { cat: [0.296875, 0.1875, 0.71875, 0.75], dog: [0.453125, 0.375, 0.796875, 0.609375] };
const NAMES = Object.keys(START);

Explore.figures.conflict = (t, frame) => {
  const { backdrop, icons } = data("scene"), titles = [t("careless"), t("exact")];
  const stages = titles.map((title) => stage(title, drawing(backdrop, "ex-sky")));
  const objects = NAMES.map((name) => movable(stages, {
    name: t(name), box: START[name], kind: name, icon: icons[name], changed: render,
  }));
  const reset = button(t("reset"), () => objects.forEach((object) => object.reset()));
  const report = el("table.ex-table"), say = frame([...stages, report], [reset]);

  function render() {
    const overlaps = table(objects.map(({ box }) => box), DEFAULTS);
    const best = overlaps.map((row) => Math.max(...row)), wanted = overlaps.map((row, j) => row.indexOf(best[j]));
    const found = [careless(overlaps), match(overlaps)];
    stages.forEach((on, k) => show(on.boxes, DEFAULTS
      .map((box, i) => ({ box, kind: `own ${NAMES[found[k][i]]}` })).filter((_, i) => found[k][i] >= 0)));
    const counts = found.map((owners) => NAMES.map((_, j) => owners.filter((owner) => owner === j).length));
    fill(report, [
      ["", t("wants"), ...titles],
      ...NAMES.map((name, j) => [
        t(name), t("box", { i: wanted[j], overlap: num(best[j]) }),
        ...counts.map((of) => el(`td.${of[j] ? "" : "ex-lost"}`, t("count", { n: of[j] }))),
      ]),
    ]);
    const lost = NAMES.filter((_, j) => !counts[0][j]).map((name) => t(name));
    say(
      t(wanted[0] === wanted[1] ? "same" : "different", { i: wanted[0], k: wanted[1] }),
      lost.length ? t("lost", { names: list(lost) }) : t("kept"),
    );
  }
  render();
};
}
