"""The real objects of the book's explorable figures: ``python -m benchmarks.explorables``.

Writes ``book/explore/objects.json``: ``OBJECTS`` boxes of the ``test`` split of each of ``bccd``, ``cards``
and ``fod-a``, drawn at random, from the folder that ``SSD_LITE_SHARED`` names. The datasets' licences
(MIT, Apache-2.0, MIT) allow it.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from benchmarks.runs import SHARED
from ssd_lite.boxes import xyxy_to_cxcywh
from ssd_lite.data import VOCFolder

FILE = Path(__file__).parents[1] / "book" / "explore" / "objects.json"
DATASETS = {"cards": "cards", "bccd": "bccd", "fod": "fod-a"}
OBJECTS = 100


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Write the real objects of the book's explorable figures.")
    parser.add_argument("--out", type=Path, default=FILE, help="the file")
    found = {key: objects(SHARED / "data" / name) for key, name in DATASETS.items()}
    parser.parse_args().out.write_text(json.dumps(found) + "\n")


def objects(root: Path) -> list[list[int]]:
    """Some objects of a dataset: centre and size in thousandths of the image."""
    folder = VOCFolder(root, "test", skip_invalid=True)
    boxes = torch.cat([folder.truth(i).boxes_xyxy for i in range(len(folder))])
    chosen = np.random.default_rng(0).permutation(len(boxes))[:OBJECTS]
    rounded: list[list[int]] = (
        (xyxy_to_cxcywh(boxes[chosen]).double() * 1000).round().clamp(1, 999).int().tolist()
    )
    return rounded


if __name__ == "__main__":
    main()
