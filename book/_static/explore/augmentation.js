// Patches by the three options, the rule that took or refused each, and the objects that stay.
"use strict";
{
const {
  WHOLE, list, num, data, drawing, stage, place, show, movable, slider, choice, button, choose, trials,
  reached, relativeTo, cropTruths,
} = Explore.kit;
const MINIMA = [0.1, 0.3, 0.5, 0.7, 0.9], ANY = 6;
const NAMES = ["tree", "cat", "dog"], BOXES = [
  [0.0625, 0.15625, 0.296875, 0.890625],
  [0.375, 0.453125, 0.5625, 0.828125],
  [0.546875, 0.21875, 0.9375, 0.625],
];

Explore.figures.augmentation = (t, frame) => {
  const { backdrop, icons } = data("scene"), { random } = Math;
  const [image, seen] = ["image", "seen"].map((name) => {
    const on = stage(t(name), drawing(backdrop));
    NAMES.forEach((object, j) => place(drawing(icons[object]), BOXES[j], on.scene));
    return on;
  });
  const patch = movable(t, [image], "patch", [0.25, 0.125, 0.875, 0.75], byHand);
  const option = choice(t, "option", ["overlap", "any", "whole", "random"], "overlap", byHand);
  const least = slider(t("least"), [0, 4, 1, 2], byHand, (n) => `${MINIMA[n]}`);
  const draw = button(t("draw"), () => {
    const taken = { overlap: 1 + least.value, any: ANY, whole: 0, random: choose(random()) }[option.value];
    const minimum = MINIMA[taken - 1] ?? null, tried = taken ? trials(BOXES, minimum, random) : [];
    const { patch: box = WHOLE, overlap = 1, accepted } = tried.at(-1) ?? {};
    const how = !taken ? "tookWhole" : !accepted ? "failed" : taken === ANY ? "tookAny" : "took";
    patch.set(accepted ? box : WHOLE);
    render(tried, t(how, { n: tried.length, minimum, best: num(overlap) }));
  });
  const say = frame([image, seen], [option, least, draw]);

  // The reader has moved the patch or changed the rule: what the rule says of the patch as it lies there.
  function byHand() {
    const minimum = MINIMA[least.value], best = reached(patch.box, BOXES);
    const verdict = option.value === "any" ? "tookAny" : best >= minimum ? "accepts" : "refuses";
    render([], t(verdict, { minimum, best: num(best) }));
  }

  function render(tried, rule) {
    const cropped = cropTruths(BOXES, patch.box);
    const objects = NAMES.map((name, j) => ({ kind: name, text: t(name), box: cropped[j] }));
    const kept = objects.filter(({ box }) => box), lost = objects.filter(({ box }) => !box);
    const names = (some) => ({ names: list(some.map(({ text }) => text)) });
    const refused = tried.filter(({ accepted }) => !accepted);
    show(image.marks, refused.map(({ patch: box }) => ({ box, kind: "refused" })));
    show(image.boxes, NAMES.map((name, j) => ({ box: BOXES[j], kind: cropped[j] ? name : "dropped" })));
    show(seen.boxes, kept); // relative to the patch, as the scene under it is now
    place(seen.scene, relativeTo(patch.box, WHOLE), seen.image);
    say(rule, kept.length ? t("kept", names(kept)) : t("empty"), lost.length && t("lost", names(lost)));
  }
  byHand();
};
}
