"""Reads the cards: TOML -> `Card`. A profile is a folder with a TOML file or a folder of photographs for each category.

A user's folder needs no TOML: each sub-folder that holds photographs is a category of its name. A `<category>.toml` in
it says more, and comes first.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from bench import degradation, lists, memory, schema
from bench.images import folder as photographs
from bench.paths import expanded
from bench.profiles import profile_folder, profile_name, profiles
from bench.spec import BadFile, BenchError, Card, MissingImages, UnknownName

STANDARD = ("face", "cat", "car", "bedroom", "tower")
"""The paper's categories in its order; others follow by name."""

_HINTS = get_type_hints(Card)
_FOLDER_HR_SIZE = 256  # of a folder of photographs without a card
LARGEST = 2**14
"""Side of the largest ground truth, in pixels: 16 in float64 fill 100 GB."""
_REQUIRED: dict[str, schema.Kind] = {
    "title": schema.NAME,
    "hr_size": schema.whole(1, LARGEST),
    "reader": schema.Choice("reader", get_args(_HINTS["reader"])),
    "source": schema.NAME,
    "test_set": schema.TEXT,
    "train_set": schema.TEXT,
}
_OPTIONAL: dict[str, schema.Kind] = {
    "list": schema.NAME,
    "ids": schema.ListOf(schema.TEXT),
    "looks": schema.TableOf(schema.NAME, schema.form("[0-9a-f]{16}", "of 16 hexadecimal digits in lower case")),
    "test_images": schema.whole(1, 10**9),
    "searched_images": schema.whole(1, 10**9),
    "large_enough": schema.FLAG,
    "fit": schema.Choice("fit", get_args(_HINTS["fit"])),
    "train_source": schema.NAME,
    "train_reader": schema.Choice("train_reader", get_args(_HINTS["train_reader"])),
    "lr": schema.NAME,
    "crops": schema.NAME,
    "train_crops": schema.ListOf(schema.NAME),
    "face_box": schema.Square(0.1),
    "component_boxes": schema.NAME,
    "licence": schema.TEXT,
    "address": schema.TEXT,
    "download": schema.form(r"https?://\S+/", "that begins with https:// and ends in /"),
    "preset": schema.form(r"\w[\w.-]*", "of letters, digits, _ . and -"),
    "degradation": degradation.LIST,
    "network": schema.NAME,
    "mixture": schema.NAME,
    "bank": schema.Choice("bank", get_args(_HINTS["bank"])[1:]),
}
_CARD = schema.Table(_REQUIRED, _OPTIONAL)
_PART = schema.Table({}, {**_REQUIRED, **_OPTIONAL})
"""What is read of every card to see which folders the cards use."""


def cards(profile: str, hr_size: int | None = None, *, need_lists: bool = True) -> dict[str, Card]:
    """Return the cards of a profile by category, the paper's categories first.

    `hr_size` replaces the cards' own; checksums belong to the cards' size and are dropped with it.
    `need_lists=False` reads a card whose list is not written yet as if it had none.

    Raises:
        UnknownName: there is no such profile.
        MissingImages: a profile that looks like a path, and is none or holds no photographs.
        BadFile: a card or a list that cannot be used as it stands.
    """
    profile = profile_name(profile)
    folder = profile_folder(profile)
    categories = _categories(folder)
    if not categories:
        raise MissingImages(
            f"{folder} holds neither cards nor sub-folders with photographs; "
            f"put the photographs into one sub-folder per category, such as {folder / 'cat'}."
        )
    return {category: _card(profile, path, hr_size, need_lists=need_lists) for category, path in categories.items()}


def card(profile: str, category: str, hr_size: int | None = None) -> Card:
    """Return one card; raises what `cards` raises, and `UnknownName` with suggestions for an unknown category."""
    profile = profile_name(profile)
    categories = _categories(profile_folder(profile))
    if category not in categories:
        raise UnknownName(f"category in the profile {profile}:", category, categories)
    return _card(profile, categories[category], hr_size, need_lists=True)


def preset(profile: str) -> str:
    """Return the preset of a profile, for whose networks its tables are; raises what `cards` does."""
    return next(iter(cards(profile, need_lists=False).values())).preset


def list_paths(profile: str) -> dict[str, Path]:
    """Return category -> where its list is: as its card says, or `<category>.sha256` beside it.

    Raises what `cards` does, and `BadFile` for a list that is outside of the folder, or another file of it by its name.
    """
    folder = profile_folder(profile)
    found: dict[str, Path] = {}
    for category, path in _categories(folder).items():
        told = {} if path.is_dir() else schema.read(path, _PART)
        name = told.get("list", f"{category}.sha256")
        taken = Path(name).suffix.lower() in (".toml", ".csv", *photographs.SUFFIXES) or folder / name in found.values()
        if taken or not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise BadFile(f"{path}: the list {name} would be written over another file; name one beside the card.")
        found[category] = folder / name
    return found


def _categories(folder: Path) -> dict[str, Path]:
    """Return category -> its card, or its sub-folder of photographs, in the suite's order."""
    found = {path.stem: path for path in folder.glob("*.toml") if not path.name.startswith(".")}
    told = [schema.read(path, _PART) for path in found.values()]
    used = {folder / values.get(key, "") for values in told for key in ("source", "train_source", "lr")}
    for path in photographs.subfolders(folder):
        held = photographs.holds_any(path) or photographs.lr_beside(path)
        if path not in used and not lists.unfit(path.name) and held:
            found.setdefault(path.name, path)
    order = [*(name for name in STANDARD if name in found), *sorted(found.keys() - set(STANDARD))]
    return {name: found[name] for name in order}


