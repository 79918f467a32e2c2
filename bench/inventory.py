"""What there is on this machine: methods by family, tables, profiles, weight files. For `list`."""

import json

from bench.paths import short
from bench.profiles import profiles, tables
from bench.spec import Spec
from methods import specs
from methods.weights import catalogue, trained


def as_text() -> str:
    """Return it in a few lines, a group for each family of methods."""
    lines = ["methods"]
    for family, found in _by_family().items():
        lines += [f"  {family}"]
        lines += [f"    {spec.name:26} {spec.title}, {_factors(spec.factors)}" for spec in found]
    lines += [f"    {'<name>+bp':26} any of these, its result projected back onto its input"]
    lines += [f"    {'<name>@<factor>':26} any that is trained, its networks of one factor at all: glean@16"]
    published, own = catalogue.present(), trained.present()
    folders = ", ".join(sorted({short(path.parent) for path in own}))
    where = f", in {folders}" if own else ""
    return "\n".join(
        [
            *lines,
            f"tables    {', '.join(tables())}",
            f"profiles  {', '.join(profiles())}, or the path of a folder",
            f"weights   {len(own)} trained with this suite{where}",
            f"          {len(published)} of {len(catalogue.catalogue())} published ones (fetch gets more)",
            "list --json says all of it, with papers and paths.",
        ]
    )


def as_json() -> str:
    """Return all of it as JSON."""
    told = {
        "methods": [
            {
                "name": spec.name,
                "title": spec.title,
                "family": spec.family,
                "paper": spec.paper,
                "factors": list(spec.factors),
            }
            for found in _by_family().values()
            for spec in found
        ],
        "tables": list(tables()),
        "profiles": list(profiles()),
        "weights": {
            "published": {file.name: str(path) for file, path in catalogue.present()},
            "known": [file.name for file in catalogue.catalogue()],
            "trained": [str(path) for path in trained.present()],
        },
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def _by_family() -> dict[str, list[Spec]]:
    """Return family -> the specs of its methods, both in the suite's order."""
    found: dict[str, list[Spec]] = {}
    for spec in specs.ALL:
        found.setdefault(spec.family, []).append(spec)
    return found


def _factors(factors: tuple[int, ...]) -> str:
    return ", ".join(f"{factor}x" for factor in factors)
