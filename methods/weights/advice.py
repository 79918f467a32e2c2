"""What to do about a network that is not there: the command that trains it, or why none does."""

import re
import shlex
from pathlib import Path

from bench.paths import short
from bench.spec import BenchError, Task, UnknownName
from methods.presets import biggan
from methods.presets.mixtures import MIXTURES, parted, unfit
from methods.weights import catalogue, trained


def command(method: str, task: Task, part: str, *, begun: bool = False) -> str:
    """Return the end of a sentence: the commands that would make what is missing, if training makes it.

    `begun`: it has begun to, and its file is told of before.
    """
    if not trained.trainable(method, part):
        return ""
    item = re.sub(r"\.stylegan2?$", "", method)  # the card names the kind of bank
    if none := _none(method, item, task, part):
        return none
    what = f"{item} --factor {task.factor}" if part == "network" else trained.BANKS[method]
    category = "" if what == biggan.NAME else " --category NAME"
    profile = f" --profile {_typed(task.profile)}"
    again = part == "network" and task.training
    place = trained.trainings(task)[0] if again else trained.folder(task.profile, task.preset)
    absent = "" if begun else f", and none was trained into {short(place)}"
    absent = f"{absent}. `python -m bench train {what}{category}{profile}"
    if again:
        return (
            f"{absent} --seed {task.training} --out {_typed(str(place))}` {'goes on with it' if begun else 'makes it'}"
        )
    if begun:
        return f"{absent}` goes on with it"
    return f"{absent}` makes it, `python -m bench train --missing{profile}` all that is missing"


def option(profile: str) -> str:
    """Return the words that name a profile in a command, a blank before them; none for what is taken without them."""
    return "" if profile == "mini" else f" --profile {_typed(profile)}"


def _typed(profile: str) -> str:
    """Return a profile, or a folder, as it can be typed in a shell, a path without the name of the user."""
    name = short(Path(profile)) if Path(profile).is_absolute() else profile
    base, _, rest = name.partition("/")
    typed = {"~": "~", "$GLEAN_WEIGHTS": '"$GLEAN_WEIGHTS"'}.get(base)  # a shell expands no quoted ~
    if typed is None:
        return shlex.quote(name)
    return f"{typed}/{shlex.quote(rest)}" if rest else typed


def _untrained(item: str) -> bool:
    """Tell whether nothing is trained with a mixture behind its name: SRNTT, and what has one already."""
    method, mixture = parted(item)
    return mixture is not None and (method == "srntt" or parted(method)[1] is not None)


def _none(method: str, item: str, task: Task, part: str) -> str:
    """Return the end of a sentence that says why no training makes a network for a task; "" if one does."""
    if task.mixture and task.mixture not in MIXTURES:
        return f": {UnknownName('mixture', task.mixture, MIXTURES)}"
    if task.mixture and _untrained(item):
        return ", and no training makes one for images that are degraded like this"
    if part == "network" and (reason := unfit(item, task.factor)):
        return f": {reason}"
    if method.endswith(".stylegan") and not catalogue.fitting(f"{trained.GLEAN}.stylegan", task, "bank"):
        return ", and none can be trained, as there is no StyleGAN for it: training makes none, and none was published"
    if method == biggan.METHOD:
        try:
            biggan.biggan(task).label(task.category)
        except BenchError as error:
            return f": {str(error).rstrip('.')}"
    return ""