def _card(profile: str, path: Path, hr_size: int | None, *, need_lists: bool) -> Card:
    """Return the card of a TOML file or of a folder of photographs."""
    facts = _of_folder(profile, path) if path.is_dir() else _read_card(profile, path, need_lists=need_lists)
    if hr_size is not None and not 1 <= hr_size <= LARGEST:
        raise BenchError(f"hr_size must be from 1 to {LARGEST}, not {schema.shown(hr_size)}.")
    if hr_size not in (None, facts.hr_size):
        facts = replace(facts, hr_size=hr_size, sha256={})
    if facts.hr_size > memory.largest_side():
        raise BenchError(
            f"hr_size {facts.hr_size} of {profile}/{facts.category} is more than this machine's memory can hold; "
            f"it can be {memory.largest_side()} at most."
        )
    return facts


def _of_folder(profile: str, path: Path) -> Card:
    """Return the card of a folder of photographs; one that holds a folder `lr` alone has no ground truth."""
    lr, there = photographs.lr_beside(path), photographs.holds_any(path)
    return Card(
        profile=profile, category=path.name, title=path.name, hr_size=_FOLDER_HR_SIZE,
        reader="folder" if there else "lr", source=str(path if there else lr), lr=str(lr or ""),
        test_set=f"{path.name} photographs" if there else f"{path.name}, LR images alone", train_set="",
    )  # fmt: skip


def _read_card(profile: str, path: Path, *, need_lists: bool) -> Card:
    """Return the card of a TOML file."""
    values = schema.read(path, _CARD)
    _check_training_set(path, values)
    listed = _listed(path, values, need_lists=need_lists)
    if values["reader"] != "scenes" and profile not in profiles():
        for key in values.keys() & {"source", "train_source"}:
            values[key] = str(path.parent / expanded(values[key]))
    if profile not in profiles():
        values["lr"] = _lr(path, values)
    if values.get("lr") and "degradation" in values:
        raise BadFile(f"{path}: its LR images are given, so that degradation would not be done; take one out.")
    sha256 = {name: checksum for name, checksum in listed.items() if checksum}
    facts: dict[str, Any] = {key: value for key, value in values.items() if key not in ("list", "ids")}
    facts |= _tables(path, values)
    if "face_box" in values:
        facts["face_box"] = tuple(values["face_box"])
    if "degradation" in values:
        facts["degradation"] = tuple(values["degradation"])
    if "component_boxes" in values:
        facts["component_boxes"] = path.parent / values["component_boxes"]
    return Card(profile=profile, category=path.stem, ids=tuple(listed), sha256=sha256, **facts)


def _lr(path: Path, values: Mapping[str, Any]) -> str:
    """Return where a card's LR images are: as it says, or in a folder `lr` beside its photographs; "" if nowhere."""
    if "lr" in values:
        return str(path.parent / expanded(values["lr"]))
    if values["reader"] == "lr":
        return str(values["source"])
    beside = photographs.lr_beside(Path(values["source"])) if values["reader"] == "folder" else None
    return str(beside or "")


def _check_training_set(path: Path, values: Mapping[str, Any]) -> None:
    """Raise `BadFile` if a card's training images cannot be what is meant."""
    if "train_source" not in values:
        if "train_reader" in values:
            raise BadFile(f"{path} has a train_reader without a train_source; name where the training images are.")
    elif values["reader"] == "scenes":
        raise BadFile(f"{path}: scenes are drawn, for training too; take out train_source.")
    elif Path(values["train_source"]) == Path(values["source"]):
        raise BadFile(
            f"{path}: train_source is the source of the test images. Take it out: "
            "what is not tested of a folder is then trained on."
        )


def _tables(path: Path, values: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
    """Return the paths of the tables of crops that a card names, which lie beside it."""
    test, train = ([values["crops"]] if "crops" in values else []), values.get("train_crops", [])
    if test and values["reader"] != "folder":
        raise BadFile(f"{path}: crops are cut out of the files of a folder; set the reader to 'folder'.")
    if "download" in values and not test:
        raise BadFile(f"{path} has a download and no crops, which would say which files; name a table of them.")
    if train and not test:
        raise BadFile(f"{path} has train_crops and no crops; name the table of the test images too.")
    return {
        key: tuple(path.parent / name for name in names) for key, names in (("crops", test), ("train_crops", train))
    }


def _listed(path: Path, values: Mapping[str, Any], *, need_lists: bool) -> dict[str, str]:
    """Return id -> sha256, or '' where the list has none, of the images a card names."""
    if "ids" in values and "list" in values:
        raise BadFile(f"{path} has both `ids` and `list`; keep one of them.")
    if "list" not in values:
        pairs = [(name, "") for name in values.get("ids", [])]
    else:
        path = path.parent / values["list"]
        if not need_lists and not path.is_file():
            return {}
        pairs = lists.read(path)
    lists.check_ids(path, [name for name, _ in pairs])
    return dict(pairs)
