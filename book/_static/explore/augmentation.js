// Patches by the three options, the rule that took or refused each, and the objects that stay.
"use strict";
{
  const { t, list, num, drawing, stage, movable, slider, choice, button, frame } = Explore.kit;
  const { centreInside, choose, trials, reached, cropTruths } = Explore.math;
  const WHOLE = [0, 0, 1, 1], MINIMA = [0.1, 0.3, 0.5, 0.7, 0.9];
  const TRUTHS = { tree: [0.0625, 0.15625, 0.296875, 0.890625], cat: [0.375, 0.453125, 0.5625, 0.828125], dog: [0.546875, 0.21875, 0.9375, 0.625] };
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
    const image = stage({ label: t("augmentation.image"), backdrop: drawing(backdrop) });
    const seen = stage({ label: t("augmentation.seen"), backdrop: drawing(backdrop) });
    for (const on of [image, seen]) NAMES.forEach((name) => on.sprite(drawing(icons[name]), TRUTHS[name]));
    const patch = movable([image], {
      name: t("augmentation.patch"), box: [0.25, 0.125, 0.875, 0.75], kind: "patch",
      changed: () => { if (!drawing_) { tried = []; fresh = null; } render(); },
    });
    let tried = [], fresh = null, drawing_ = false;
    const option = choice({
      label: t("augmentation.option"), value: "overlap", changed: render,
      options: { text: t("augmentation.text"), whole: t("augmentation.whole"), overlap: t("augmentation.overlap"), any: t("augmentation.any") },
    });
    const least = slider({ label: t("augmentation.least"), low: 0, high: 4, step: 1, value: 2, changed: render, told: (n) => String(MINIMA[n]) });
    const draw = button(t("augmentation.draw"), () => {
      const taken = { text: choose(random()), whole: 0, overlap: 1 + least.value, any: 6 }[option.value];
      const minimum = taken === 6 ? null : MINIMA[taken - 1];
      tried = taken ? trials(BOXES, minimum, random) : [];
      const last = tried.at(-1);
      fresh = { taken, minimum, failed: taken > 0 && !last.accepted };
      drawing_ = true;
      patch.set(taken && last.accepted ? last.patch : WHOLE);
      drawing_ = false;
    });
    const { say } = frame(root, "augmentation", { body: [image.node, seen.node], controls: [option.node, least.node, draw] });

    function render() {
      const cropped = cropTruths(BOXES, patch.box), best = reached(patch.box, BOXES);
      const inside = BOXES.map((box) => centreInside(box, patch.box));
      image.show(image.layers.marks, tried.filter(({ accepted }) => !accepted).map((one) => ({ box: one.patch, kind: "refused" })));
      image.show(image.layers.boxes, NAMES.map((name, j) => ({ box: BOXES[j], kind: `truth ${inside[j] ? name : "dropped"}` })));
      seen.look(patch.box);
      const [x0, y0, x1, y1] = patch.box;
      const back = ([a, b, c, d]) => [x0 + a * (x1 - x0), y0 + b * (y1 - y0), x0 + c * (x1 - x0), y0 + d * (y1 - y0)];
      seen.show(seen.layers.boxes, NAMES.flatMap((name, j) => (cropped[j] ? [{ box: back(cropped[j]), kind: name, text: t(name) }] : [])));
      const minimum = MINIMA[least.value];
      const rule = fresh
        ? t(`augmentation.${!fresh.taken ? "tookWhole" : fresh.failed ? "failed" : fresh.minimum === null ? "tookAny" : "took"}`,
          { n: tried.length, minimum: fresh.minimum, best: num(best) })
        : t(`augmentation.${best >= minimum ? "accepts" : "refuses"}`, { minimum, best: num(best) });
      const kept = NAMES.filter((_, j) => inside[j]).map((name) => t(name));
      const lost = NAMES.filter((_, j) => !inside[j]).map((name) => t(name));
      say(rule, kept.length ? t("augmentation.kept", { names: list(kept) }) : t("augmentation.empty"),
        lost.length ? t("augmentation.lost", { names: list(lost) }) : "");
    }
    render();
  };
}
