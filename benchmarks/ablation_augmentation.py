"""What each part of the augmentation is worth where images are few.

``python -m benchmarks.ablation_augmentation``
"""

from benchmarks.ablations import Study, base, main

OFF = {"crop": None, "photometric": None, "flip": 0.0}

STUDY = Study(
    name="augmentation",
    base=base(train_images=200),
    variants={
        "all of it": {},
        "none": OFF,
        "mirroring alone": {"crop": None, "photometric": None},
        "patches alone": {"photometric": None, "flip": 0.0},
        "colours alone": {"crop": None, "flip": 0.0},
        "all and zoom-out": {"zoom_out": 0.5},
    },
)

if __name__ == "__main__":
    main(STUDY)
