// Two objects that want one default box: the careless answer beside the exact one.
"use strict";
{
const { t, list, num, el, drawing, stage, movable, button, cells, frame } = Explore.kit;
const { layout, corners, table, match, careless } = Explore.math;
const DEFAULTS = corners(layout([8, 4], [0.25, 0.5, 0.95], [2]));
const START = { cat: [0.296875, 0.1875, 0.71875, 0.75], dog: [0.453125, 0.375, 0.796875, 0.609375] };
const NAMES = Object.keys(START), RULES = { careless, exact: (overlaps) => match(overlaps) };

Explore.figures.conflict = (root) => {
  const { backdrop, icons } = Explore.data.scene;
  const titles = Object.keys(RULES).map((rule) => t(`conflict.${rule}`));
  const stages = titles.map((label) => stage({ label, backdrop: drawing(backdrop, "ex-sky") }));
  const objects = NAMES.map((name) => movable(stages, {
    name: t(name), box: START[name], kind: name, sprite: icons[name], changed: render,
  }));
  const report = el("table", { className: "ex-table" });
  const reset = button("reset", () => objects.forEach((object) => object.reset()));
  const say = frame(root, "conflict", [...stages.map((on) => on.node), report], [reset]);

  function render() {
    const overlaps = table(objects.map((object) => object.box), DEFAULTS);
    const wanted = overlaps.map((row) => row.indexOf(Math.max(...row)));
    const found = Object.values(RULES).map((rule) => rule(overlaps));
    stages.forEach((on, k) => on.show(on.boxes, DEFAULTS.flatMap((box, i) =>
      (found[k][i] < 0 ? [] : [{ box, kind: `own ${NAMES[found[k][i]]}` }]))));
    const counts = found.map((owners) => NAMES.map((_, j) => owners.filter((owner) => owner === j).length));
    report.replaceChildren(...cells([
      ["", t("conflict.wants"), ...titles],
      ...NAMES.map((name, j) => [
        t(name), t("conflict.box", { i: wanted[j], overlap: num(overlaps[j][wanted[j]]) }),
        ...counts.map((of) => of[j]).map((n) =>
          el("td", { className: n ? "" : "ex-lost" }, t("conflict.count", { n }))),
      ]),
    ]));
    const lost = NAMES.filter((_, j) => !counts[0][j]).map((name) => t(name));
    say(
      t(wanted[0] === wanted[1] ? "conflict.same" : "conflict.different", { i: wanted[0], k: wanted[1] }),
      lost.length ? t("conflict.lost", { names: list(lost) }) : t("conflict.kept"),
    );
  }
  render();
};
}
