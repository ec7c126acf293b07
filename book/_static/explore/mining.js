// The negatives of a scene by their loss, and which of them count.
"use strict";
{
const {
  num, data, el, stage, show, slider, plot, layout, corners, table, match, hardNegatives,
} = Explore.kit;

// Losses are written in 16 bits each, evenly spaced in their logarithm.
const read = (text) => atob(text).match(/../gs).map((two) =>
  Math.exp((two.charCodeAt(0) + 256 * two.charCodeAt(1)) / 3600 - 14));

Explore.figures.mining = (t, frame) => {
  const { grids, scales, ratios, truths, losses: written, picture } = data("mining");
  const defaults = corners(layout(grids, scales, ratios)), losses = read(written);
  const positive = match(table(truths.map(({ box }) => box), defaults)).map((owner) => owner >= 0);
  const ranked = hardNegatives(losses, positive, Infinity), n = losses.length - ranked.length;
  const sum = (some) => some.reduce((all, i) => all + losses[i], 0);
  const on = stage(t("scene"), el("img", { src: picture, alt: t("alt"), draggable: false }));
  show(on.moving, truths.map(({ box, name }) => ({ box, kind: "truth", text: t(name) })));
  const ratio = slider(t("ratio"), [0, 20, 0.5, 3], render, (value) => `${value} : 1`);
  const rank = slider(t("rank"), [1, 400, 1, 1], render, String);
  const field = plot(
    { from: 1, to: ranked.length, scale: Math.log, label: t("sorted"), ticks: [1, 10, 100, 1000] },
    { from: 0.001, to: 10, scale: Math.log, label: t("loss"), ticks: [0.001, 0.01, 0.1, 1, 10] },
  );
  const say = frame([on, field], [ratio, rank]);
  const points = ranked.map((i, place) => [place + 1, losses[i]]);
  const below = (some) => [[1, 0], ...some, [some.length, 0]];

  function render() {
    const kept = hardNegatives(losses, positive, ratio.value), at = ranked[rank.value - 1];
    show(on.boxes, [
      ...kept.map((i) => ({ box: defaults[i], kind: "kept" })),
      ...defaults.filter((_, i) => positive[i]).map((box) => ({ box, kind: "positive" })),
      { box: defaults[at], kind: "looked" },
    ]);
    field.draw(["left", below(points)], ["kept", below(points.slice(0, kept.length))], ["", points]);
    field.dots([{ x: rank.value, y: losses[at], kind: "looked" }]);
    const share = num(100 * sum(kept) / sum(ranked), 0), loss = num(losses[at], 3);
    say(
      t("said", { n, ratio: ratio.value, kept: kept.length, all: ranked.length, share }),
      t(kept.includes(at) ? "counts" : "leftOut", { rank: rank.value, loss }),
    );
  }
  render();
};
}
