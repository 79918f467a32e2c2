"""Images in the layouts that people have: those that the cards of `paper` read, and those that `bench data` knows."""

import zipfile
from pathlib import Path

import lmdb
import numpy as np
from PIL import Image

TRAINED = 12
"""Images of a training set."""


def photo(path, side, seed=0) -> Path:
    """Write a JPEG of a few soft spots."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spots = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(spots).resize((side, side)).save(path, "JPEG")
    return path


def database(path, side, count, first=0) -> None:
    """Write an LMDB as LSUN has them."""
    path.mkdir(parents=True)
    with lmdb.open(str(path), map_size=2**28) as made, made.begin(write=True) as transaction:
        for index in range(count):
            content = photo(path.parent / "one.jpg", side, first + index).read_bytes()
            transaction.put(f"{index:040x}".encode(), content)
    (path.parent / "one.jpg").unlink()


def folder(path, names, side) -> None:
    for seed, name in enumerate(names):
        photo(path / f"{name}.jpg", side, seed)


def paper(root, cards, side=None) -> None:
    """Write the test images where the cards read them, and the training sets of cats and bedrooms."""
    sides = {name: side or card.hr_size for name, card in cards.items()}
    folder(root / "CelebA-HQ", cards["face"].ids, sides["face"])
    folder(root / "CAT_03", cards["cat"].ids, sides["cat"])
    folder(root / "cars_test", [f"{number:05}" for number in range(1, 102)], sides["car"])
    for name in ("bedroom", "tower"):
        database(root / f"{name}_val_lmdb", sides[name], 102)
    for number, name in enumerate(("cat_lmdb", "bedroom_train_lmdb")):
        database(root / name, sides["cat"], TRAINED, first=1000 * (number + 1))


def scattered(root, cards) -> None:
    """Write what `bench data` has to tell apart, cats and bedrooms at their size, the others small."""
    folder(root / "CelebA-HQ/data1024x1024", cards["face"].ids, 8)
    folder(root / "CelebA-HQ-img", range(3), 8)
    folder(root / "celeba_hq/val/female", ["000001"], 8)
    (root / "arrays").mkdir()
    (root / "arrays/imgHQ00001.npy").write_bytes(b"x")
    folder(root / "cats/CAT_03", cards["cat"].ids, cards["cat"].hr_size)
    folder(root / "cats/CAT_05", ["00001000_000"], 8)
    folder(root / "cars_test/cars_test", [f"{number:05}" for number in range(101)], 8)
    folder(root / "car_ims", ["000001"], 8)
    database(root / "lsun/bedroom_val_lmdb/bedroom_val_lmdb", cards["bedroom"].hr_size, 101)
    folder(root / "tower_val", [f"{number:040x}" for number in range(100)], 8)
    (root / "hub/celeba-hq").mkdir(parents=True)
    (root / "hub/celeba-hq/train-0.parquet").write_bytes(b"x")
    with zipfile.ZipFile(root / "hub/cars.zip", "w") as archive:
        archive.write(root / "car_ims/000001.jpg", "cars/000001.jpg")
