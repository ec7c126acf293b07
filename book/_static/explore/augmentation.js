// Patches by the three options, the rule that took or refused each, and the objects that stay.
"use strict";
{
const { t, list, num, drawing, stage, movable, slider, choice, button, frame } = Explore.kit;
const { centreInside, choose, trials, reached, cropTruths } = Explore.math;
const WHOLE = [0, 0, 1, 1], MINIMA = [0.1, 0.3, 0.5, 0.7, 0.9];
const TRUTHS = {
  tree: [0.0625, 0.15625, 0.296875, 0.890625],
  cat: [0.375, 0.453125, 0.5625, 0.828125],
  dog: [0.546875, 0.21875, 0.9375, 0.625],
};
const NAMES = Object.keys(TRUTHS), BOXES = Object.values(TRUTHS);

// Numbers in [0, 1) from a seed, so that every reader sees the same draws in turn.
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

Explore.figures.augmentation = (root) => {
  const { backdrop, icons } = Explore.data.scene, random = dice(7);
  const image = stage({ label: t("augmentation.image"), backdrop: drawing(backdrop, "ex-sky") });
  const seen = stage({ label: t("augmentation.seen"), backdrop: drawing(backdrop, "ex-sky") });
  for (const on of [image, seen]) NAMES.forEach((name) => on.sprite(drawing(icons[name]), TRUTHS[name]));
  const patch = movable([image], {
    name: t("augmentation.patch"), box: [0.25, 0.125, 0.875, 0.75], kind: "patch", changed: byHand,
  });
  const option = choice({
    label: t("augmentation.option"), value: "overlap", changed: byHand,
    options: Object.fromEntries(["overlap", "any", "whole", "text"].map((key) => [key, t(`augmentation.${key}`)])),
  });
  const least = slider({
    label: t("augmentation.least"), low: 0, high: 4, step: 1, value: 2, changed: byHand,
    told: (n) => String(MINIMA[n]),
  });
  const draw = button(t("augmentation.draw"), () => {
    const taken = { overlap: 1 + least.value, any: 6, whole: 0, text: choose(random()) }[option.value];
    const minimum = taken === 6 ? null : MINIMA[taken - 1];
    const tried = taken ? trials(BOXES, minimum, random) : [{ patch: WHOLE, accepted: true }], last = tried.at(-1);
    patch.set(last.accepted ? last.patch : WHOLE);
    const how = !taken ? "tookWhole" : !last.accepted ? "failed" : minimum === null ? "tookAny" : "took";
    render(tried, t(`augmentation.${how}`, { n: tried.length, minimum, best: num(last.overlap ?? 1) }));
  });
  const say = frame(root, "augmentation", [image.node, seen.node], [option.node, least.node, draw]);

  // The reader has moved the patch or changed the rule: what the rule says of the patch as it lies there.
  function byHand() {
    const minimum = MINIMA[least.value], best = reached(patch.box, BOXES);
    const verdict = option.value === "any" ? "tookAny" : best >= minimum ? "accepts" : "refuses";
    render([], t(`augmentation.${verdict}`, { n: 1, minimum, best: num(best) }));
  }

  function render(tried, rule) {
    const cropped = cropTruths(BOXES, patch.box);
    const inside = BOXES.map((box) => centreInside(box, patch.box));
    image.show(image.marks, tried.filter(({ accepted }) => !accepted)
      .map(({ patch: box }) => ({ box, kind: "refused" })));
    image.show(image.boxes, NAMES.map((name, j) => ({ box: BOXES[j], kind: inside[j] ? name : "dropped" })));
    seen.look(patch.box);
    seen.look(WHOLE); // what is kept is relative to the patch already
    seen.show(seen.boxes, NAMES.flatMap((name, j) =>
      (cropped[j] ? [{ box: cropped[j], kind: name, text: t(name) }] : [])));
    seen.look(patch.box);
    const kept = NAMES.filter((_, j) => inside[j]).map((name) => t(name));
    const lost = NAMES.filter((_, j) => !inside[j]).map((name) => t(name));
    say(rule, kept.length ? t("augmentation.kept", { names: list(kept) }) : t("augmentation.empty"),
      lost.length ? t("augmentation.lost", { names: list(lost) }) : "");
  }
  byHand();
};
}
