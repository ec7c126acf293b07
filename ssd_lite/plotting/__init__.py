"""All figures of the package and the book; matplotlib is imported here and nowhere else.

Each function returns a figure, and :func:`save` writes and closes it. A class has the same colour in every
figure; objects are dashed, detections are solid.
"""

from ssd_lite.deprecation import renamed
from ssd_lite.plotting.analysis import (
    ap_by_overlap,
    ap_by_size,
    confusion_matrix,
    error_gains,
    f1_by_threshold,
    precision_recall_grid,
    truth_beside_detections,
)
from ssd_lite.plotting.benchmarks import map_over_time, speedups, time_breakdown
from ssd_lite.plotting.boxes import draw_boxes, draw_detections, draw_truth, show_image
from ssd_lite.plotting.charts import distributions, grouped_bars, line_chart
from ssd_lite.plotting.coverage import overlap_by_size, recall_by_size, sizes_by_map
from ssd_lite.plotting.curves import (
    ablation,
    final_map,
    loss_curves,
    loss_of_runs,
    losses_by_rate,
    map_over_steps,
    precision_envelope,
    precision_recall,
    schedule,
)
from ssd_lite.plotting.default_boxes import (
    best_default_boxes,
    boxes_beyond_image,
    boxes_of_cells,
    centres_of_maps,
    receptive_fields,
    scale_ladder,
)
from ssd_lite.plotting.detections import (
    contact_sheet,
    detected,
    detections_beside_truth,
    detections_compared,
    detections_over_truth,
    detections_side_by_side,
    failures,
    suppression,
)
from ssd_lite.plotting.fonts import class_names
from ssd_lite.plotting.images import image_grid, patch_on_image
from ssd_lite.plotting.losses import gradient_boxes, line_fits, loss_shapes, overfitting
from ssd_lite.plotting.matching import (
    IGNORED,
    assignments,
    lost_objects,
    scores_by_overlap,
    threshold_tradeoff,
    two_maps,
    unassigned,
)
from ssd_lite.plotting.mining import (
    look_alikes,
    loss_shares,
    mined_boxes,
    positives_and_negatives,
    sorted_losses,
)
from ssd_lite.plotting.mining_curves import (
    focal_and_mining,
    imbalance,
    mining_progress,
    mining_rates,
    mining_speed,
)
from ssd_lite.plotting.offsets import decoded_boxes, matched_boxes, offset_pairs, offset_spread, ratio_costs
from ssd_lite.plotting.overlaps import intersection_and_union, overlap_examples, overlap_map, overlap_table
from ssd_lite.plotting.pipeline import pipeline
from ssd_lite.plotting.quick_look import show
from ssd_lite.plotting.rendering import data_uri, to_bytes, to_pixels
from ssd_lite.plotting.start import logo, single_shot, truth_and_detections
from ssd_lite.plotting.style import COLOURS, colour, save

__getattr__ = renamed(
    __name__,
    {
        old: f"{__name__}.{new}"
        for old, new in {
            "found": "detections_over_truth",
            "matched_pair": "matched_boxes",
            "overlaps_to_the_eye": "overlap_examples",
            "pictures": "image_grid",
            "positives_among": "positives_and_negatives",
            "shares": "grouped_bars",
            "speed_ups": "speedups",
            "threshold_trade": "threshold_tradeoff",
            "time_of_parts": "time_breakdown",
            "trends": "line_chart",
            "truth_and_found": "truth_and_detections",
        }.items()
    },
)

__all__ = [
    "COLOURS",
    "IGNORED",
    "ablation",
    "ap_by_overlap",
    "ap_by_size",
    "assignments",
    "best_default_boxes",
    "boxes_beyond_image",
    "boxes_of_cells",
    "centres_of_maps",
    "class_names",
    "colour",
    "confusion_matrix",
    "contact_sheet",
    "data_uri",
    "decoded_boxes",
    "detected",
    "detections_beside_truth",
    "detections_compared",
    "detections_over_truth",
    "detections_side_by_side",
    "distributions",
    "draw_boxes",
    "draw_detections",
    "draw_truth",
    "error_gains",
    "f1_by_threshold",
    "failures",
    "final_map",
    "focal_and_mining",
    "gradient_boxes",
    "grouped_bars",
    "image_grid",
    "imbalance",
    "intersection_and_union",
    "line_chart",
    "line_fits",
    "logo",
    "look_alikes",
    "loss_curves",
    "loss_of_runs",
    "loss_shapes",
    "loss_shares",
    "losses_by_rate",
    "lost_objects",
    "map_over_steps",
    "map_over_time",
    "matched_boxes",
    "mined_boxes",
    "mining_progress",
    "mining_rates",
    "mining_speed",
    "offset_pairs",
    "offset_spread",
    "overfitting",
    "overlap_by_size",
    "overlap_examples",
    "overlap_map",
    "overlap_table",
    "patch_on_image",
    "pipeline",
    "positives_and_negatives",
    "precision_envelope",
    "precision_recall",
    "precision_recall_grid",
    "ratio_costs",
    "recall_by_size",
    "receptive_fields",
    "save",
    "scale_ladder",
    "schedule",
    "scores_by_overlap",
    "show",
    "show_image",
    "single_shot",
    "sizes_by_map",
    "sorted_losses",
    "speedups",
    "suppression",
    "threshold_tradeoff",
    "time_breakdown",
    "to_bytes",
    "to_pixels",
    "truth_and_detections",
    "truth_beside_detections",
    "two_maps",
    "unassigned",
]
