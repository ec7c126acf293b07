"""What the two steps of matching and its threshold are worth: ``python -m benchmarks.ablation_matching``."""

from benchmarks.ablations import Study, main

STUDY = Study(
    name="matching",
    variants={
        "both steps, 0.5": {},
        "first step alone (MultiBox)": {"criterion": {"rule": "multibox"}},
        "second step alone": {"criterion": {"rule": "threshold"}},
        "both steps, 0.3": {"criterion": {"threshold": 0.3}},
        "both steps, 0.4": {"criterion": {"threshold": 0.4}},
        "both steps, 0.6": {"criterion": {"threshold": 0.6}},
        "both steps, 0.7": {"criterion": {"threshold": 0.7}},
    },
)

if __name__ == "__main__":
    main(STUDY)
