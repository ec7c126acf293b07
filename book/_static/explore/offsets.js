// The offsets of a truth and of a prediction from a default box, and what their difference costs.
"use strict";
{
const { t, num, el, stage, movable, choice, button, plot, cells, frame } = Explore.kit;
const { toCentre, encode, smoothL1, smoothL1Gradient, jaccard } = Explore.math;
const DEFAULT = [0.15625, 0.25, 0.625, 0.75];
const START = { truth: [0.28125, 0.125, 0.9375, 0.609375], predicted: [0.09375, 0.40625, 0.53125, 0.96875] };
const VARIANCES = { "(1, 1)": [1, 1], "(0.1, 0.2)": [0.1, 0.2] }, PARTS = ["cx", "cy", "w", "h"], REACH = 3;

Explore.figures.offsets = (root) => {
  const on = stage();
  on.show(on.marks, [{ box: DEFAULT, kind: "default", text: t("offsets.default") }]);
  const boxes = Object.entries(START).map(([kind, box]) =>
    movable([on], { name: t(`offsets.${kind}`), box, kind, changed: render }));
  const variances = choice("offsets.variances", Object.keys(VARIANCES), "(1, 1)", render);
  const reset = button("reset", () => boxes.forEach((box) => box.reset()));
  const x = { from: -REACH, to: REACH, ticks: [-2, -1, 0, 1, 2], label: t("offsets.difference") };
  const curves = [
    [smoothL1, plot(x, { from: -0.25, to: 2.5, ticks: [0, 1, 2], label: t("offsets.smooth") })],
    [smoothL1Gradient, plot(x, { from: -1.25, to: 1.25, ticks: [-1, 0, 1], label: t("offsets.gradient") })],
  ];
  const steps = Array.from({ length: 121 }, (_, n) => (n / 60 - 1) * REACH);
  for (const [of, field] of curves)
    field.draw(`<path class="zero" d="${field.path([[-REACH, 0], [REACH, 0]])}"/>`
      + `<path d="${field.path(steps.map((value) => [value, of(value)]))}"/>`);
  const plots = el("div", { className: "ex-plots" }, ...curves.map(([, field]) => field.node));
  const report = el("table", { className: "ex-table" });
  const say = frame(root, "offsets", [on.node, plots, report], [variances.node, reset]);

  function render() {
    const [truth, predicted] = boxes.map(({ box }) => box);
    const [wanted, given] = [truth, predicted].map((box) =>
      encode(toCentre(box), toCentre(DEFAULT), VARIANCES[variances.value]));
    const off = given.map((value, m) => value - wanted[m]);
    for (const [of, field] of curves)
      field.dots(off.map((value, m) => ({
        x: value, y: of(value), text: el("span", {}, PARTS[m]), kind: `letter part${m}`,
      })));
    report.replaceChildren(...cells([
      ["", "ĝ", "l", "l − ĝ", t("offsets.smooth"), t("offsets.gradient")],
      ...PARTS.map((part, m) => [
        el("th", { className: `part${m}` }, part),
        ...[wanted[m], given[m], off[m], smoothL1(off[m]), smoothL1Gradient(off[m])].map((v) => num(v)),
      ]),
    ]));
    const loss = num(off.reduce((sum, value) => sum + smoothL1(value), 0), 3);
    const [before, now] = [DEFAULT, predicted].map((box) => num(jaccard(truth, box)));
    say(t("offsets.said", { loss, before, now }));
  }
  render();
};
}
