"""Exported detectors, each made once."""

from pathlib import Path

import pytest
import torch

from ssd_lite import export, models
from tests.export.opened import CLASSES, SCENES, Run, opened_both, opened_onnx, opened_torch


@pytest.fixture(scope="package")
def lively() -> models.SSD:
    """A detector that was not trained, with weights so large that its scores and boxes differ widely."""
    torch.manual_seed(1)
    model = models.ssd_tiny(CLASSES).eval()
    for heads, factor in ((model.logit_heads, 6.0), (model.offset_heads, 3.0)):
        for head in heads:
            head.weight.data *= factor
    return model


@pytest.fixture(scope="package")
def trained() -> models.SSD:
    return models.load(SCENES)


@pytest.fixture(scope="package")
def lively_files(lively: models.SSD, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    files = {"onnx": folder / "detector.onnx", "torch": folder / "detector.pt2"}
    for file in files.values():
        export.save(lively, file)
    return files


@pytest.fixture(scope="package")
def lively_runs(lively_files: dict[str, Path]) -> dict[str, Run]:
    onnx_file, torch_file = (file.read_bytes() for file in lively_files.values())
    return {"onnx": opened_onnx(onnx_file), "torch": opened_torch(torch_file)}


@pytest.fixture(scope="package")
def trained_runs(trained: models.SSD) -> dict[str, Run]:
    return opened_both(trained, uint8=True)


@pytest.fixture(scope="package")
def raw_runs(trained: models.SSD) -> dict[str, Run]:
    return opened_both(trained, detections=False)
