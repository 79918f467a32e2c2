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

_AVERAGED = re.compile(r"(?<![a-z])ema(?![a-z])|smooth|average|^Gs$", re.IGNORECASE)
"""What the averaged weights are called, which are the ones to test with."""
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
    """Yield the state dicts in a checkpoint: averaged ones before others, outer ones before those within.

    One whose names begin with those of several networks comes as a whole, then each by itself.
    """
    for holder, _ in sorted(_mappings(checkpoint), key=lambda each: not each[1]):
        tensors = {name: value for name, value in holder.items() if _is_entry(name, value)}
        state = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
        if state:
            yield from _parts(state, _PREFIXES)


def _is_entry(name: object, value: object) -> bool:
    return isinstance(value, Tensor) and isinstance(name, str) and len(name) <= _LONGEST


def _mappings(checkpoint: Mapping[str, Any]) -> Iterator[tuple[Mapping[Any, Any], bool]]:
    """Yield a mapping and those within it, each once, and whether a name on the way there says that it is averaged."""
    todo: deque[tuple[Mapping[Any, Any], bool]] = deque([(checkpoint, False)])
    seen: set[int] = set()
    while todo and len(seen) < _MOST:
        holder, averaged = todo.popleft()
        if id(holder) not in seen:
            seen.add(id(holder))
            yield holder, averaged
            todo.extend(
                (value, averaged or _is_averaged(name)) for name, value in holder.items() if isinstance(value, Mapping)
            )


def _parts(state: dict[str, Tensor], depth: int) -> Iterator[dict[str, Tensor]]:
    """Yield a state dict, then the entries of each of its networks without the name of that."""
    yield state
    if depth:
        groups: dict[str, dict[str, Tensor]] = {}
        for name, value in state.items():
            group, dot, rest = name.partition(".")
            if dot and _NETWORK.fullmatch(group):
                groups.setdefault(group, {})[_WRAPPERS.sub("", rest)] = value
        for name in sorted(groups, key=lambda name: not _is_averaged(name)):
            yield from _parts(groups[name], depth - 1)


def _is_averaged(name: object) -> bool:
    return isinstance(name, str) and _AVERAGED.search(name) is not None
