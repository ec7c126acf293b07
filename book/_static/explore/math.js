// What the package computes, step by step; tests/book/test_explore.py compares the two. Boxes are
// [x0, y0, x1, y1] relative to the image, [cx, cy, w, h] where a name says "centre".
// No file is a module, since a browser that opens the book from the disk loads none; braces keep its names.
"use strict";
window.Explore = { figures: {} };
{
const { abs, exp, floor, fround, log, max, min, sqrt } = Math;
const clamp = (value, low, high) => min(max(value, low), high);
const count = (n, of) => Array.from({ length: n }, (_, i) => of(i));

// ssd_lite.boxes
const toCentre = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
const toCorners = ([cx, cy, w, h]) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
const area = ([x0, y0, x1, y1]) => max(x1 - x0, 0) * max(y1 - y0, 0);

function jaccard(a, b) {
  const shared = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])]);
  return shared > 0 ? shared / (area(a) + area(b) - shared) : 0;
}

const table = (truths, defaults) => truths.map((truth) => defaults.map((box) => jaccard(truth, box)));

// ssd_lite.matching: each object's own default box, the greatest overlap of all choosing first.
// The sort keeps the order of equals, so that ties go to the lower object, then to the lower box.
function firstStep(overlaps) {
  const own = overlaps.map(() => -1);
  const pairs = overlaps.flatMap((row, j) => row.map((value, i) => ({ value, j, i })));
  for (const { j, i } of pairs.sort((a, b) => b.value - a.value))
    if (own[j] < 0 && !own.includes(i)) own[j] = i;
  return own;
}

// Each default box's best object, or -1 where their overlap does not pass the threshold.
const secondStep = (overlaps, threshold, inclusive) => overlaps[0].map((_, i) => {
  const column = overlaps.map((row) => row[i]), best = max(...column);
  return best > threshold || (inclusive && best === threshold) ? column.indexOf(best) : -1;
});

function match(overlaps, { threshold = 0.5, rule = "ssd", inclusive } = {}) {
  const matches = secondStep(overlaps, rule === "multibox" ? 2 : threshold, inclusive);
  if (rule !== "threshold") firstStep(overlaps).forEach((i, j) => { if (i >= 0) matches[i] = j; });
  return matches;
}

// Many ports: every object takes its best default box in turn, the later one from the earlier.
function careless(overlaps) {
  const matches = secondStep(overlaps, 0.5, true);
  overlaps.forEach((row, j) => { matches[row.indexOf(max(...row))] = j; });
  return matches;
}

// ssd_lite.objective, for one box in centre form.
const encode = ([cx, cy, w, h], box, [v, s]) => [
  (cx - box[0]) / box[2] / v, (cy - box[1]) / box[3] / v, log(w / box[2]) / s, log(h / box[3]) / s,
];
const decode = ([x, y, w, h], box, [v, s]) => [
  x * v * box[2] + box[0], y * v * box[3] + box[1], exp(w * s) * box[2], exp(h * s) * box[3],
];
const smoothL1 = (x) => (abs(x) < 1 ? 0.5 * x * x : abs(x) - 0.5);
const smoothL1Gradient = (x) => clamp(x, -1, 1);

// ssd_lite.scales
const linearScales = (maps, smallest, largest) =>
  count(maps, (k) => smallest + (largest - smallest) / max(maps - 1, 1) * k);

// The formula's scales and the next one, which the last map's extra square needs.
function scalesAndNext(maps, smallest, largest) {
  const scales = linearScales(maps, smallest, largest);
  const step = maps > 1 ? scales[1] - scales[0] : largest - smallest;
  return [...scales, scales[maps - 1] + step];
}

// Width and height of the default boxes of a map: two squares, then two boxes for each ratio.
const shapes = (scale, next, ratios) => [scale, sqrt(scale * next)].map((side) => [side, side]).concat(
  ratios.map(sqrt).flatMap((root) => [[scale * root, scale / root], [scale / root, scale * root]]),
);

