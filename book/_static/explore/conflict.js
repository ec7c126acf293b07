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
  const stages = Object.keys(RULES).map((rule) =>
    stage({ label: t(`conflict.${rule}`), backdrop: drawing(backdrop, "ex-sky") }));
  const objects = NAMES.map((name) => movable(stages, {
    name: t(name), box: START[name], kind: name, sprite: icons[name], changed: render,
  }));
  const report = el("table", { className: "ex-table" });
  const reset = button(t("reset"), () => objects.forEach((object) => object.reset()));
  const say = frame(root, "conflict", [...stages.map((on) => on.node), report], [reset]);

  function render() {
    const overlaps = table(objects.map((object) => object.box), DEFAULTS);
    const wanted = overlaps.map((row) => row.indexOf(Math.max(...row)));
    const found = Object.values(RULES).map((rule) => rule(overlaps));
    const counts = found.map((matches) => NAMES.map((_, j) => matches.filter((owner) => owner === j).length));
    found.forEach((matches, k) => stages[k].show(stages[k].boxes, matches.flatMap((owner, i) =>
      (owner < 0 ? [] : [{ box: DEFAULTS[i], kind: `${NAMES[owner]} own` }]))));
    report.replaceChildren(...cells([
      ["", t("conflict.wants"), t("conflict.careless"), t("conflict.exact")],
      ...NAMES.map((name, j) => [
        t(name), t("conflict.box", { i: wanted[j], overlap: num(overlaps[j][wanted[j]]) }),
        ...counts.map((of) => el("td", { className: of[j] ? "" : "ex-lost" }, t("conflict.count", { n: of[j] }))),
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
