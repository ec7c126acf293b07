"""In which order images are taken: it depends on the seed and the step alone."""

import subprocess
import sys
from itertools import chain

import pytest

from ssd_lite.data.order import in_order, shuffled


@pytest.mark.parametrize(("images", "batch"), [(10, 4), (3, 8), (1, 2), (8, 8)])
def test_every_epoch_sees_every_image_once(images: int, batch: int) -> None:
    steps = 12
    stream = list(chain.from_iterable(shuffled(images, batch, steps=steps, seed=5)))
    assert len(stream) == steps * batch  # no short batch, no early end
    for start in range(0, len(stream) - images + 1, images):
        assert sorted(stream[start : start + images]) == list(range(images))


def test_the_order_can_be_taken_up_anywhere() -> None:
    whole = list(shuffled(7, 3, steps=20, seed=2))
    assert list(shuffled(7, 3, steps=20, seed=2, start=11)) == whole[11:]
    assert list(shuffled(7, 3, steps=20, seed=3)) != whole


def test_in_order_ends_with_a_short_batch() -> None:
    assert list(in_order(5, 2)) == [[0, 1], [2, 3], [4]]


def test_the_old_module_is_an_attribute_in_a_fresh_process() -> None:
    """Tests that import it themselves would hide that it is missing."""
    code = "from ssd_lite import data; data.loading.shuffled"
    subprocess.run([sys.executable, "-c", code], check=True)
