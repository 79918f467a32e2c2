"""PULSE's fit is made once for a bank, also by runs beside each other, and never taken from a damaged file."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from methods.nets.stylegan2 import MappingNetwork
from methods.search import fit_cache
from methods.search.pulse_terms import gaussian_fit

CPU = torch.device("cpu")


@pytest.fixture
def made(tmp_path, monkeypatch) -> list[int]:
    """How many samples each fit was made of, in the order in which they were made; the cache is empty."""
    counted: list[int] = []

    def counting(*args, **wanted):
        counted.append(wanted["samples"])
        return gaussian_fit(*args, **wanted)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(fit_cache, "gaussian_fit", counting)
    return counted


@pytest.fixture
def mapping() -> MappingNetwork:
    torch.manual_seed(0)
    return MappingNetwork(style_dim=16, layers=2, latents=4)


def fit(mapping, samples=500):
    return fit_cache.fit(mapping, width=16, samples=samples, device=CPU)


def test_a_bank_is_fitted_once_and_the_values_are_the_same(made, mapping, tmp_path):
    first, second = fit(mapping), fit(copy.deepcopy(mapping))
    assert made == [500], "a million samples are drawn anew for each cell"
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert len(list((tmp_path / "glean-bench").iterdir())) == 1


def test_another_bank_or_number_of_samples_is_another_fit(made, mapping):
    other = copy.deepcopy(mapping)
    with torch.no_grad():
        next(other.parameters()).add_(1e-3)
    for each, samples in ((mapping, 500), (other, 500), (mapping, 600), (mapping, 500)):
        fit(each, samples)
    assert made == [500, 500, 600]


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_a_damaged_file_is_made_anew(made, mapping, tmp_path, content):
    first = fit(mapping)
    (path,) = (tmp_path / "glean-bench").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if content is None else content)
    again = fit(mapping)
    assert made == [500, 500]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert path.read_bytes() == whole


def test_runs_beside_each_other_leave_one_whole_file(made, mapping, tmp_path):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: fit(mapping), range(8)))
    assert all(torch.equal(each[0], found[0][0]) for each in found)
    assert len(list((tmp_path / "glean-bench").iterdir())) == 1
    assert made == [500]


def test_where_nothing_can_be_written_it_is_said_once_in_a_sentence_and_goes_on(made, mapping, tmp_path, capsys):
    (tmp_path / "glean-bench").write_text("a file in the place of the folder")
    assert fit(mapping)[0].shape == (16,)
    told = " ".join(capsys.readouterr().err.split())
    assert told.startswith("note: PULSE's fit of its bank is not kept for the next run:")
    assert told.count("note:") == 1
