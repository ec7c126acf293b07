"""What the weight α and the variances are worth: ``python -m benchmarks.ablation_objective``."""

from benchmarks.ablations import Study, main

STUDY = Study(
    name="objective",
    variants={
        "α = 1": {},
        "α = 0.1": {"criterion": {"alpha": 0.1}},
        "α = 10": {"criterion": {"alpha": 10.0}},
        "variances (1, 1)": {"model_options": {"variances": (1.0, 1.0)}},
        "loss divided image by image": {"criterion": {"normalize": "image"}},
    },
)

if __name__ == "__main__":
    main(STUDY)
