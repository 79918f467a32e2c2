"""Networks of many publishers, told and built by spandrel (the extra `spandrel`), from tensors that we read ourselves.

spandrel's own reader unpickles; here only state dicts reach it. Its import takes seconds, so it is done when a file
needs it. `spandrel_extra_arches`, with architectures under other licences (CodeFormer), is used where it is installed.
"""

import importlib
import warnings
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from bench.spec import BenchError, MissingWeights
from methods.formats.containers import states
from methods.formats.network import Range, SuperResolver
from methods.formats.state_dicts import first_names, shown

_WITHOUT = (
    "is in no layout that can be read here; `pip install 'glean-bench[spandrel]'` "
    "(nox -s table2 -- --extra spandrel ...) reads the networks of some forty others"
)
_FACES = ("GFPGAN", "CodeFormer", "RestoreFormer")
"""Networks that restore faces of 512 px. They take and give [-1, 1] and are called without spandrel's wrapping, which
gives the first two [0, 1], unlike their own programs, and pads what is smaller.
"""
_DRAW = ("GFPGAN", "AuraSR")
"""Networks that draw noise in each call."""
_RGB = 3
_REASON = 200  # characters of torch's list of all that does not fit


def version() -> str:
    """Return the version of spandrel that is installed, or ""."""
    spandrel = _spandrel()
    return str(spandrel.__version__) if spandrel is not None else ""


def network(checkpoint: Mapping[str, Any], name: str) -> SuperResolver | None:
    """Return the network of a checkpoint, as `unpickle.load` gives it, or None if spandrel does not know it.

    `name` is that of the file. Raises `MissingWeights` for a network that is none for RGB images of lower resolution,
    `BenchError` for one whose architecture spandrel knows, but not of these sizes, or not with these entries.
    """
    spandrel = _spandrel()
    found = None if spandrel is None else _descriptor(spandrel, checkpoint, name)
    if spandrel is None or found is None:
        return None
    kind, builder = str(found.architecture.name), f"spandrel {version()}"
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise MissingWeights(f"{name} is a {kind} that fills in what a mask says, not a network for super-resolution.")
    if (found.input_channels, found.output_channels) != (_RGB, _RGB):
        raise MissingWeights(
            f"{name} is a {kind} of {found.input_channels} channels in and {found.output_channels} out; RGB is wanted."
        )
    found.model.eval().requires_grad_(False)  # it comes in training mode: with dropout, and paths left out by chance
    if kind in _FACES:
        return SuperResolver(found.model, kind, 1, Range(-1, 1), draws=kind in _DRAW, face=512, builder=builder)
    if found.purpose != "SR" or found.scale == 1:
        raise MissingWeights(f"{name} is a {kind} for {found.purpose} at {found.scale}x: it makes no image larger.")
    sizes = found.size_requirements
    return SuperResolver(
        found.model,
        kind,
        found.scale,
        Range(0, 1),
        least=max(sizes.minimum, 1),
        multiple=sizes.multiple_of,
        draws=kind in _DRAW,
        builder=builder,
    )


def unknown(checkpoint: Mapping[str, Any], name: str) -> BenchError:
    """Return the error for a checkpoint that nobody here knows."""
    if not version():
        return MissingWeights(f"{name} {_WITHOUT}.")
    return BenchError(
        f"{name} is in no layout that is known here or to spandrel {version()}. Its first entries are: "
        f"{first_names(checkpoint)}. Is it the file of a network for super-resolution?"
    )


def _descriptor(spandrel: Any, checkpoint: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - an optional package
    """Return what spandrel makes of the first state dict in a checkpoint that it can build, or None.

    Raises `BenchError`, with its reason, if it only finds some that it takes for networks that it knows.
    """
    reason: Exception | None = None
    for state in states(checkpoint):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of meshgrid and torch.jit, as it builds SwinIR
            try:
                return spandrel.ModelLoader("cpu").load_from_state_dict(state)
            except spandrel.UnsupportedModelError:
                continue
            except Exception as error:  # noqa: BLE001 - its readers raise anything on what looks like theirs
                reason = reason or error
    if reason is not None:
        lack = shown(" ".join(str(reason).split()), _REASON)
        raise BenchError(
            f"spandrel {version()} knows the layout of {name}, but cannot build a network of its entries: "
            f"{lack} Is the file complete, and of a network as it was published?"
        )
    return None


@cache
def _spandrel() -> Any:  # noqa: ANN401 - an optional package
    """Return the package, with the further architectures if they are installed, or None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated, and it uses it
        try:
            spandrel = importlib.import_module("spandrel")
        except ModuleNotFoundError as error:
            if error.name != "spandrel":
                raise
            return None
        with suppress(ModuleNotFoundError):
            importlib.import_module("spandrel_extra_arches").install(ignore_duplicates=True)
    return spandrel
