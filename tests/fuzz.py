"""Spoiled input of every kind: each case ends in success or in one clear error, and nothing half-written.

``python -m tests.fuzz --cases 50000 --seed 1`` tries that many; the tests some thousands, always the same.
"""

import argparse
import io
import json
import struct
import sys
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest import mock

import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from ssd_lite import cli, models, recipes
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data import DatasetError, FolderDataset, convert, open_folder
from ssd_lite.data.images import MAX_PIXELS, ImageError, read_header, read_image
from ssd_lite.scales import DefaultBoxes
from ssd_lite.training import checkpoint
from tests.data.folders import (
    coco_content,
    put,
    voc_object,
    voc_xml,
    write_coco,
    write_voc,
    write_voc_splits,
    write_yolo,
)
from tests.strategies import JSON, spoiled_bytes, spoiled_json

Case = Callable[[st.DataObject, Path], None]
LONGEST = 5.0
"""Seconds of the processor that a case may take; most take a few thousandths."""


# ---- datasets

TAGS = ("annotation", "object", "name", "bndbox", "xmin", "ymax", "size", "width", "filename", "difficult")
PIECES = st.sampled_from(
    [f"<{tag}>" for tag in TAGS]
    + [f"</{tag}>" for tag in TAGS]
    + ["&e;", "&#x41;", "<![CDATA[", "]]>", "<!--", "\0", "7", "-1", "nan", "1e400", "²", "../", "/etc/a.jpg"]
    + ['<!DOCTYPE a [<!ENTITY e "x">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">', "king", "queen\n"]
)
GOOD_XML = voc_xml(voc_object(("king", 3, 2, 20, 20)) + voc_object(("queen", 1, 1, 5, 5)), filename="a.jpg")


@st.composite
def _spoiled_xml(draw: st.DrawFn) -> bytes:
    text = GOOD_XML
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(PIECES | st.text(max_size=4)) + text[start + draw(st.integers(0, 12)) :]
    content = text.encode("utf-8", "surrogatepass")
    return draw(spoiled_bytes(content)) if draw(st.booleans()) else content


NAMES = st.text(max_size=6) | st.sampled_from(["a", "b", "a 1", "b -1", "..", "../a", "/etc/passwd", "\0"])
NAMES |= st.sampled_from(["a.jpg", "JPEGImages/b.jpg", "/data/set/a.jpg", "../../etc/a.jpg", "C:\\b.png"])


def voc(data: st.DataObject, folder: Path) -> None:
    """A folder in VOC's layout with anything in its annotations, its lists and its images."""
    root = folder / "voc"
    if not root.exists():
        write_voc(root)
    (root / "Annotations" / "a.xml").write_bytes(data.draw(_spoiled_xml()))
    lines = data.draw(st.lists(NAMES, max_size=3)) if data.draw(st.integers(0, 3)) == 0 else ["a", "b"]
    (root / "ImageSets/Main/train.txt").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    _check_folder(data, root)


def flat(data: st.DataObject, folder: Path) -> None:
    """A folder for each split, XML of any kind and encoding beside the images."""
    root = folder / "flat"
    if not root.exists():
        write_voc_splits(root)
    text = data.draw(_spoiled_xml()).decode("utf-8", "replace")
    encoding = data.draw(st.sampled_from(["utf-8", "gbk", "utf-16", "utf-7", "hex", "x" * 9]))
    declared = f'<?xml version="1.0" encoding="{encoding}"?>{text}'
    known = encoding if data.draw(st.booleans()) and encoding in ("gbk", "utf-16") else "utf-8"
    (root / "train" / "a.xml").write_bytes(declared.encode(known, "replace"))
    _check_folder(data, root)


def coco(data: st.DataObject, folder: Path) -> None:
    """A COCO file with anything in it."""
    root = folder / "coco"
    images, file = root / "images", root / "annotations" / "instances_train.json"
    if not images.exists():
        write_coco(root)
        (root / "instances.json").unlink()
        put(file, "")
    text = json.dumps(data.draw(spoiled_json(coco_content()) | JSON)).encode()
    file.write_bytes(data.draw(spoiled_bytes(text)) if data.draw(st.booleans()) else text)
    _check_folder(data, root)


YAML = st.sampled_from(
    [
        *("names", "train", "val", "path", ": ", "\n", "[king]", "{0: king}", "&a ", "*a", "~", "!!set "),
        *("images/train", "../images", "/etc", "..", "train.txt", "- ", "'", '"', "\t", "nc: 1\n", "\0"),
        "!!python/object/apply:os.getcwd []",
    ]
)


