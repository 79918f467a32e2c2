"""The weight files that `python -m bench train` makes: their names, their folders, the commands that make them.

Those of a profile of the suite come with it, in methods/weights/<preset>/, or lie in the user's folders (`folders`);
those of a folder of photographs lie in its sub-folder weights/, behind which the places of its preset are looked into.
"""

import json
import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from bench import shipped as shipped_list
from bench.paths import short, user_weights
from bench.spec import BadFile, Task
from methods.formats import sealed
from methods.presets import biggan
from methods.weights.folders import every_shipped, shipped

FACTS = "training"
"""The entry of a file's header that says how it was trained."""
GLEAN = "glean"
BANKS = {GLEAN: "bank", "pulse": "bank", "mganprior": "bank", "dgp": "bank", biggan.METHOD: biggan.NAME}
"""The methods that take a bank of ours, and as what it is trained; dgp.biggan takes none of ours."""


def file_name(what: str, task: Task, part: str = "network") -> str:
    """Return the name of the file that training makes of a method's network, or of a part of a bank.

    `what` is then "bank", or "biggan", which is of no one category.
    """
    kind = "" if part in ("network", "bank") else f"_{part}"
    factor = "" if what in BANKS.values() else f"_{task.factor}x"
    return f"{_stem(what, task)}{factor}_{task.hr_size}{kind}.safetensors"


def stem(method: str, task: Task, part: str) -> str:
    """Return how the names of a part's files begin, before factor and size."""
    return _stem(method if part == "network" else BANKS[method], task)


def _stem(what: str, task: Task) -> str:
    return what if what == biggan.NAME else f"{what}_{task.category}"


def folder(profile: str, preset: str) -> Path:
    """Return where the files that are trained for a profile go; for a user's photographs, a folder beside them."""
    return places(profile, preset)[0]


def locate(method: str, task: Task, part: str = "network") -> Path | None:
    """Return where a file that was trained for a method, by its spec's name, is on this machine."""
    if not trainable(method, part):
        return None
    name = file_name(method if part == "network" else BANKS[method], task, part)
    if part == "network" and task.training:
        return _of_training(task, name)
    return next((path for place in places(task.profile, task.preset) if (path := place / name).is_file()), None)


def lost(method: str, task: Task, part: str) -> Path | None:
    """Return where a file lay that came with the suite for a method, by its spec's name, and is not there any more."""
    if not trainable(method, part) or (part == "network" and task.training):
        return None
    name = file_name(method if part == "network" else BANKS[method], task, part)
    return next((folder / name for folder in shipped(task.preset) if shipped_list.gone(folder / name)), None)


def trainings(task: Task) -> list[Path]:
    """Return where the networks are looked for that were trained with the seed `task.training`, in order.

    That is the folder training1 in the user's weights of a preset, or in those beside a user's photographs. There is
    one bank for all.
    """
    beside = [Path(task.profile) / "weights"] if Path(task.profile).is_absolute() else []
    name = f"training{task.training}"
    return [place / name for place in (*beside, *(folder / task.preset for folder in user_weights()))]


def _of_training(task: Task, name: str) -> Path | None:
    """Return a file of `trainings`, if there is one. Raises `BadFile` if another seed made it."""
    path = next((path for place in trainings(task) if (path := place / name).is_file()), None)
    if path:
        check_seed(path)
    return path


def told(path: Path) -> str:
    """Return what a file was trained on, in words: here, and for how long, as its header says. Raises as `facts`."""
    found = facts(path)
    if not found:
        return "unknown: it lies where training puts its files, but says nothing of a training"
    of = found.get("data", "the images that training takes for the profile")
    return f"{of}; trained here, {found['steps']} of {found['of']} steps, seed {found['seed']}"


def check_factor(path: Path, task: Task) -> None:
    """Raise `BadFile` for a file that says it was trained for another factor than its task's. Raises as `facts`."""
    if (factor := facts(path).get("factor", task.factor)) != task.factor:
        raise BadFile(
            f"{short(path)} was trained for {factor}x, and by its name it is for {task.factor}x; give it its own name "
            "back, or delete it."
        )


def unfinished(path: Path) -> str:
    """Return how far a training has come that has not ended, `n of m steps`; else "". Raises as `facts`."""
    found = facts(path)
    return f"{found['steps']} of {found['of']} steps" if found and found["steps"] != found["of"] else ""


def facts(path: Path) -> dict[str, str | int | float]:
    """Return what a file says of its training; nothing if it was not trained here.

    Raises `BadFile` if it cannot be read, is not what it was when it was written, or says only a part; of a file that
    came with the suite, how to get it back.
    """
    again = "delete it to train it anew."
    try:
        with safe_open(path, "pt") as file:
            found = json.loads((file.metadata() or {}).get(FACTS, "{}"))
    except (OSError, SafetensorError, ValueError) as error:
        shipped_list.check(path)
        raise BadFile(f"{short(path)} cannot be read as safetensors ({error}); {again}") from error
    sealed.verify(path)
    if not isinstance(found, dict) or (found and not {"steps", "of", "seed"} <= found.keys()):
        raise BadFile(f"{short(path)} does not say how long and with which seed it was trained; {again}")
    if found and not all(isinstance(found[name], int) for name in ("steps", "of", "seed")):
        raise BadFile(
            f"{short(path)} says that it was trained for {found['steps']!r} of {found['of']!r} steps with the seed "
            f"{found['seed']!r}; {again}"
        )
    return found


def trainable(method: str, part: str) -> bool:
    """Tell whether training makes a part for a method: its network, or the two parts of a bank it searches."""
    return part == "network" or (part in ("bank", "discriminator") and method in BANKS)


def places(profile: str, preset: str) -> list[Path]:
    """Return where the files that were trained for a profile are looked for, in order."""
    if not Path(profile).is_absolute():  # one of the suite's own; a user's folder is its real path
        return shipped(preset) or user_weights()
    return [Path(profile) / "weights", *shipped(preset), *user_weights()]


def present() -> list[Path]:
    """Return the files on this machine that training made, by name; those beside a user's photographs left out.

    Those of further seeds (`trainings`) are among them.
    """
    pattern = re.compile(r"[\w.-]+_\d+(_discriminator)?\.safetensors")
    own = user_weights()
    further = [path for place in own for path in place.glob("*/training*") if _seed(path)]
    places = [*every_shipped(), *own, *further]
    return sorted(
        path for place in places for path in place.glob("*") if pattern.fullmatch(path.name) and path.is_file()
    )


def check_seed(path: Path) -> None:
    """Raise `BadFile` for a file in the folder of another seed than made it. Raises as `facts`."""
    if (wanted := _seed(path.parent)) and (seed := facts(path).get("seed")) != wanted:
        how = "does not say with which seed it was trained" if seed is None else f"was trained with the seed {seed}"
        raise BadFile(f"{short(path)} {how}; networks of the seed {wanted} belong there. Move it away.")


def label(path: Path) -> str:
    """Return the name of a file for notes: with its folder, where that tells the training."""
    return f"{path.parent.name}/{path.name}" if _seed(path.parent) else path.name


def _seed(folder: Path) -> int:
    """Return of which seed the networks in a folder are; 0: it is not one of `trainings`."""
    found = re.fullmatch("training([1-9][0-9]{0,9})", folder.name)
    return int(found[1]) if found else 0
