import pytest
import torch
from torch import Tensor

from bench import contract
from bench.resize import eight_bit
from bench.running import runner
from bench.spec import ContractError, Effort, Method, Spec, Task
from methods.bicubic import Bicubic

TASK = Task("mini", "face", 4, 16, preset="mini")
LR = torch.linspace(0, 1, 3 * 3 * 16).view(3, 3, 4, 4)
CPU = torch.device("cpu")


def method(result) -> type[Method]:
    """A method class whose `upscale` is a function of the LR batch."""

    class Made:
        spec = Spec(name="made", title="Made", family="test", paper="none", factors=(4,))

        @classmethod
        def load(cls, task, device):
            return cls()

        def upscale(self, lr):
            return result(lr)

    return Made


def nearest(lr) -> Tensor:
    return lr.repeat_interleave(4, -1).repeat_interleave(4, -2)


def run(result) -> list[contract.Outcome]:
    return contract.attempt(method(result)(), TASK, LR)


@pytest.mark.filterwarnings("ignore:.*nested tensors", "ignore:Sparse CSR")
@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda lr: nearest(lr)[..., 1:], "shape (3, 3, 16, 15); upscale must return shape (3, 3, 16, 16)"),
        (lambda lr: nearest(lr)[:1], "shape (1, 3, 16, 16)"),
        (lambda lr: nearest(lr).double(), "dtype torch.float64; upscale must return dtype torch.float32"),
        (lambda lr: nearest(lr).to("meta"), "device meta; upscale must return device cpu"),
        (lambda lr: nearest(lr).numpy(), "returned ndarray"),
        (lambda lr: nearest(lr).to_sparse(), "returned a sparse tensor; upscale must return a dense one"),
        (lambda lr: nearest(lr).flatten(1).to_sparse_csr(), "returned a sparse tensor"),
        (lambda lr: nearest(lr).to_mkldnn(), "returned a torch._mkldnn tensor; upscale must return a dense one"),
        (lambda lr: torch.nested.nested_tensor(list(nearest(lr))), "returned a nested tensor"),
        (lambda lr: torch.nested.nested_tensor(list(nearest(lr)), layout=torch.jagged), "returned a nested tensor"),
    ],
)
def test_wrong_result_says_what_came_and_what_must_come(result, words):
    with pytest.raises(ContractError) as error:
        contract.upscale(method(result)(), TASK, LR)
    assert words in str(error.value), "the user must read what to change"
    assert all(outcome.image is None and words in outcome.reason for outcome in run(result))


def test_values_are_clamped_and_the_input_is_the_methods_own():
    def greedy(lr):
        lr.mul_(0)
        return nearest(lr) + 2

    before = LR.clone()
    assert contract.upscale(method(greedy)(), TASK, LR).max() == 1, "values above 1 must be clamped"
    assert torch.equal(LR, before), "a method that writes into its input must not change what others get"


def test_nan_fails_its_image_alone():
    def bad(lr):
        sr = nearest(lr)
        sr[1, 0, 0, 0] = float("nan")
        return sr

    outcomes = run(bad)
    assert [outcome.image is not None for outcome in outcomes] == [True, False, True]
    assert "NaN" in outcomes[1].reason


def test_an_exception_fails_its_image_alone():
    def bad(lr):
        if (lr == LR[2]).flatten(1).all(1).any():
            raise ValueError("no such face\nand a second line")
        return nearest(lr)

    outcomes = run(bad)
    assert [outcome.image is not None for outcome in outcomes] == [True, True, False]
    assert outcomes[2].reason == "ValueError: no such face"


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_out_of_memory_halves_the_batch_once(error):
    sizes = []

    def hungry(lr):
        sizes.append(len(lr))
        if len(lr) > 1:
            raise error
        return nearest(lr)

    outcomes = run(hungry)
    assert sizes == [3, 2, 1], "a batch is halved once, not split to pieces"
    assert [outcome.image is not None for outcome in outcomes] == [False, False, True]
    assert "out of memory" in outcomes[0].reason


def test_the_time_of_a_batch_is_shared_by_its_images():
    outcomes = run(nearest)
    assert len({outcome.seconds for outcome in outcomes}) == 1
    assert outcomes[0].seconds > 0


def test_sweep_passes_a_good_method():
    assert list(runner.sweep(Bicubic, [TASK], CPU)) == [(TASK, [])]


def test_sweep_leaves_out_what_the_spec_refuses():
    assert list(runner.sweep(method(nearest), [Task("mini", "face", 8, 16, preset="mini")], CPU)) == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda lr: nearest(lr) + torch.rand(len(lr), 3, 16, 16), "another result the second time"),
        (lambda lr: nearest(lr) - nearest(lr).mean(), "the images beside it"),
        (lambda lr: nearest(lr) / 0, "NaN"),
        (lambda lr: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_sweep_finds(result, words):
    ((_, problems),) = runner.sweep(method(result), [TASK], CPU)
    assert any(words in problem for problem in problems), f"the sweep missed it and said {problems}"


def test_the_channels_stay_where_they_are():
    """Red, green and blue of what a method returns are those of the picture, and it sees those of the input."""
    seen = []

    def kept(lr):
        seen.append(lr.clone())
        return nearest(lr)

    colours = torch.tensor([0.1, 0.5, 0.9]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    image = contract.attempt(method(kept)(), TASK, colours)[0].image
    assert torch.equal(seen[0], colours)
    assert torch.equal(image, eight_bit(nearest(colours)[0]))


@pytest.mark.parametrize(
    "told", ["xyz", [1, 2, 3], [None] * 3, [Effort(torch.tensor(1))] * 3, [Effort(1, 0, 2)] * 3], ids=str
)
def test_efforts_that_cannot_be_stored_fail_the_images_and_not_the_run(told):
    made = method(nearest)
    made.efforts = told
    outcomes = contract.attempt(made(), TASK, LR)
    assert [outcome.image for outcome in outcomes] == [None] * 3
    assert all("effort" in outcome.reason for outcome in outcomes)
