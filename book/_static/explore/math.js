// What the package computes, step by step, in the browser; tests/book/test_explore.py compares the two.
// Boxes are [x0, y0, x1, y1] relative to the image, [cx, cy, w, h] where a name says "centre".
//
// Plain scripts, since a browser that opens the book from the disk loads no modules; the braces around each
// file keep its names to itself.
"use strict";
window.Explore = { figures: {}, data: {} };
{
const UNMATCHED = -1;
const { abs, exp, floor, fround, log, max, min, sign, sqrt } = Math;
const clamp = (value, low, high) => min(max(value, low), high);

// ssd_lite.boxes
const toCentre = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0];
const toCorners = ([cx, cy, w, h]) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
const area = ([x0, y0, x1, y1]) => max(x1 - x0, 0) * max(y1 - y0, 0);

function jaccard(a, b) {
  const width = max(min(a[2], b[2]) - max(a[0], b[0]), 0);
  const height = max(min(a[3], b[3]) - max(a[1], b[1]), 0);
  const shared = width * height;
  return shared > 0 ? shared / (area(a) + area(b) - shared) : 0;
}

const table = (truths, defaults) => truths.map((truth) => defaults.map((box) => jaccard(truth, box)));

function centreInside([x0, y0, x1, y1], patch) {
  const x = (x0 + x1) / 2, y = (y0 + y1) / 2;
  return x >= patch[0] && x <= patch[2] && y >= patch[1] && y <= patch[3];
}

// ssd_lite.matching: each object's own default box, the greatest overlap of all choosing first.
// Strict comparisons, so that ties go to the lower object, then to the lower box.
function firstStep(overlaps) {
  const own = overlaps.map(() => UNMATCHED);
  for (let round = 0; round < overlaps.length; round++) {
    let greatest = -1, object = UNMATCHED, box = UNMATCHED;
    overlaps.forEach((row, j) => own[j] === UNMATCHED && row.forEach((value, i) => {
      if (value > greatest && !own.includes(i)) [greatest, object, box] = [value, j, i];
    }));
    if (object !== UNMATCHED) own[object] = box;
  }
  return own;
}

// Each default box's best object, where their overlap passes the threshold.
function secondStep(overlaps, threshold, inclusive = false) {
  return (overlaps[0] ?? []).map((_, i) => {
    let greatest = -1, best = UNMATCHED;
    overlaps.forEach((row, j) => { if (row[i] > greatest) [greatest, best] = [row[i], j]; });
    return greatest > threshold || (inclusive && greatest === threshold) ? best : UNMATCHED;
  });
}

function match(overlaps, { threshold = 0.5, rule = "ssd", inclusive = false } = {}) {
  const matches = secondStep(overlaps, rule === "multibox" ? 2 : threshold, inclusive);
  if (rule !== "threshold") firstStep(overlaps).forEach((i, j) => { if (i >= 0) matches[i] = j; });
  return matches;
}

// Many ports: every object takes its best default box in turn, the later one from the earlier.
function careless(overlaps, threshold = 0.5) {
  const matches = secondStep(overlaps, threshold, true);
  overlaps.forEach((row, j) => { matches[row.indexOf(max(...row))] = j; });
  return matches;
}

// ssd_lite.objective, for one box in centre form.
const encode = (truth, box, [v, s] = [1, 1]) => [
  (truth[0] - box[0]) / box[2] / v, (truth[1] - box[1]) / box[3] / v,
  log(truth[2] / box[2]) / s, log(truth[3] / box[3]) / s,
];
const decode = (offsets, box, [v, s] = [1, 1]) => [
  offsets[0] * v * box[2] + box[0], offsets[1] * v * box[3] + box[1],
  exp(offsets[2] * s) * box[2], exp(offsets[3] * s) * box[3],
];
const smoothL1 = (x) => (abs(x) < 1 ? 0.5 * x * x : abs(x) - 0.5);
const smoothL1Gradient = (x) => (abs(x) < 1 ? x : sign(x));

// ssd_lite.scales
function linearScales(maps, smallest = 0.2, largest = 0.9) {
  const step = (largest - smallest) / max(maps - 1, 1);
  return Array.from({ length: maps }, (_, k) => smallest + step * k);
}

// The formula's scales and the next one, which the last map's extra square needs.
function scalesAndNext(maps, smallest, largest) {
  const scales = linearScales(maps, smallest, largest);
  const step = maps > 1 ? scales[1] - scales[0] : largest - smallest;
  return [...scales, scales[maps - 1] + step];
}

