// Every text that a figure shows or says, by language. {name} stands for a value; a text that depends on a
// number n has a form for each plural category of the language, and may have one for "none".
"use strict";
{
const keys = "Drag a box to move it, a corner to resize it. By keyboard: Tab to a box, then arrow keys move it, "
  + "Shift with an arrow key resizes it, + and − scale it, Home puts it back.";
Explore.strings = {
  en: {
    dir: "ltr",
    cat: "cat", dog: "dog", tree: "tree", fish: "fish",
    reset: "Start again",
    map: "{n}\u00a0×\u00a0{n} map",
    box: { role: "movable box", label: "{name}, from {x0}, {y0} to {x1}, {y1}" },
    matching: {
      title: "Explore matching: a cat and a dog over the default boxes of two maps",
      legend: "Thick: the object’s own default box (step one). Thin: matched in step two. Grey: the best "
        + "default box for an object, not matched.",
      keys,
      show: "Show", overlaps: "overlaps", first: "step one", both: "both steps", threshold: "Threshold",
      best: { none: "{best}, none", one: "{best}, 1 box", other: "{best}, {n} boxes" },
      boxes: {
        none: "none on the {map}", one: "1 default box on the {map}", other: "{n} default boxes on the {map}",
      },
      said: "The {name} has {boxes}.",
      negatives: { one: "1 default box is a negative.", other: "{n} default boxes are negatives." },
    },
    conflict: {
      title: "Explore a conflict: two objects that want one default box",
      legend: "Dashed: the objects. Full: the default boxes that answer for them.",
      keys,
      careless: "later overwrites", exact: "best claim first", wants: "overlaps best",
      box: "box {i} ({overlap})",
      count: { none: "lost", one: "1 box", other: "{n} boxes" },
      same: "Both objects overlap default box {i} best.",
      different: "The cat overlaps default box {i} best, the dog default box {k}.",
      lost: "The careless matcher leaves the {names} without a default box. The exact one gives each its own.",
      kept: "Neither matcher loses an object here.",
    },
    offsets: {
      title: "Explore offsets: a ground truth and a prediction, seen from one default box",
      legend: "Dots and rows cx, cy: the centres. w, h: the sizes, as logarithms of ratios.",
      keys,
      default: "default box", truth: "ground truth", predicted: "prediction",
      variances: "Variances", smooth: "smooth L1", gradient: "gradient", difference: "difference l − ĝ",
      said: "Localization loss {loss}. The default box overlaps the ground truth by {before}, "
        + "the prediction by {now}.",
    },
    scales: {
      title: "Explore scales: default boxes by the formula, and the objects that they reach",
      legend: "In the picture: the boxes of one cell. In the plot: sides of objects (full: reached; rings: "
        + "not) and of all default boxes (squares).",
      keys: "Point at a cell to see its boxes, or Tab to the picture and use the arrow keys.",
      data: "Objects", cards: "playing cards", bccd: "blood cells", fod: "debris on runways",
      ratios: "Aspect ratios",
      least: "Smallest scale", most: "Largest scale", maps: "Maps, m", which: "Map shown",
      width: "width (share of the image’s)", height: "height",
      cell: "cells", where: "{map}, row {row}, column {column}",
      said: "Coverage {share}: {found} of {n} objects overlap one of {boxes} default boxes by more than 0.5. "
        + "Scales: {scales}.",
    },
    mining: {
      title: "Explore hard negative mining: which negatives of a scene count",
      legend: "Orange: positives. Blue: negatives that count. Black: the negative at the rank below.",
      keys: "Move a slider with the mouse, a finger or the arrow keys.",
      scene: "a scene and its default boxes", alt: "A drawn scene with a tree, a dog and a fish.",
      ratio: "Negatives to a positive", rank: "Look at rank",
      sorted: "negatives, hardest first", loss: "confidence loss",
      said: {
        one: "1 positive: at {ratio} : 1, {kept} of {all} negatives count, with {share}% of the negatives’ loss.",
        other: "{n} positives: at {ratio} : 1, {kept} of {all} negatives count, "
          + "with {share}% of the negatives’ loss.",
      },
      counts: "The negative at rank {rank} has loss {loss} and counts.",
      leftOut: "The negative at rank {rank} has loss {loss} and is left out.",
    },
    augmentation: {
      title: "Explore patches: which are taken, and which objects stay",
      legend: "Coloured: objects whose centre lies in the patch. Dotted: dropped. Grey: patches refused.",
      keys,
      image: "the image and the patch", seen: "what the network sees", patch: "patch",
      option: "Option", overlap: "minimum overlap", any: "any patch", whole: "whole image",
      random: "one of the three at random", least: "Minimum overlap", draw: "Draw a patch",
      tookWhole: "Whole image.",
      took: {
        one: "Minimum overlap {minimum}: the first trial is taken, with overlap {best}.",
        other: "Minimum overlap {minimum}: trial {n} is taken, with overlap {best}.",
      },
      tookAny: "Any patch is taken.",
      failed: "Minimum overlap {minimum}: all {n} trials were refused, so the whole image is used.",
      accepts: "Best overlap with an object {best}: a minimum of {minimum} takes this patch.",
      refuses: "Best overlap with an object {best}: a minimum of {minimum} refuses this patch.",
      kept: "Kept, and clipped to the patch: {names}.",
      lost: "Dropped: {names}.",
      empty: "No object is left.",
    },
  },
};
}
