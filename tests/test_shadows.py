"""A weight file that cannot be used never hides one that can; one trained here is never passed over."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench import origins
from bench.spec import BadFile, BenchError, MissingWeights, Task
from methods.weights import load, trained

from .test_weights import entries, own  # noqa: F401 - fixtures

# ruff: noqa: F811 - as above
CPU = torch.device("cpu")
TASK = Task("paper", "cat", 16, 256)


def read(state):
    """A network of a layout that has an `x`."""
    if "second" in state:
        raise MissingWeights("the second file of it is not here.")
    if "x" not in state:
        raise BenchError("this is no layout of ours.")
    return nn.Linear(1, 1)


def loaded(**wanted):
    with origins.listening() as noted:
        load.network("glean", TASK, CPU, build=read, read=read, **wanted)
    return noted


@pytest.fixture
def files(entries, own):
    entries({}, {"name": '"b.pth"'}, {"name": '"c.pth"'})
    own.mkdir()
    return lambda **content: [
        torch.save({entry: torch.zeros(1)}, own / f"{name}.pth") for name, entry in content.items()
    ]


@pytest.mark.parametrize(("first", "reason"), [("y", "no layout of ours"), ("second", "second file of it is not here")])
def test_the_next_file_is_taken_and_the_note_names_the_one_passed_over(files, first, reason):
    """Of a pickle in an unknown layout beside a good file only the error was seen, without a name."""
    files(a=first, b="x")
    (note,) = loaded()
    assert note.file == "b.pth"
    assert "a.pth, which comes first, cannot be used" in note.trained_on
    assert reason in note.trained_on


def test_a_broken_download_does_not_stand_before_a_good_file(entries, own):
    entries({"sha256": '"00000000"'}, {"name": '"b.pth"'})
    own.mkdir()
    for name in ("a.pth", "b.pth"):
        torch.save({"x": torch.zeros(1)}, own / name)
    (note,) = loaded()
    assert note.file == "b.pth"
    assert "a.pth has the sha256" in note.trained_on


def test_when_none_can_be_used_the_message_names_the_first(files):
    files(a="y", b="second")
    with pytest.raises(BadFile, match=r"a\.pth: this is no layout of ours"):
        loaded()


def test_what_was_trained_here_is_never_passed_over(files, own):
    """Another network's figure would stand in the row without a word."""
    files(a="x")
    save_file({"y": torch.zeros(1)}, own / trained.file_name("glean", TASK))
    with pytest.raises(BadFile, match=r"glean_cat_16x_256\.safetensors"):
        loaded()
