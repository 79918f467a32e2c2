"""Networks without values, on the meta device: what their weights are to be put into, or what is counted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


@contextmanager
def shapes() -> Iterator[None]:
    """Let the networks that are made in the block have shapes and no values.

    To draw normal values and to scale them leaves a shape as it is; torch imports a thousand modules to find that out,
    which takes seconds.
    """
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Leaves tensors as they are where normal values would be drawn for them and scaled."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever torch returns
        """Do what torch would do, but for the drawing."""
        if func is Tensor.normal_ or (func is Tensor.div and not isinstance(args[1], Tensor)):
            return args[0]
        if func is torch.randn:
            func = torch.empty
        return func(*args, **(kwargs or {}))
