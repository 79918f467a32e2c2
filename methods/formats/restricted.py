"""A reader of pickles that imports nothing: each name that a pickle asks for is looked up in a table of stand-ins."""

import pickle  # with a table of names in place of imports
from collections.abc import Mapping
from typing import Any, BinaryIO


class Refused(pickle.UnpicklingError):
    """A pickle that asks for a name it must not have."""


class Unpickler(pickle.Unpickler):
    """Imports nothing."""

    def __init__(self, file: BinaryIO, names: Mapping[str, Mapping[str, Any]]) -> None:
        """Read from a file with stand-ins, module -> name -> what it gets; Python 2's strings become latin-1 text."""
        super().__init__(file, encoding="latin1")
        self._names = names

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - a stand-in
        """Return the stand-in for a name, or refuse."""
        if name not in self._names.get(module, {}):
            raise Refused(f"{module}.{name}")
        return self._names[module][name]