// A layout of square grids. Its boxes are rounded to float32, as DefaultBoxes.cxcywh() rounds them.
const layout = (grids, scales, ratios) => grids.map((grid, k) => ({
  centres: count(grid, (i) => fround((i + 0.5) * (1 / grid))),
  shapes: shapes(scales[k], scales[k + 1], ratios).map((sides) => sides.map(fround)),
}));

const rounded = (box) => toCorners(box).map(fround);

// Corners of all boxes: map by map, row by row, column by column, then shape by shape.
const corners = (maps) => maps.flatMap(({ centres, shapes }) => centres.flatMap((y) =>
  centres.flatMap((x) => shapes.map((sides) => rounded([x, y, ...sides])))));

// The greatest overlap that any box has with the truth. A shape is passed over if it could not beat the best
// so far even on the truth's centre.
function bestOverlap(truth, maps) {
  const [cx, cy] = toCentre(truth);
  let best = 0;
  for (const { centres, shapes } of maps) for (const [w, h] of shapes) {
    if (jaccard(truth, toCorners([cx, cy, w, h])) < best - 1e-6) continue;
    for (const y of centres) for (const x of centres) best = max(best, jaccard(truth, rounded([x, y, w, h])));
  }
  return best;
}

// ssd_lite.mining, for one image: the indices of the negatives that count, hardest first.
function hardNegatives(losses, positive, ratio) {
  const hardness = losses.map((loss) => (Number.isNaN(loss) ? Infinity : loss));
  const negatives = [...losses.keys()].filter((i) => !positive[i]);
  const wanted = floor((losses.length - negatives.length) * ratio);
  // Equal losses keep their order, two infinite ones as well.
  return negatives.sort((a, b) => hardness[b] - hardness[a] || 0).slice(0, wanted);
}

// ssd_lite.augmentation: a patch from four numbers in [0, 1).
function patchFrom([a, b, x, y]) {
  const share = 0.1 + 0.9 * a, low = log(max(share, 0.5)), high = log(min(1 / share, 2));
  const ratio = exp(low + (high - low) * b);
  const w = min(sqrt(share * ratio), 1), h = min(sqrt(share / ratio), 1);
  const left = x * (1 - w), top = y * (1 - h);
  return [left, top, min(left + w, 1), min(top + h, 1)];
}

// The best overlap of a patch with an object: what a rule's minimum is compared with.
const reached = (patch, truths) => max(...truths.map((truth) => jaccard(patch, truth)));

// The trials for one minimum, null for any patch, up to the first patch that satisfies it.
function trials(truths, minimum, random) {
  const tried = [];
  while (tried.length < 50 && !tried.at(-1)?.accepted) {
    const patch = patchFrom(count(4, random)), overlap = reached(patch, truths);
    tried.push({ patch, overlap, accepted: minimum === null || overlap >= minimum });
  }
  return tried;
}

// Which option is taken: 0 the whole image, 1 to 5 a minimum overlap, 6 any patch. A third each.
function choose(chance) {
  let sum = 0;
  const steps = [1, ...Array(5).fill(1 / 5), 1].map((weight) => (sum += weight));
  return steps.filter((step) => step <= chance * sum).length;
}

const relativeTo = ([left, top, right, bottom], box) =>
  box.map((value, n) => (n % 2 ? (value - top) / (bottom - top) : (value - left) / (right - left)));

// The objects as seen in a patch: clipped and relative to it, or null where the centre lies outside.
const cropTruths = (truths, patch) => truths.map((truth) => {
  const [x, y] = toCentre(truth), inside = x >= patch[0] && x <= patch[2] && y >= patch[1] && y <= patch[3];
  return inside ? relativeTo(patch, truth).map((value) => clamp(value, 0, 1)) : null;
});

Explore.math = {
  clamp, count, toCentre, toCorners, jaccard, table, match, careless, encode, decode, smoothL1,
  smoothL1Gradient, linearScales, scalesAndNext, layout, rounded, corners, bestOverlap, hardNegatives,
  reached, trials, choose, relativeTo, cropTruths,
};
}
