"""The state dict in a checkpoint, wherever it lies: trainers wrap it in dicts and in prefixes of their own.

`{"params_ema": ...}`, `{"state_dict": {"net_g.conv.weight": ...}, "optimizer_states": ...}`, `_orig_mod.`
(torch.compile), `module.` (data parallel): no list of the dicts could be whole, so a loader says what it recognises,
and gets the first state dict of that kind. Of prefixes there is a list: a part of a network may look like the whole of
another.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

_AVERAGED = re.compile(r"ema|smooth|average|^Gs$", re.IGNORECASE)  # the averaged weights are the ones to test with
_WRAPPERS = re.compile(r"^(?:module\.)+|(?<![^.])_orig_mod\.")
_NETWORK = re.compile(  # what a trainer calls the network that it holds: self.model, self.net_g, self.generator_ema
    r"(?:ema_?)?(?:model|network|net|module|generator|gen|g|net_?g|sr|student|teacher)(?:_?(?:ema|avg|model|net))?",
    re.IGNORECASE,
)
_MOST = 10_000  # dicts looked into
_LONGEST = 200  # characters of an entry's name
_PREFIXES = 2  # parts of names that may be a wrapper's: model.net_g.


def opened(checkpoint: Mapping[str, Any], known: Callable[[Mapping[str, Tensor]], object]) -> dict[str, Tensor]:
    """Return the first state dict in a checkpoint for which `known` is true; without one, the first that there is.

    It comes without the names of wrappers, and without what is no tensor or has no name.
    """
    found = list(states(checkpoint))
    return next((state for state in found if known(state)), found[0] if found else {})


def states(checkpoint: Mapping[str, Any]) -> Iterator[dict[str, Tensor]]:
    """Yield the state dicts in a checkpoint: outer ones before those within, averaged ones before their siblings.

    One whose names begin with those of several networks comes as a whole, then each by itself.
    """
    for holder in _mappings(checkpoint):
        tensors = {name: value for name, value in holder.items() if _is_entry(name, value)}
        state = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
        if state:
            yield from _parts(state, _PREFIXES)


def _is_entry(name: object, value: object) -> bool:
    return isinstance(value, Tensor) and isinstance(name, str) and len(name) <= _LONGEST


def _mappings(checkpoint: Mapping[str, Any]) -> Iterator[Mapping[Any, Any]]:
    """Yield a mapping and those within it, each once."""
    todo: deque[Mapping[Any, Any]] = deque([checkpoint])
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        holder = todo.popleft()
        if id(holder) not in seen:
            seen.add(id(holder))
            yield holder
            inner = {str(name): value for name, value in holder.items() if isinstance(value, Mapping)}
            todo.extend(inner[name] for name in sorted(inner, key=_averaged_first))


def _parts(state: dict[str, Tensor], depth: int) -> Iterator[dict[str, Tensor]]:
    """Yield a state dict, then the entries of each of its networks without the name of that."""
    yield state
    if depth:
        groups: dict[str, dict[str, Tensor]] = {}
        for name, value in state.items():
            group, dot, rest = name.partition(".")
            if dot and _NETWORK.fullmatch(group):
                groups.setdefault(group, {})[_WRAPPERS.sub("", rest)] = value
        for name in sorted(groups, key=_averaged_first):
            yield from _parts(groups[name], depth - 1)


def _averaged_first(name: str) -> bool:
    """Sort names of averaged weights before others, which stay in their order."""
    return _AVERAGED.search(name) is None
