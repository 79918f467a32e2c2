"""Metrics of the package pyiqa by their names there, `pyiqa:musiq`: the extra `pyiqa`. Nothing is fetched.

pyiqa downloads what a metric needs when it is built. Here it is built, and run, without a network: it finds its files
in its own cache, or the metric is refused.
"""

import contextlib
import importlib.util
import io
import os
import socket
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, NoReturn
from unittest.mock import patch

import torch
from torch import Tensor

from bench.errors import BenchError, MissingWeights, UnknownName
from bench.scores.metric import Metric
from bench.scores.pixels import pixels
from bench.spec import Images

# The package is heavy; it is imported where it is used.
# ruff: noqa: PLC0415

PREFIX = "pyiqa:"
_COARSE = 10  # values up to 10 or more are printed with two decimals
_NO_NETWORK = "this suite fetches nothing"


@cache
def metric(name: str) -> Metric:
    """Return the column of a metric by its name here, `pyiqa:musiq`; its direction is what pyiqa says.

    Raises `BenchError` if pyiqa is not installed, `UnknownName` for a name it does not have, and for one that is of
    sets of images and not of single ones.
    """
    theirs = name.removeprefix(PREFIX)
    if importlib.util.find_spec("pyiqa") is None:
        raise BenchError(f"{name} needs the package pyiqa, which is not installed: pip install 'glean-bench[pyiqa]'.")
    facts = _known()
    if theirs not in facts:
        if theirs in _defaults():
            raise BenchError(f"{name} is a figure of sets of images, not of single ones, and is not taken; kid is.")
        raise UnknownName("metric", name, (PREFIX + each for each in facts))
    told, release = facts[theirs], version("pyiqa")
    full = told["metric_mode"] == "FR"
    return Metric(
        name,
        f"{theirs.replace('_', '-')} (pyiqa)",
        lambda: f"{name}[{release},rgb,u8,crop0,{'full' if full else 'no'}-reference]",
        higher_is_better=not told.get("lower_better", False),
        digits=2 if _largest(told.get("score_range")) >= _COARSE else 4,
        function=lambda pair: _values(name, (pair.sr, pair.hr) if full else (pair.sr,)),
        needs_hr=full,
        packages=("pyiqa",),
        lacks=lambda side: _lacks(name, side, images=2 if full else 1),
    )


def _known() -> dict[str, dict[str, Any]]:
    """Return the metrics of single images that pyiqa has, and its facts of them."""
    sets = {name for name in _defaults() if "fid" in name or name == "inception_score"}  # as pyiqa tells them
    return {name: facts for name, facts in _defaults().items() if name not in sets}


@cache
def _defaults() -> dict[str, dict[str, Any]]:
    """Return all that pyiqa has, by name."""
    with _offline():
        from pyiqa.default_model_configs import DEFAULT_CONFIGS  # pyright: ignore[reportMissingImports]

    return dict(DEFAULT_CONFIGS)


def _largest(score_range: str | None) -> float:
    """Return the upper end of a range as pyiqa writes it, such as "~0, ~100"; 0 if it is none."""
    try:
        return float((score_range or "").rpartition(",")[2].strip().lstrip("~"))
    except ValueError:
        return 0.0


@cache
def _lacks(name: str, side: int, images: int) -> str:
    """Return why a metric cannot be computed on images of a side in pixels on this machine; empty if it can.

    It is tried once: pyiqa does not say which sizes its metrics take, and a table is not to fail at its end.
    """
    draw = torch.Generator().manual_seed(0)
    try:
        network = _network(name, torch.device("cpu"))
        _value(name, network, tuple(torch.rand(1, 3, side, side, generator=draw) for _ in range(images)))
    except BenchError as error:
        return str(error)
    return ""


@cache
def _network(name: str, device: torch.device) -> Callable[..., Any]:
    """Return the metric of pyiqa. Raises `MissingWeights` if it cannot be built without a network."""
    theirs = name.removeprefix(PREFIX)
    try:
        with _offline(), torch.random.fork_rng(devices=[]):
            import pyiqa  # pyright: ignore[reportMissingImports]

            network: Callable[..., Any] = pyiqa.create_metric(theirs, device=device)
    except Exception as error:
        raise MissingWeights(
            f"pyiqa cannot build {theirs} from what is on this machine ({type(error).__name__}: {error}). If it lacks "
            f'its weights, let pyiqa fetch them: python -c "import pyiqa; pyiqa.create_metric({theirs!r})".'
        ) from error
    return network


def _values(name: str, batches: tuple[Images, ...]) -> Tensor:
    """Return the values of a batch (N,), NaN where the metric is undefined. Raises `BenchError` if pyiqa fails.

    `batches` are the results and, for a metric that compares, the ground truth.
    """
    scaled = [(pixels(images, like=batches[0]).float() / 255).split(1) for images in batches]
    network = _network(name, batches[0].device)
    return torch.tensor([_value(name, network, images) for images in zip(*scaled, strict=True)], dtype=torch.float64)


def _value(name: str, network: Callable[..., Any], images: tuple[Tensor, ...]) -> float:
    """Return the value of one image; metrics that draw places of an image draw the same ones each time."""
    try:
        with _offline(), torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            result = network(*images)
        return float((result[0] if isinstance(result, tuple) else result).item())
    except Exception as error:
        size = " x ".join(map(str, images[0].shape[-2:]))
        raise BenchError(
            f"{name} failed on an image of {size} px ({type(error).__name__}: {error}); leave it out for this size."
        ) from error


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Keep what runs inside from the network and from the console."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(_NO_NETWORK)

    os.environ.setdefault(
        "HF_HUB_OFFLINE", "1"
    )  # read when huggingface_hub is imported; it does not try for minutes then
    with patch.object(socket, "getaddrinfo", refuse), contextlib.redirect_stdout(io.StringIO()):
        yield
