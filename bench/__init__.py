"""Benchmark of large-factor image super-resolution. The public names; `python -m bench --help` is the command line."""

from bench.pipeline import run, task, upscale
from bench.restore import RunSettings
from bench.spec import Cell, Images, Method, Record, Spec, Task

__all__ = ["Cell", "Images", "Method", "Record", "RunSettings", "Spec", "Task", "run", "task", "upscale"]
