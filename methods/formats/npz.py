"""numpy's archives (.npz), read without running anything of theirs.

Such a file is a zip of arrays. An array of objects is a pickle, which numpy would run: tensorlayer's `save_npz` writes
one, of the list of a network's arrays. Here its names are looked up in a table of stand-ins (`restricted`), which has
those of arrays alone.
"""

import io
import pickle  # for the name of its error alone
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from bench.spec import BadFile
from methods.formats.plain import Plain
from methods.formats.restricted import Refused, Unpickler
from methods.formats.stand_ins import ARRAYS, Array, of
from methods.formats.state_dicts import AGAIN, shown, told

LARGEST = 1 << 29
"""Bytes of all arrays; those of the networks that come in such files take some ten million."""
_ENDING = ".npy"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def arrays(path: Path) -> dict[str, Tensor]:
    """Return the arrays of an archive in its order, by the names of its entries: `x`, and `x.0`, `x.1`, ... for a list.

    Raises `BadFile` if it is cut, damaged or too large, or holds anything but arrays of plain numbers.
    """
    found: dict[str, Tensor] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            plain = Plain(_content(path, archive.infolist()))
            for entry in archive.infolist():
                found |= _entry(entry.filename.removesuffix(_ENDING), archive.read(entry), plain)
    except BadFile:
        raise
    except Refused as error:
        raise BadFile(
            f"{path} asks for {error}, which has no place among arrays; it was not run. Delete it."
        ) from error
    except Exception as error:  # whatever comes of reading a file that is cut or is something else
        raise BadFile(f"{path} is cut or no archive of numpy's arrays ({told(error)}); {AGAIN}") from error
    return found


def _content(path: Path, entries: list[zipfile.ZipInfo]) -> int:
    """Return how many bytes an archive has, unpacked. Raises `BadFile` for too many, or for other than arrays."""
    content = sum(entry.file_size for entry in entries)
    if content > LARGEST:
        raise BadFile(f"{path} unpacks to {content:,} bytes; archives of arrays of that size are not read.")
    for entry in entries:
        if not entry.filename.endswith(_ENDING):
            raise BadFile(f"{path} holds {shown(entry.filename)!r}, which is no array of numpy's; {AGAIN}")
    return content


def _entry(name: str, content: bytes, plain: Plain) -> dict[str, Tensor]:
    """Return the array of an entry, or those of its list; unlike numpy's reader, without room for what it claims."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise pickle.UnpicklingError(f"an array in numpy's format {version}")
    shape, column_major, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        items = _items(Unpickler(file, ARRAYS).load())
        return {f"{name}.{number}": plain(item) for number, item in enumerate(items)}
    code = of(Array, dtype.str[1:], 0, dtype.str[0])
    return {name: plain(of(Array, 0, shape, code, column_major, content[file.tell() :]))}


def _items(values: Any) -> list[Array]:  # noqa: ANN401 - whatever was pickled
    """Return the arrays that an array of objects holds."""
    items = values.state[-1] if isinstance(values, Array) else None
    if not isinstance(items, list) or not all(isinstance(item, Array) for item in items):
        raise pickle.UnpicklingError("it holds objects that are no arrays")
    return items
