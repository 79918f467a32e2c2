"""Multiply-accumulates, FLOPs and parameters of a method, counted on the meta device: no weight is read.

1 MAC = 2 FLOPs. The counter has torch's own formulas and sees every matrix product and convolution that runs, also the
functional ones that counters by module hooks miss. It counts a transposed convolution on its input grid, and neither
element-wise work nor the making of modulated weights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Self

import torch
from torch import nn

from bench.cost.flop_counter import Counter, Known
from bench.holdings import attributes
from bench.spec import Method, Refining, Task

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

PARTS = ("encoder", "fusion", "bank", "decoder")
"""What is told apart where a method has it, by the names of its networks; all else is the `rest`."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of a method costs for one image."""

    macs: int = 0
    trainable: int = 0
    """Parameters that training changes."""
    frozen: int = 0
    """Parameters of a pretrained part that it does not."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one image costs; a method's `remark` and `dead_macs`, if it has them."""

    parts: Mapping[str, Part]
    """PARTS and `rest`."""
    dead: int = 0
    """Multiply-accumulates of the published code that do not reach its output; not in the others."""
    remark: str = ""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole method."""
        return sum(part.macs for part in self.parts.values())

    @property
    def flops(self) -> int:
        """Floating-point operations, two a multiply-accumulate."""
        return 2 * self.macs

    @property
    def trainable(self) -> int:
        """Parameters that training changes."""
        return sum(part.trainable for part in self.parts.values())

    @property
    def frozen(self) -> int:
        """Parameters that it does not."""
        return sum(part.frozen for part in self.parts.values())


def count(method_class: type[Method], task: Task, known: Known | None = None) -> Cost:
    """Return the cost of restoring one image of a task, every turn of its loops included.

    The turns of a loop cost the same: so each loop is run once, and another turn of it tells what one more costs. The
    turns of nested loops multiply, and another turn of the innermost tells it. `known` may be shared by counts: what
    one has seen of torch's operations makes the next one faster.
    """
    known = {} if known is None else known
    with Counter(known):  # for its speed; the making of networks is not counted
        method = method_class.load(task, torch.device("meta"))
    if isinstance(method, Refining):
        return _refined(method, count(method.inner_class, task, known), task, known)
    remark = getattr(method, "remark", "")
    turns = unrolled(method)
    once = _macs(method, task, known)
    macs = dict(once)
    for innermost, number in turns.items():
        setattr(method, innermost, 2)
        twice = _macs(method, task, known)
        setattr(method, innermost, 1)
        macs = {part: macs[part] + (number - 1) * (twice[part] - once[part]) for part in macs}
    networks = _networks(method)
    return Cost(
        parts={part: Part(macs[part], *_parameters(networks, part)) for part in (*PARTS, "rest")},
        dead=getattr(method, "dead_macs", 0),
        remark=remark,
    )


def unrolled(method: Method) -> dict[str, int]:
    """Set a method's loops to one turn each; return the name of each innermost one, and how many turns it takes.

    They are set from outside: the attribute is the number of turns that the method loops over anyway; to offer "run n
    turns" besides, each method would carry code that only counting needs.
    """
    loops = [names.split() for names in getattr(method, "loops", ())]
    turns = {names[-1]: prod(getattr(method, name) for name in names) for names in loops}
    for name in chain(*loops):
        setattr(method, name, 1)
    return turns


def _refined(method: Refining, inner: Cost, task: Task, known: Known) -> Cost:
    """Return the cost of a method's inner one, and of what it adds itself."""
    lr, sr = (torch.empty(1, 3, side, side, device="meta") for side in (task.lr_size, task.hr_size))
    with Counter(known) as counter, torch.no_grad():
        method.refine(sr, lr)
    rest = inner.parts["rest"]
    return replace(inner, parts={**inner.parts, "rest": replace(rest, macs=rest.macs + counter.flops // 2)})


def _networks(method: object) -> dict[str, nn.Module]:
    """Return the networks of a method by its names for them; and of its `inner` one, which it hands its input to."""
    found = attributes(method)
    networks = {name: value for name, value in found.items() if isinstance(value, nn.Module)}
    inner = found.get("inner")
    return networks if inner is None or "inner" in networks else _networks(inner) | networks


def _macs(method: Method, task: Task, known: Known) -> dict[str, int]:
    """Return the multiply-accumulates of each part for one image."""
    lr = torch.empty(1, 3, task.lr_size, task.lr_size, device="meta")
    with Counter(known) as counter, torch.no_grad(), _Ledger(counter, _networks(method)) as ledger:
        method.upscale(lr)
    return ledger.macs | {"rest": counter.flops // 2 - sum(ledger.macs.values())}


class _Ledger:
    """Enters what each module of a part computes itself, without the modules that it calls."""

    def __init__(self, counter: Counter, networks: Mapping[str, nn.Module]) -> None:
        """Take the counter, and the networks by the method's names for them."""
        self.macs = dict.fromkeys(PARTS, 0)
        self._counter = counter
        self._networks = networks
        self._hooks: list[RemovableHandle] = []
        self._open: list[int] = []
        """For each module that is running: the FLOPs counted before it, and since in the modules it called."""

    def __enter__(self) -> Self:
        """Listen to every module, under its first name."""
        seen: set[nn.Module] = set()
        for attribute, network in self._networks.items():
            for path, module in network.named_modules(memo=seen):
                part = _part(f"{attribute}.{path}")
                self._hooks.append(module.register_forward_pre_hook(self._begin))
                self._hooks.append(module.register_forward_hook(partial(self._end, part)))
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        for hook in self._hooks:
            hook.remove()

    def _begin(self, *_: object) -> None:
        self._open.append(self._counter.flops)

    def _end(self, part: str, *_: object) -> None:
        total = self._counter.flops
        own = total - self._open.pop()
        self._open = [before + own for before in self._open]
        if part in self.macs:
            self.macs[part] += own // 2


def _part(path: str) -> str:
    """Return the part that something in a method is of, by its dotted path from the method."""
    return next((name for name in path.split(".") if name in PARTS), "rest")


def _parameters(networks: Mapping[str, nn.Module], part: str) -> Iterator[int]:
    """Yield the trainable, then the frozen parameters of a part."""
    found = [
        parameter
        for attribute, network in networks.items()
        for name, parameter in network.named_parameters(prefix=attribute)
        if _part(name) == part
    ]
    for trainable in (True, False):
        yield sum(parameter.numel() for parameter in found if parameter.requires_grad is trainable)
