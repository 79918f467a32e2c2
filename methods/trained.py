"""The weight files that `python -m bench train` makes: their names, their folders, the commands that make them.

They come before the published ones (methods/weights.py). The files of `mini` are in methods/weights/mini/ and come with
the suite, those of a folder of photographs in its sub-folder weights/, those of `paper` in the user's folders:
$GLEAN_WEIGHTS, then ~/.cache/glean-bench/weights. `folders` and `short` serve the published ones too.
"""

import os
import re
import shlex
from pathlib import Path

from bench.spec import Task

_ROOT = Path(__file__).parent.parent
SHIPPED = {profile: _ROOT / "methods" / "weights" / profile for profile in ("mini", "portraits")}
"""What comes with the suite, by profile."""
_SEARCHERS = ("glean", "pulse", "mganprior", "dgp")
"""The methods that take a bank of ours, under these names; dgp.biggan takes no StyleGAN2."""


def file_name(what: str, task: Task, part: str = "network") -> str:
    """Return the name of the file that training makes of a method's network, or of a part of a bank (`what` "bank")."""
    kind = "" if part in ("network", "bank") else f"_{part}"
    factor = "" if what == "bank" else f"_{task.factor}x"
    return f"{what}_{task.category}{factor}_{task.hr_size}{kind}.safetensors"


def folder(profile: str) -> Path:
    """Return where the files that are trained for a profile go; for a user's photographs, a folder beside them."""
    return _places(profile)[0]


def locate(method: str, task: Task, part: str = "network") -> Path | None:
    """Return where a file that was trained for a method, by its spec's name, is on this machine."""
    if not _trainable(method, part):
        return None
    name = file_name(method if part == "network" else "bank", task, part)
    return next((path for place in _places(task.profile) if (path := place / name).is_file()), None)


def advice(method: str, task: Task, part: str) -> str:
    """Return the end of a sentence: the commands that would make what is missing, if training makes it."""
    if not _trainable(method, part):
        return ""
    what = f"{method} --factor {task.factor}" if part == "network" else "bank"
    profile = "" if task.profile == "mini" else f" --profile {shlex.quote(task.profile)}"
    return (
        f", and none was trained into {short(folder(task.profile))}. "
        f"`python -m bench train {what} --category NAME{profile}` makes it, "
        f"`python -m bench train --missing{profile}` all that is missing"
    )


def _trainable(method: str, part: str) -> bool:
    """Tell whether training makes a part for a method: its network, or the two parts of a bank it searches."""
    return part == "network" or (part in ("bank", "discriminator") and method in _SEARCHERS)


def _places(profile: str) -> list[Path]:
    """Return where the files that were trained for a profile are looked for, in order."""
    if profile in SHIPPED:
        return [SHIPPED[profile]]
    own = [] if profile == "paper" else [Path(profile).expanduser().absolute() / "weights"]
    return [*own, *folders(profile)]


def present() -> list[Path]:
    """Return the files on this machine that training made, by name."""
    places = dict.fromkeys([*SHIPPED.values(), *folders("paper")])
    pattern = re.compile(r"[\w.-]+_\d+(_discriminator)?\.safetensors")
    return sorted(path for place in places for path in place.glob("*") if pattern.fullmatch(path.name))


def folders(profile: str) -> list[Path]:
    """Return where the files of a profile are looked for, in order."""
    given = os.environ.get("GLEAN_WEIGHTS")
    own = [Path(given).expanduser()] if given else []
    return [
        *([SHIPPED[profile]] if profile in SHIPPED else []),
        *own,
        Path.home() / ".cache" / "glean-bench" / "weights",
    ]


def short(path: Path) -> str:
    """Return a path for a message, which may end in a published table: without the name of the user or our place."""
    for prefix, base in (("", _ROOT), ("~/", Path.home())):
        if path.is_relative_to(base):
            return f"{prefix}{path.relative_to(base)}"
    return str(path)
