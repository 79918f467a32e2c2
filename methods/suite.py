"""The methods, in the order of the paper's tables. Adding one: a file, its spec in `specs`, a line in `ALL`."""

import hashlib
import importlib.util
import os
import sys
from pathlib import Path

from bench.spec import BadGuest, BenchError, Method, UnknownName
from methods.back_projection import SUFFIX, back_projected
from methods.bicubic import Bicubic
from methods.dfdnet import Dfdnet
from methods.esrgan_plus import EsrganBlind, EsrganMse, EsrganPlus
from methods.given import of_file, weight_file
from methods.glean import ABLATIONS, Biggan, Blind, Glean
from methods.input import Input
from methods.other_factor import of_factor, parted
from methods.pseudo_inverse import PseudoInverse
from methods.search.dgp import Dgp, DgpBiggan
from methods.search.mganprior import Mganprior, MganpriorBilinear
from methods.search.pulse import Pulse, PulseBest, PulseReflect
from methods.search.singan import SinGan
from methods.srgan import Srgan
from methods.srntt import Srntt, SrnttOracle, SrnttOther

ALL: tuple[type[Method], ...] = (
    Bicubic,
    PseudoInverse,
    Srgan,
    Mganprior,
    Pulse,
    Dgp,
    SinGan,
    EsrganPlus,
    Glean,
    Dfdnet,
    Srntt,
    SrnttOther,
    SrnttOracle,
    EsrganMse,
    MganpriorBilinear,
    PulseBest,
    PulseReflect,
    DgpBiggan,
    *ABLATIONS,
    Blind,
    Biggan,
    EsrganBlind,
    Input,
)
BY_NAME: dict[str, type[Method]] = {method.spec.name: method for method in ALL}


def find(name: str) -> type[Method]:
    """Return a method class by name, a guest's `FILE:CLASS`, a network's `FILE.pth` or `NAME=FILE.pth`, or any `+bp`.

    `<name>@<factor>` is a trained method with its networks of one factor.

    Raises `UnknownName` with the nearest names, or `BenchError` if a guest's file or class cannot be used.
    """
    if name.endswith(SUFFIX):
        return back_projected(find(name.removesuffix(SUFFIX)))
    if (given := weight_file(name)) is not None:
        return of_file(*given)
    if ":" in name:
        return guest(name)
    plain, factor = parted(name)
    if "@" in plain or (factor is not None and plain.endswith(SUFFIX)):
        raise BenchError(
            f"there is no method {name!r}: behind the @ of a trained method of the suite stands the factor of its "
            "networks, as in glean@16, and behind that nothing but +bp."
        )
    if plain not in BY_NAME:
        raise UnknownName("method", plain, BY_NAME)
    return BY_NAME[plain] if factor is None else of_factor(BY_NAME[plain], factor)


def named(text: str) -> bool:
    """Return whether a text names a method of the suite, with `@<factor>` and `+bp` behind it or without."""
    return parted(text.removesuffix(SUFFIX))[0] in BY_NAME


def guest(reference: str) -> type[Method]:
    """Import a method from a user's own file, `FILE:CLASS`. The file is run, as any Python program its user starts."""
    file, _, name = reference.rpartition(":")
    path = Path(file).resolve()
    if not path.is_file():
        raise BenchError(f"there is no file {path}; --with and check take FILE:CLASS, such as nearest.py:Nearest.")
    key = f"_guest_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}_{path.stem}"
    found = importlib.util.spec_from_file_location(key, path)
    if found is None or found.loader is None:
        raise BenchError(f"{path} is not a Python file (its name must end in .py).")
    module = importlib.util.module_from_spec(found)
    sys.modules[key] = module
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # files beside it come first, as for a program that Python starts
    try:
        found.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadGuest(f"{path} could not be imported: {type(error).__name__}: {error}") from error
    method = getattr(module, name, None)
    if method is None:
        classes = [key for key, value in vars(module).items() if isinstance(value, type) and hasattr(value, "upscale")]
        raise BenchError(f"{path} has no class {name!r}; it has: {', '.join(classes) or 'no class with upscale'}.")
    missing = [part for part in ("spec", "load", "upscale") if not hasattr(method, part)]
    if missing:
        raise BenchError(
            f"{reference} lacks {', '.join(missing)}; a method has spec, load and upscale (docs/adding.md)."
        )
    return method  # type: ignore[no-any-return]  # its shape was checked above; its behaviour is the contract's to check
