"""A way to have torch do something else for some of its functions, such as not to draw what nobody looks at."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode


def kept(tensor: Tensor, *_: object, **__: object) -> Tensor:
    """Leave a tensor as it is."""
    return tensor


class Instead(TorchFunctionMode):
    """A block in which others are called in place of some functions of torch."""

    def __init__(self, others: Mapping[Any, Callable[..., Any]]) -> None:
        """Take function -> what is called with its arguments."""
        super().__init__()
        self._others = others

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever torch returns
        """Do what torch would do, or what is to be done instead."""
        del types
        return self._others.get(func, func)(*args, **(kwargs or {}))