def yolo(data: st.DataObject, folder: Path) -> None:
    """A folder in YOLO's layout with anything in its labels and its YAML file."""
    root = folder / "yolo"
    if not root.exists():
        write_yolo(root)
    number = st.sampled_from(["0", "1", "-1", "0.3", "0.4", "1e400", "nan", "²", "x", "9" * 5000])
    lines = data.draw(st.lists(st.lists(number, max_size=8).map(" ".join) | st.text(max_size=6), max_size=3))
    labels = "\n".join(lines).encode("utf-8", "surrogatepass")
    (root / "labels/train/a.txt").write_bytes(data.draw(spoiled_bytes(labels)))
    good = "train: images/train\nval: images/val\nnames: [king]\n"
    text = good if data.draw(st.booleans()) else "".join(data.draw(st.lists(YAML, max_size=9)))
    (root / "data.yaml").write_bytes(data.draw(spoiled_bytes(text.encode())))
    lists = "\n".join(data.draw(st.lists(NAMES, max_size=3)))
    (root / "train.txt").write_bytes(lists.encode("utf-8", "surrogatepass"))
    _check_folder(data, root)


def _check_folder(data: st.DataObject, root: Path) -> None:
    """Opened with any options, a folder is read or refused; nothing outside it is read."""
    options: dict[str, Any] = {
        "boxes": data.draw(st.sampled_from([None, "pixels", "fractions"])),
        "scale_boxes": data.draw(st.booleans()),
    }
    try:
        folder = open_folder(root, **options)
    except DatasetError as error:
        str(error).encode()
        return
    problems = folder.check()
    for problem in problems:
        assert problem.file
        assert problem.rule
        assert "\n" not in f"{problem.file}{problem.object}", "a problem is one line"
        str(problem).encode()
    for skip in (False, True):
        folder = open_folder(root, skip_invalid=skip, **options)
        for split in folder.splits:
            try:
                dataset = folder.dataset(split)
            except DatasetError:
                continue
            _check_dataset(dataset, root)
    with tempfile.TemporaryDirectory(dir=root.parent) as out, suppress(DatasetError):
        convert(folder, to=data.draw(st.sampled_from(["voc", "coco", "yolo"])), out=Path(out) / "new")


def _check_dataset(dataset: FolderDataset, root: Path) -> None:
    for index in range(len(dataset)):
        assert dataset.image_path(index).resolve().is_relative_to(root.resolve())
        assert dataset.truth(index).boxes_xyxy.isfinite().all()
        with suppress(DatasetError):  # whose pixels cannot be decoded
            dataset[index]


# ---- images


@cache
def _images() -> tuple[bytes, ...]:
    """Small pictures of many kinds."""
    colour = Image.radial_gradient("L").resize((24, 16)).convert("RGB")
    frames = {"save_all": True, "append_images": [colour.rotate(90), colour.rotate(180)]}
    kinds: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (colour, "JPEG", {}),
        (colour, "JPEG", {"progressive": True}),
        (colour.convert("CMYK"), "JPEG", {}),
        (colour, "PNG", {}),
        (colour.convert("I;16"), "PNG", {}),
        (colour.convert("P"), "PNG", {"transparency": 3}),
        (colour.convert("LA"), "PNG", {}),
        (colour, "PNG", frames),
        (colour, "GIF", frames),
        (colour, "WEBP", {}),
        (colour.convert("RGBA"), "WEBP", frames),
        (colour, "BMP", {}),
        (colour, "TIFF", {}),
        (colour.convert("F"), "TIFF", {}),
        (colour, "PPM", {}),
        (colour, "TGA", {}),
        (colour, "JPEG2000", {}),
    ]
    return tuple(_saved(*kind) for kind in kinds)


def _saved(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@st.composite
def _claims(draw: st.DrawFn) -> bytes:
    """A PNG that claims any size and bit depth, its checksums in order."""
    side = st.sampled_from([0, 1, 60_000, 2**31 - 1, 2**32 - 1]) | st.integers(0, 2**32 - 1)
    depth, colour = draw(st.sampled_from([1, 8, 16, 255])), draw(st.integers(0, 7))
    header = struct.pack(">IIBBBBB", draw(side), draw(side), depth, colour, 0, 0, draw(st.integers(0, 2)))
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(draw(st.binary(max_size=20))))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def image(data: st.DataObject, folder: Path) -> None:
    """A damaged image, or one that claims to be anything."""
    path = folder / f"image{data.draw(st.sampled_from(['.jpg', '.png']))}"
    whole = data.draw(st.sampled_from(_images()))
    path.write_bytes(data.draw(spoiled_bytes(whole) | _claims() | st.binary(max_size=30)))
    for read in (read_header, read_image, lambda path: read_image(path, max_side=8)):
        try:
            found = read(path)
        except ImageError:
            continue
        if isinstance(found, torch.Tensor):
            assert found.dtype == torch.uint8
            assert found.shape[0] == 3
            assert 0 < found[0].numel() <= MAX_PIXELS


