"""`doctor` says what is here and what is broken, and its exit status tells whether something is."""

import json
import re

import pytest

from bench import checkup, paths, shipped
from bench.spec import BadFile


@pytest.fixture
def doctor(bench, monkeypatch, tmp_path):
    """The command, of one package, one table and one profile."""
    monkeypatch.setattr(checkup, "PACKAGES", {"numpy": "numpy"})
    monkeypatch.setattr("bench.verbs.doctor.profiles", lambda: ("mini",))
    monkeypatch.setattr("bench.verbs.doctor.tables", lambda: ("flops", "table1"))
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GLEAN_DATA", raising=False)
    return lambda *words: bench("doctor", "--out", tmp_path / "results" / "out", *words)


def test_a_sound_installation_is_told_in_full(doctor):
    status, out, err = doctor()
    assert (status, err) == (0, "")
    assert out.endswith("Nothing is broken.\n")
    for words, lack in {
        r"numpy +\d+\.\d+": "versions",
        r"cores +\d+": "the cores",
        r"results +.*/out, [\d.]+ GB free": "the space for results",
        r"\$GLEAN_DATA is not set": "where data would be",
        r"weights +.*/weights\n": "the folder of the user's weights",
        r"shipped +(\d+) of \1 are whole": "the weights of the suite",
        r"own +0 trained here": "those of the user",
        r"published +1 of \d+ are here": "those that can be fetched, of which VGG16's first layers come with the suite",
        r"face +100 images": "the images",
        r"table1 +10 cells run, 0 are refused": "what a table could fill",
    }.items():
        assert re.search(words, out), f"the report lacks {lack}"
    assert "flops" not in out, "it is counted, and needs nothing"


def test_as_json_it_is_one_document_with_numbers(doctor):
    status, out, err = doctor("--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["tables on mini"]["table1"] == {"text": "10 cells run, 0 are refused", "runnable": 10, "refused": 0}
    assert told["weights"]["own"]["files"] == 0
    assert told["broken"] == []


def damaged_own(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "glean_face_16x_256.safetensors").write_bytes(b"nothing")
    return "glean_face_16x_256.safetensors cannot be read"


def damaged_published(tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "glean_cat_16x_20210527-68912543.pth").write_bytes(b"nothing")
    return "Delete it, and get it from https://"


def damaged_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "listed", lambda: {"bench/spec.py": "0" * 64, "bench/weights/gone": "0" * 64})
    return "bench/weights/gone is missing; install glean-bench again."


def broken_package(tmp_path, monkeypatch):
    monkeypatch.setattr(checkup, "PACKAGES", {"numpy": "no_such_module"})
    return "numpy cannot be imported (ModuleNotFoundError"


def no_place_for_results(tmp_path, monkeypatch):
    (tmp_path / "results").write_text("")
    return "cannot be written to; name another folder with --out"


def no_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GLEAN_DATA", str(tmp_path / "nowhere"))
    return "which is no folder that can be read"


def weights_in_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "file"))
    return f"$GLEAN_WEIGHTS is {tmp_path}/file, and {tmp_path}/file is no folder; set it to the folder of your weight"


def weights_below_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "file" / "below"))
    return f"and {tmp_path}/file is no folder"


def weights_behind_a_link_to_nothing(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path / "link"))
    return f"and {tmp_path}/link is no folder"


def weights_in_two_lines(tmp_path, monkeypatch):
    monkeypatch.setenv("GLEAN_WEIGHTS", f"{tmp_path}/a\nb")
    return "there are control characters in it"


def other_images(tmp_path, monkeypatch):
    def check(card):
        if card.category == "face":
            raise BadFile("the files of face are not the images of the list")

    monkeypatch.setattr("bench.images.known.check", check)
    return "the files of face are not the images of the list"


@pytest.mark.parametrize(
    "damage",
    [
        damaged_own, damaged_published, damaged_shipped, broken_package, no_place_for_results, no_data_folder,
        weights_in_a_file, weights_below_a_file, weights_behind_a_link_to_nothing,
        weights_in_two_lines, other_images,
    ],
    ids=lambda damage: damage.__name__,
)  # fmt: skip
def test_what_is_broken_is_told_with_what_to_do_and_the_exit_status(doctor, tmp_path, monkeypatch, damage):
    words = damage(tmp_path, monkeypatch)
    monkeypatch.setattr("bench.verbs.doctor._tables", lambda *_, **__: iter(()))
    status, out, err = doctor()
    assert status == 1
    assert "Nothing is broken" not in out
    (line,) = err.splitlines()
    assert line.startswith("broken: ")
    assert words in line


def test_a_training_that_has_not_ended_breaks_nothing(doctor, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.verbs.doctor._tables", lambda *_, **__: iter(()))
    monkeypatch.setattr(
        "methods.weights.trained.present", lambda: [paths.user_weights()[0] / "bank_face_64.safetensors"]
    )
    monkeypatch.setattr("methods.weights.trained.unfinished", lambda _: "5 of 10 steps")
    status, out, err = doctor()
    assert (status, err) == (0, "")
    assert "1 trained here, 1 of them not to the end, 0 damaged or out of place" in out


def test_a_profile_without_images_can_fill_no_table(doctor, monkeypatch):
    monkeypatch.setattr("bench.verbs.doctor.profiles", lambda: ("portraits",))
    status, out, err = doctor()
    assert (status, err) == (0, ""), "what was never put there is not broken"
    assert re.search(r"face +missing: \$GLEAN_DATA is not set, so portraits was not looked for\n", out)
    assert re.search(r"tables on portraits\n  all +nothing", out)
