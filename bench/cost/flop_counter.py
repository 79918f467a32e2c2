"""A counter of FLOPs on the meta device that looks at each kind of operation once.

The formulas are torch's own (`torch.utils.flop_counter`), and so is what a formula is applied to: every operation that
runs, forward and backward. Torch's counter makes every result anew, and on the meta device nearly all of its time goes
into working out the shapes of element-wise results, in Python. A search repeats few operations very often: here the
shape of a result and its FLOPs are remembered, for an operation, the shapes of its tensors, and its other arguments.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # its only name; torch documents it
from torch.utils.flop_counter import flop_registry


class Form(NamedTuple):
    """What is known of a tensor without values."""

    shape: torch.Size
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def tensor(self) -> Tensor:
        """Return a new tensor of this form."""
        return torch.empty_strided(self.shape, self.strides, dtype=self.dtype, device=self.device)


Operation: TypeAlias = torch._ops.OpOverload  # noqa: SLF001 - the type has no public name
Known: TypeAlias = dict[object, tuple[Any, int]]
"""Of each operation on tensors of one form: the forms of its result, and its FLOPs."""


class Counter(TorchDispatchMode):
    """Adds up the FLOPs of all that runs while it is entered."""

    def __init__(self, known: Known | None = None) -> None:
        """Start at 0; `known` may be shared by counters, and grows."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self._known: Known = {} if known is None else known

    def __torch_dispatch__(
        self, func: Operation, _types: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Count an operation, and run it if its result is not known."""
        kwargs = kwargs or {}
        kind = _kind(func)
        if kind == "in place" and args[0].is_meta:
            return args[0]  # there are no values to change
        if kind != "new":
            return func(*args, **kwargs)
        key = func, _signature(args), _signature(tuple(kwargs.items()))
        if key in self._known:
            forms, flops = self._known[key]
            self.flops += flops
            return _made(forms)
        before = self.flops
        result = self._run(func, args, kwargs)
        if _is_meta(result):
            self._known[key] = _signature(result), self.flops - before
        return result

    def _run(self, func: Operation, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - see above
        """Count and run an operation, in parts if it has no formula and torch can take it apart."""
        formula = flop_registry.get(func._overloadpacket)  # noqa: SLF001 - as torch's counter does
        if formula is None:
            with self:
                result = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if result is NotImplemented else result
        result = func(*args, **kwargs)
        self.flops += formula(*args, **kwargs, out_val=result)
        return result


@cache
def _kind(func: Operation) -> Literal["new", "in place", "other"]:
    """Return whether the results are new tensors, the first argument with new values, or others such as views."""
    schema = func._schema  # noqa: SLF001 - it has no public name
    if not any(value.alias_info for value in schema.returns):
        return "new"
    first = schema.arguments[0].alias_info
    in_place = first is not None and first.is_write and torch.Tag.inplace_view not in func.tags
    return "in place" if in_place and len(schema.returns) == 1 else "other"


def _signature(value: Any) -> Any:  # noqa: ANN401 - any argument or result of an operation
    """Return what there is to know of a value, with tensors replaced by their forms."""
    if isinstance(value, Tensor):
        return Form(value.shape, value.stride(), value.dtype, value.device)
    if isinstance(value, (tuple, list)):
        return tuple(map(_signature, value))
    return type(value), value  # 1, 1.0 and True are equal, but give results of other types


def _is_meta(result: object) -> bool:
    """Return whether a result is a tensor without values, or several; a gradient that was not asked for is None."""
    if isinstance(result, (tuple, list)):
        return all(each is None or _is_meta(each) for each in result)
    return isinstance(result, Tensor) and result.is_meta


def _made(forms: Any) -> Any:  # noqa: ANN401 - see `_signature`
    """Return new tensors of the forms of a result."""
    if isinstance(forms, Form):
        return forms.tensor()
    return tuple([each.tensor() if isinstance(each, Form) else None for each in forms])
