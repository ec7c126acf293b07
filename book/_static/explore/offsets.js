// The offsets of a truth and of a prediction from a default box, and what their difference costs.
"use strict";
{
const {
  num, el, stage, show, movable, choice, button, plot, fill, count, toCentre, encode, smoothL1,
  smoothL1Gradient, jaccard,
} = Explore.kit;
const DEFAULT = [0.15625, 0.25, 0.625, 0.75];
const START = { truth: [0.28125, 0.125, 0.9375, 0.609375], predicted: [0.09375, 0.40625, 0.53125, 0.96875] };
const VARIANCES = { "(1, 1)": [1, 1], "(0.1, 0.2)": [0.1, 0.2] }, PARTS = ["cx", "cy", "w", "h"], REACH = 3;

Explore.figures.offsets = (t, frame) => {
  const on = stage();
  show(on.marks, [{ box: DEFAULT, kind: "ex-default", text: t("default") }]);
  const boxes = Object.entries(START).map(([kind, box]) =>
    movable(t, [on], kind, box, render));
  const variances = choice(t, "variances", Object.keys(VARIANCES), "(1, 1)", render);
  const reset = button(t("reset"), () => boxes.forEach((box) => box.reset()));
  const x = { from: -REACH, to: REACH, ticks: [-2, -1, 0, 1, 2], label: t("difference") };
  const curves = [
    [smoothL1, plot(x, { from: -0.25, to: 2.5, ticks: [0, 1, 2], label: t("smooth") })],
    [smoothL1Gradient, plot(x, { from: -1.25, to: 1.25, ticks: [-1, 0, 1], label: t("gradient") })],
  ];
  const steps = count(121, (n) => (n / 60 - 1) * REACH);
  for (const [of, field] of curves)
    field.draw(["zero", [[-REACH, 0], [REACH, 0]]], ["", steps.map((value) => [value, of(value)])]);
  const plots = el("div.ex-plots", ...curves.map(([, field]) => field.node));
  const report = el("table.ex-table"), say = frame([on, plots, report], [variances, reset]);

  function render() {
    const [truth, predicted] = boxes.map(({ box }) => box);
    const [wanted, given] = [truth, predicted].map((box) =>
      encode(toCentre(box), toCentre(DEFAULT), VARIANCES[variances.value]));
    const off = given.map((value, m) => value - wanted[m]), costs = off.map(smoothL1);
    for (const [of, field] of curves) field.dots(off.map((value, m) =>
      ({ x: value, y: of(value), text: el("span", PARTS[m]), kind: `letter part${m}` })));
    fill(report, [
      ["", "ĝ", "l", "l − ĝ", t("smooth"), t("gradient")],
      ...PARTS.map((part, m) => [
        el(`th.part${m}`, part),
        ...[wanted, given, off, costs, off.map(smoothL1Gradient)].map((values) => num(values[m])),
      ]),
    ]);
    const loss = num(costs.reduce((sum, cost) => sum + cost), 3);
    const [before, now] = [DEFAULT, predicted].map((box) => num(jaccard(truth, box)));
    say(t("said", { loss, before, now }));
  }
  render();
};
}
