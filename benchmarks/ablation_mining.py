"""What hard negative mining is worth, for speed and stability: ``python -m benchmarks.ablation_mining``."""

from benchmarks.ablations import RATE, Study, main

FAST = {"learning_rate": 4 * RATE}

STUDY = Study(
    name="mining",
    variants={
        "hard 3:1": {},
        "hard 1:1": {"criterion": {"negative_ratio": 1.0}},
        "hard 10:1": {"criterion": {"negative_ratio": 10.0}},
        "all negatives": {"criterion": {"mining": "all"}},
        "random 3:1": {"criterion": {"mining": "random"}},
        "hard 3:1 per batch": {"criterion": {"mine_per_batch": True}},
        "hard 3:1, 4 × rate": FAST,
        "all negatives, 4 × rate": {"criterion": {"mining": "all"}, **FAST},
        "random 3:1, 4 × rate": {"criterion": {"mining": "random"}, **FAST},
    },
)

if __name__ == "__main__":
    main(STUDY)