# ---- files of weights, checkpoints, recipes


@cache
def _detector() -> tuple[bytes, dict[str, Any]]:
    boxes = DefaultBoxes(grids=((16, 16), (8, 8)), scales=(0.2, 0.4, 0.6), aspect_ratios=((), ()))
    model = models.ssd_tiny(["king", "queen"], default_boxes=boxes)
    return models.to_bytes(model), model.config


def weights(data: st.DataObject, folder: Path) -> None:
    """A damaged file of weights, or one that claims to hold another model."""
    whole, config = _detector()
    length = struct.unpack("<Q", whole[:8])[0]
    if data.draw(st.booleans()):
        header = json.loads(whole[8 : 8 + length])
        header["__metadata__"]["model"] = json.dumps(data.draw(spoiled_json(config)))
        text = json.dumps(header).encode()
        content = struct.pack("<Q", len(text)) + text + whole[8 + length :]
    else:
        content = data.draw(spoiled_bytes(whole[: 8 + length])) + whole[8 + length :]
    path = folder / "model.safetensors"
    path.write_bytes(content)
    said = ""
    try:
        assert models.load(path).classes
    except ValueError as error:
        said = str(error)
    assert not said or (said.startswith(f"{path}: ") and len(said) < 2000)


@cache
def _state() -> bytes:
    file = io.BytesIO()
    torch.save(
        {"format": checkpoint.FORMAT, "step": 7, "model": {"a": torch.arange(50.0)}, "seconds": 1.5}, file
    )
    return file.getvalue()


def state(data: st.DataObject, folder: Path) -> None:
    """A damaged checkpoint: it is as it was, or the one before is taken, or a clear error."""
    (folder / "step-00000007.pt").write_bytes(data.draw(spoiled_bytes(_state())))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = checkpoint.newest(folder)
        except ValueError:
            return
    assert not told
    assert found is not None
    assert found["step"] == 7
    assert torch.equal(found["model"]["a"], torch.arange(50.0))


def recipe(data: st.DataObject, folder: Path) -> None:
    """A recipe with anything in it; one that is taken can be begun with."""
    good = recipes.scenes().changed(default_boxes=models.tiny_default_boxes()).to_dict()
    settings = data.draw(spoiled_json(good) | JSON)
    text = json.dumps(settings).encode()
    put(folder / "run" / "recipe.json", "")
    (folder / "run" / "recipe.json").write_bytes(
        data.draw(spoiled_bytes(text)) if data.draw(st.booleans()) else text
    )
    code, said = _command("train", "--resume", "--out", folder / "run")
    assert code in (0, 2), said
    try:
        chosen = recipes.Recipe.from_dict(settings)
        with torch.device("meta"):
            options = {"default_boxes": chosen.default_boxes} | dict(chosen.model_options)
            model = models.MODELS[chosen.model](["king"], **options)
    except (ValueError, TypeError):
        return
    chosen.augmentation(32)
    MultiBoxCriterion(model.default_boxes)


# ---- commands

VALUES = (
    *("", "train", "test", "export", "mend", "--help", "-", "--", "cpu", "cuda", "cuda:99", "meta", "tpu:9"),
    *("0", "-1", "1", "0.5", "nan", "inf", "1e400", "9" * 30, "²", "area", "11-point", "folder", "scenes"),
    *("model=ssd_tiny", "batch=0", "steps=", "=", "crop=[]", "crop={}", "classes=3", "seed=1.5", "root=1"),
    *("voc", "voc/JPEGImages", "voc/JPEGImages/a.jpg", "good.safetensors", "bad.safetensors", "nowhere"),
    *("king,queen", "king", ",", "none", "imagenet", "new/x.png", "new", "new/x.json", "new/x.onnx", "x.pt2"),
    *("onnx", "torch", "coco", "yolo", "pixels", "fractions", "ssd_tiny", "--version"),
)
OPTIONS = {
    "train": "--recipe --out --resume --steps --weights --train-split --test-split --set --set --classes "
    "--model --batch --layout --boxes --scale-boxes",
    "evaluate": "--split --method --iou --json --device --skip-invalid --layout --boxes --scale-boxes",
    "detect": "--out --threshold --device",
    "inspect": "--split --classes --sheet --layout --boxes --scale-boxes",
    "convert": "--to --out --layout --classes --boxes --scale-boxes --skip-invalid --link",
    "export": "--out --format --raw --uint8 --threshold --iou --overwrite",
}
PATHS = ("voc", "voc/JPEGImages", "voc/JPEGImages/a.jpg", "good.safetensors", "bad.safetensors", "nowhere")
PATHS += ("new", "new/x.png", "new/x.json", "new/x.onnx", "x.pt2")


