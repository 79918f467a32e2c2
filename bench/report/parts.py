"""Where the cells of one table were measured, if that was on several machines or at several commits.

A table has one machine; a cell that was measured elsewhere holds the facts in which that differs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence


def apart(facts: Mapping[str, str], machine: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that are not those of the table's machine; one that was not told is empty."""
    names = dict.fromkeys([*machine, *facts])
    return {name: facts.get(name, "") for name in names if facts.get(name, "") != machine.get(name, "")}


def told(machine: Mapping[str, str], cells: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the facts of a table in words; `cells` are those of each cell that differ."""
    found = {name: [value] for name, value in machine.items()}
    for name in dict.fromkeys(name for facts in cells for name in facts):
        others = Counter(facts[name] for facts in cells if name in facts)
        lines = [f"{value or 'not told'} for {count} of {len(cells)} cells" for value, count in others.items()]
        found[name] = [*found.get(name, ["not told"]), *lines]
    return {name: "; ".join(values) for name, values in found.items()}
