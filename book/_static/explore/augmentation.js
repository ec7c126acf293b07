// Patches by the three options, the rule that took or refused each, and the objects that stay.
"use strict";
{
const { t, list, num, drawing, stage, movable, slider, choice, button, frame } = Explore.kit;
const { choose, trials, reached, cropTruths } = Explore.math;
const WHOLE = [0, 0, 1, 1], MINIMA = [0.1, 0.3, 0.5, 0.7, 0.9], ANY = 6;
const TRUTHS = {
  tree: [0.0625, 0.15625, 0.296875, 0.890625],
  cat: [0.375, 0.453125, 0.5625, 0.828125],
  dog: [0.546875, 0.21875, 0.9375, 0.625],
};
const NAMES = Object.keys(TRUTHS), BOXES = Object.values(TRUTHS);

Explore.figures.augmentation = (root) => {
  const { backdrop, icons } = Explore.data.scene, { random } = Math;
  const [image, seen] = ["image", "seen"].map((name) => {
    const on = stage({ label: t(`augmentation.${name}`), backdrop: drawing(backdrop, "ex-sky") });
    NAMES.forEach((object, j) => on.sprite(drawing(icons[object]), BOXES[j]));
    return on;
  });
  const patch = movable([image], {
    name: t("augmentation.patch"), box: [0.25, 0.125, 0.875, 0.75], kind: "patch", changed: byHand,
  });
  const option = choice("augmentation.option", ["overlap", "any", "whole", "random"], "overlap", byHand);
  const least = slider("augmentation.least", [0, 4, 1, 2], byHand, (n) => String(MINIMA[n]));
  const draw = button("augmentation.draw", () => {
    const taken = { overlap: 1 + least.value, any: ANY, whole: 0, random: choose(random()) }[option.value];
    const minimum = taken === ANY ? null : MINIMA[taken - 1];
    const tried = taken ? trials(BOXES, minimum, random) : [{ patch: WHOLE, accepted: true }];
    const last = tried.at(-1);
    const how = !last.accepted ? "failed" : !taken ? "tookWhole" : minimum === null ? "tookAny" : "took";
    patch.set(last.accepted ? last.patch : WHOLE, true);
    render(tried, t(`augmentation.${how}`, { n: tried.length, minimum, best: num(last.overlap ?? 1) }));
  });
  const say = frame(root, "augmentation", [image.node, seen.node], [option.node, least.node, draw]);

  // The reader has moved the patch or changed the rule: what the rule says of the patch as it lies there.
  function byHand() {
    const minimum = MINIMA[least.value], best = reached(patch.box, BOXES);
    const verdict = option.value === "any" ? "tookAny" : best >= minimum ? "accepts" : "refuses";
    render([], t(`augmentation.${verdict}`, { minimum, best: num(best) }));
  }

  function render(tried, rule) {
    const cropped = cropTruths(BOXES, patch.box), names = (some) => list(some.map((name) => t(name)));
    const [kept, lost] = [true, false].map((stays) => NAMES.filter((_, j) => stays === !!cropped[j]));
    image.show(image.marks, tried.filter(({ accepted }) => !accepted)
      .map(({ patch: box }) => ({ box, kind: "refused" })));
    image.show(image.boxes, NAMES.map((name, j) => ({ box: BOXES[j], kind: cropped[j] ? name : "dropped" })));
    seen.look(WHOLE); // what is kept is relative to the patch already
    seen.show(seen.boxes, kept.map((name) =>
      ({ box: cropped[NAMES.indexOf(name)], kind: name, text: t(name) })));
    seen.look(patch.box);
    say(
      rule,
      kept.length ? t("augmentation.kept", { names: names(kept) }) : t("augmentation.empty"),
      lost.length && t("augmentation.lost", { names: names(lost) }),
    );
  }
  byHand();
};
}
