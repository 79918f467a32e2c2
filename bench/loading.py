"""What is imported late: torch and what stands on it, when a verb that computes is called, and not before.

So `--help`, `list` and a shell that completes a word start at once. The modules whose names end in _command say the
words of the verbs; they import what the verbs do inside of their functions.
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from bench import console, progress
from bench.errors import BenchError

_Words = ParamSpec("_Words")


def computing(
    verb: Callable[_Words, None], meanwhile: Callable[_Words, None] = lambda *_, **__: None
) -> Callable[_Words, None]:
    """Return a verb that first says that it has begun, and imports torch, which takes seconds, on a cold disk ten.

    Before that, `meanwhile` is called with the verb's words, to start what can be done side by side.
    """

    @wraps(verb)
    def begun(*words: _Words.args, **options: _Words.kwargs) -> None:
        if "torch" not in sys.modules:
            if not progress.silent():
                console.loading()
            meanwhile(*words, **options)
            _import_torch()
        verb(*words, **options)

    return begun


def _import_torch() -> None:
    """Import torch. Raises `BenchError` if it takes offence at an environment variable, naming those it reads."""
    try:
        import torch  # noqa: F401, PLC0415 - not before
    except ImportError:  # `console.run` says what to install
        raise
    except Exception as error:
        told = [f"{name}={value}" for name, value in os.environ.items() if name.startswith(("TORCH", "PYTORCH"))]
        if not told:
            raise
        raise BenchError(
            f"torch could not be imported: {type(error).__name__}. Correct or unset the environment "
            f"variable{'s' if len(told) > 1 else ''} that it reads: {', '.join(told)}."
        ) from error
