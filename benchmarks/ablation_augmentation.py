"""What each part of the augmentation is worth where images are few, and where they are not so few.

``python -m benchmarks.ablation_augmentation``
"""

from benchmarks.ablations import Study, base, main

OFF = {"crop": None, "photometric": None, "flip": 0.0}
MORE = {"train_images": 200}

STUDY = Study(
    name="augmentation",
    base=base(train_images=50),
    variants={
        "all of it": {},
        "none": OFF,
        "mirroring alone": {"crop": None, "photometric": None},
        "patches alone": {"photometric": None, "flip": 0.0},
        "colours alone": {"crop": None, "flip": 0.0},
        "all and zoom-out": {"zoom_out": 0.5},
        "all of it, 200 images": MORE,
        "none, 200 images": OFF | MORE,
    },
)

if __name__ == "__main__":
    main(STUDY)
