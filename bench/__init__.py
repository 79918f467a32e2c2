"""Benchmark of large-factor image super-resolution. The public names; `python -m bench --help` is the command line."""

from importlib import import_module

TYPE_CHECKING = False  # without `typing`, which a file of the working directory may hide

if TYPE_CHECKING:
    from bench.pipeline import run, task, upscale
    from bench.restore import RunSettings
    from bench.spec import Cell, Images, Method, Record, Spec, Task

__all__ = ["Cell", "Images", "Method", "Record", "RunSettings", "Spec", "Task", "run", "task", "upscale"]

_HOMES = {"run": "pipeline", "task": "pipeline", "upscale": "pipeline", "RunSettings": "restore"}


def __getattr__(name: str) -> object:
    """Import a public name when it is asked for: the command line and a worker do without most of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"bench.{_HOMES.get(name, 'spec')}"), name)
