// The negatives of a scene by their loss, and which of them count.
"use strict";
{
const { t, num, el, stage, slider, plot, frame } = Explore.kit;
const { layout, corners, table, match, hardNegatives } = Explore.math;
const HERE = document.currentScript.src;

// Losses are written in 16 bits each, evenly spaced in their logarithm.
function read(text) {
  const bytes = atob(text), half = (i) => bytes.charCodeAt(2 * i) + 256 * bytes.charCodeAt(2 * i + 1);
  return Array.from({ length: bytes.length / 2 }, (_, i) => Math.exp(half(i) / 3600 - 14));
}

Explore.figures.mining = (root) => {
  const { grids, scales, ratios, truths, losses: written } = Explore.data.mining;
  const defaults = corners(layout(grids, scales, ratios)), losses = read(written);
  const positive = match(table(truths.map(({ box }) => box), defaults)).map((owner) => owner >= 0);
  const count = positive.filter(Boolean).length;
  const ranked = hardNegatives(losses, positive, Infinity);
  const sum = (some) => some.reduce((all, i) => all + losses[i], 0);
  const picture = el("img", { src: new URL("mining.webp", HERE).href, alt: "", draggable: false });
  const on = stage({ label: t("mining.scene"), backdrop: picture });
  const ratio = slider({
    label: t("mining.ratio"), low: 0, high: 20, step: 0.5, value: 3, changed: render, told: (r) => `${r} : 1`,
  });
  const rank = slider({
    label: t("mining.rank"), low: 1, high: 400, step: 1, value: 1, changed: render, told: String,
  });
  const field = plot(
    { from: 1, to: ranked.length, log: true, label: t("mining.sorted"), ticks: [1, 10, 100, 1000] },
    { from: 0.001, to: 10, log: true, label: t("mining.loss"), ticks: [0.001, 0.01, 0.1, 1, 10] },
  );
  const say = frame(root, "mining", [on.node, field.node], [ratio.node, rank.node]);
  on.show(on.moving, truths.map(({ box, name }) => ({ box, kind: "truth", text: t(name) })));

  function render() {
    const kept = hardNegatives(losses, positive, ratio.value), at = ranked[rank.value - 1];
    on.show(on.boxes, [
      ...kept.map((i) => ({ box: defaults[i], kind: "kept" })),
      ...defaults.flatMap((box, i) => (positive[i] ? [{ box, kind: "positive" }] : [])),
      { box: defaults[at], kind: `looked ${kept.includes(at) ? "" : "out"}` },
    ]);
    const points = ranked.map((i, n) => [n + 1, losses[i]]), edge = Math.max(kept.length, 1);
    const area = (some) => `${field.path([[some[0][0], 0.001], ...some, [some.at(-1)[0], 0.001]])}Z`;
    field.draw((kept.length ? `<path class="kept" d="${area(points.slice(0, edge))}"/>` : "")
      + `<path class="left" d="${area(points.slice(edge - 1))}"/><path class="curve" d="${field.path(points)}"/>`);
    field.dots([{ x: rank.value, y: losses[at], kind: "looked" }]);
    say(
      t("mining.said", {
        n: count, ratio: ratio.value, kept: kept.length, all: ranked.length,
        share: num(100 * sum(kept) / sum(ranked), 0),
      }),
      t(kept.includes(at) ? "mining.counts" : "mining.leftOut", { rank: rank.value, loss: num(losses[at], 3) }),
    );
  }
  render();
};
}