def command(data: st.DataObject, folder: Path) -> None:
    """A command line of words that occur in some, in any order."""
    if not (folder / "voc").exists():
        write_voc(folder / "voc")
        (folder / "good.safetensors").write_bytes(_detector()[0])
        (folder / "bad.safetensors").write_bytes(_detector()[0][:1000])
    first = data.draw(st.sampled_from([*OPTIONS]))
    usual = {
        "evaluate": ["good.safetensors", "voc"],
        "detect": ["good.safetensors", "voc/JPEGImages/a.jpg"],
        "convert": ["voc", "--to", "coco", "--out", "new"],
        "export": ["good.safetensors", "--out", "new/x.onnx"],
    }
    words = usual.get(first, ["voc"]) if data.draw(st.booleans()) else []
    text = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=3)
    value = st.sampled_from(VALUES) | text
    pair = st.tuples(st.sampled_from(OPTIONS[first].split()), value)
    more = st.lists(pair, max_size=2).map(lambda pairs: [word for pair in pairs for word in pair])
    words = [first, *words, *data.draw(more | st.lists(value | st.sampled_from(OPTIONS["train"].split())))]
    paths = [str(folder / word) if word in PATHS else word for word in words]
    code, said = _command(*paths)
    assert code in (0, 1, 2), said
    assert code != 2 or said.strip(), "an error says something"
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())


@contextmanager
def _light() -> Iterator[None]:
    """Nothing is trained or traced, and where drawn scenes are asked for there are two."""
    few = recipes.scenes().changed(train_images=2, test_images=2)

    def ends(*arguments: Any, **options: Any) -> None:
        sys.exit(0)

    with (
        mock.patch("ssd_lite.training.train", ends),
        mock.patch("ssd_lite.training.run.open_sources", ends),
        mock.patch("torch.export.export", ends),
        mock.patch.dict(recipes.RECIPES, {"scenes": lambda: few}),
    ):
        yield


def _command(*words: object) -> tuple[int, str]:
    """Exit code and words of ``ssd-lite``, run in this process and in a folder of its own."""
    said = io.StringIO()
    with (
        _light(),
        mock.patch.object(sys, "argv", ["ssd-lite", *map(str, words)]),
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        try:
            cli.main()
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else int(done.code is not None)
        else:
            code = 0
    assert "Traceback" not in said.getvalue()
    return code, said.getvalue()


# ---- the cases

CASES: dict[Case, float] = {
    voc: 2,
    flat: 1,
    coco: 2,
    yolo: 2,
    image: 6,
    weights: 1,
    state: 2,
    recipe: 3,
    command: 1,
}
"""What is spoiled, and its share of the cases: the slow ones have small shares."""


def fuzz(case: Case, folder: Path, *, cases: int, number: int | None = None) -> None:
    """Try a kind of input that many times: always the same ones, or those of a seed."""

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=number is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def trial(data: st.DataObject) -> None:
        began = process_time()  # of the processor, so that a machine with other work to do fails none
        case(data, folder)
        assert process_time() - began < LONGEST, "it took too long"
        assert not list(folder.rglob(f"*{checkpoint.UNFINISHED}")), "it left something half-written"

    with chdir(folder):  # commands may write anywhere below it
        (trial if number is None else seed(number)(trial))()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[case.__name__ for case in CASES])
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = {c: share for c, share in CASES.items() if options.only in (None, c.__name__)}
    for number, (case, share) in enumerate(chosen.items()):
        cases = round(options.cases * share / sum(chosen.values()))
        began = perf_counter()
        with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
            fuzz(case, Path(folder), cases=cases, number=1000 * options.seed + number)
        print(f"{case.__name__}: {cases} cases in {perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