function shapes(scale, next, ratios) {
  const between = sqrt(scale * next), found = [[scale, scale], [between, between]];
  for (const ratio of ratios) {
    const wide = scale * sqrt(ratio), narrow = scale / sqrt(ratio);
    found.push([wide, narrow], [narrow, wide]);
  }
  return found;
}

// A layout of square grids. Its boxes are rounded to float32, as DefaultBoxes.cxcywh() rounds them.
const layout = (grids, scales, ratios) => grids.map((grid, k) => ({
  grid,
  shapes: shapes(scales[k], scales[k + 1], ratios).map((shape) => shape.map(fround)),
  centres: Array.from({ length: grid }, (_, i) => fround((i + 0.5) * (1 / grid))),
}));

function boxAt({ shapes, centres }, row, column, shape) {
  const [w, h] = shapes[shape], cx = centres[column], cy = centres[row];
  return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2].map(fround);
}

// Corners of all boxes: map by map, row by row, column by column, then shape by shape.
function corners(maps) {
  const found = [];
  for (const map of maps)
    for (let row = 0; row < map.grid; row++)
      for (let column = 0; column < map.grid; column++)
        map.shapes.forEach((_, shape) => found.push(boxAt(map, row, column, shape)));
  return found;
}

// The greatest overlap that any box has with the truth. A shape that could not beat the best found
// so far, even if it lay on the truth's centre, is passed over.
function bestOverlap(truth, maps) {
  const [, , w, h] = toCentre(truth);
  let best = 0;
  for (const map of maps) map.shapes.forEach(([wide, high], shape) => {
    const shared = min(w, wide) * min(h, high);
    if (shared / (w * h + wide * high - shared) < best - 1e-6) return;
    for (let row = 0; row < map.grid; row++)
      for (let column = 0; column < map.grid; column++)
        best = max(best, jaccard(truth, boxAt(map, row, column, shape)));
  });
  return best;
}

// ssd_lite.mining, for one image: the indices of the negatives that count, hardest first.
function hardNegatives(losses, positive, ratio = 3) {
  const hardness = losses.map((loss) => (Number.isNaN(loss) ? Infinity : loss));
  const negatives = losses.map((_, i) => i).filter((i) => !positive[i]);
  const wanted = min(floor((losses.length - negatives.length) * ratio), negatives.length);
  const harder = (a, b) => (hardness[a] < hardness[b]) - (hardness[a] > hardness[b]);
  return negatives.sort(harder).slice(0, wanted); // stable: equal losses keep their order
}

// ssd_lite.augmentation: a patch from four numbers in [0, 1).
function patchFrom([a, b, x, y], size = [0.1, 1], ratios = [0.5, 2]) {
  const share = size[0] + (size[1] - size[0]) * a;
  const low = log(max(share, ratios[0])), high = log(min(1 / share, ratios[1]));
  const ratio = exp(low + (high - low) * b);
  const w = min(sqrt(share * ratio), 1), h = min(sqrt(share / ratio), 1);
  const left = x * (1 - w), top = y * (1 - h);
  return [left, top, min(left + w, 1), min(top + h, 1)];
}

// The best overlap of a patch with an object; a patch satisfies a rule if this reaches its minimum.
const reached = (patch, truths) => max(-1, ...truths.map((truth) => jaccard(patch, truth)));

// The trials for one minimum, null for any patch, up to the first patch that satisfies it.
function trials(truths, minimum, random, most = 50) {
  const tried = [];
  while (tried.length < most && !tried.at(-1)?.accepted) {
    const patch = patchFrom([random(), random(), random(), random()]), overlap = reached(patch, truths);
    tried.push({ patch, overlap, accepted: minimum === null || overlap >= minimum });
  }
  return tried;
}

// Which option is taken: 0 the whole image, then the minimum overlaps, last any patch.
function choose(chance, minima = 5, [whole, overlap, any] = [1, 1, 1]) {
  const weights = [whole, ...Array(minima).fill(overlap / minima), any];
  let sum = 0;
  const steps = weights.map((weight) => (sum += weight));
  return steps.filter((step) => step <= chance * sum).length;
}

// The objects as seen in a patch: clipped and relative to it, or null where the centre lies outside.
const cropTruths = (truths, patch) => truths.map((truth) => centreInside(truth, patch)
  ? truth.map((value, n) => clamp((value - patch[n % 2]) / (patch[n % 2 + 2] - patch[n % 2]), 0, 1))
  : null);

Explore.math = {
  UNMATCHED, clamp, toCentre, toCorners, jaccard, table, centreInside, firstStep, secondStep, match, careless,
  encode, decode, smoothL1, smoothL1Gradient, linearScales, scalesAndNext, shapes, layout, corners, boxAt,
  bestOverlap, hardNegatives, patchFrom, reached, trials, choose, cropTruths,
};
}
