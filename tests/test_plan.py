from dataclasses import replace

import pytest
import torch

from bench import cards, measurable, plan, profiles, report_files, variants
from bench.report import table
from bench.scores.metric import Pair
from bench.scores.metrics import METRICS as METRICS_BY_NAME
from bench.spec import BenchError, Spec, TooSmall
from methods import BY_NAME, find

SPECS = {
    name: method.spec
    for name, method in BY_NAME.items()
    if method.spec.categories is None and max(method.spec.factors) > 1
}
METHODS = {**SPECS, "bicubic+bp": find("bicubic+bp").spec}


@pytest.mark.parametrize("table", ["table1", "table2"])
def test_a_table_lists_every_method_of_the_paper_and_says_which_are_missing(table):
    report = replace(report_files.read(table), pending={"soon": "Soon"})
    report = replace(report, methods=(*report.methods, "soon"))
    cells = plan.plan(report, METHODS, cards.cards("mini"))
    assert len(cells) == len(report.categories) * len({*report.methods, *METHODS})
    refused = {cell.method: cell.refusal for cell in cells if cell.refusal}
    assert refused == {"soon": "Soon is not implemented yet"}, "what is not there must be refused, not hidden"


def test_the_plan_in_words():
    cells = plan.plan(report_files.read("table2"), {"bicubic": SPECS["bicubic"]}, cards.cards("mini"))
    words = plan.describe(cells)
    assert words.startswith(f"{len(cells)} cells, 5 runnable, {len(cells) - 5} refused: pseudo_inverse is not among")
    assert plan.describe([cell for cell in cells if not cell.refusal]) == "5 cells, 5 runnable, 0 refused"


def test_a_method_that_cannot_do_the_task_is_refused_with_its_reason():
    class Narrow(BY_NAME["bicubic"]):
        spec = Spec(name="narrow", title="Narrow", family="t", paper="p", factors=(16,), categories=("cat",))

    cells = plan.plan(report_files.read("table2"), {"narrow": Narrow.spec}, cards.cards("mini"))
    reasons = {cell.task.category: cell.refusal for cell in cells if cell.method == "narrow"}
    assert reasons["cat"] is None
    assert reasons["face"] == "Narrow is for cat, not face"


def test_a_profile_without_any_category_of_the_table_is_an_error(photos):
    (photos / "face").rename(photos / "flower")
    (photos / "cat").rename(photos / "bird")
    with pytest.raises(BenchError, match="Name a folder per category"):
        plan.plan(report_files.read("table2"), SPECS, cards.cards(str(photos), 64))


def test_a_size_that_the_factor_does_not_divide_is_an_error(photos):
    with pytest.raises(BenchError, match="factor 16 does not divide hr_size 60"):
        plan.plan(report_files.read("table2"), SPECS, cards.cards(str(photos), 60))


def test_a_method_of_the_table_that_was_not_asked_for_says_so():
    cells = plan.plan(report_files.read("table2"), {"bicubic": SPECS["bicubic"]}, cards.cards("mini"))
    reasons = {cell.method: cell.refusal for cell in cells}
    assert reasons["bicubic"] is None
    assert reasons["pseudo_inverse"] == "pseudo_inverse is not among the methods of this run"


def test_a_factor_that_does_not_divide_is_left_out_and_the_others_are_measured(photos):
    report, found = report_files.read("factors"), cards.cards(str(photos), 48)
    cells = plan.plan(report, SPECS, found)
    assert {(cell.task.category, cell.task.factor) for cell in cells} == {
        (category, factor) for category in ("face", "cat") for factor in (8, 16)
    }
    sentences = measurable.left_out(report, found)
    assert sentences[0] == "face at 32x is left out: 32 does not divide 48 px"
    assert len(sentences) == 4, "two factors of two categories; categories without images are no such case"


def test_methods_that_search_get_the_images_that_the_card_has_for_them():
    """A table of 100 images a category would take hours with them, and none of fewer would be exact for the others."""
    cells = plan.plan(report_files.read("table2"), METHODS, cards.cards("mini"))
    given = {cell.method: cell.images for cell in cells}
    assert given["pulse"] == given["dgp"] == given["singan"] == cards.card("mini", "face").searched_images == 6
    assert given["glean"] is given["bicubic"] is None
    paper = plan.plan(report_files.read("table2"), METHODS, cards.cards("paper"))
    assert {cell.images for cell in paper} == {None}, "the paper's tables are of 100 images"


def test_a_metric_that_does_not_know_where_the_faces_are_is_left_out_and_said_so(photos):
    """Its rows would be empty, or of the wrong part of the image."""
    report, found = report_files.read("table1"), cards.cards(str(photos))
    sentence = "arcface_aligned of face is left out: its card does not say where the faces are (face_box)"
    assert measurable.left_out(report, found) == [sentence]
    cells = plan.plan(report, {"bicubic": SPECS["bicubic"]}, found)
    assert {row.metric.name for row in table.build(report, cells, [], found).rows} == {"arcface"}
    boxed = {"face": replace(found["face"], face_box=(0.1, 0.1, 0.8))}
    assert measurable.left_out(report, boxed) == []
    alone = replace(report, metrics=("arcface_aligned",))
    with pytest.raises(BenchError, match="every metric of table1 needs a face_box in the card of face"):
        plan.plan(alone, METHODS, {"face": found["face"]})


def test_references_are_of_each_task_with_a_ground_truth_and_of_one_seed():
    report, found = report_files.read("table1"), cards.cards("mini")
    cells = plan.plan(report, METHODS, found, seeds=(3, 4))
    made = plan.references(report, cells, found)
    assert [(cell.method, cell.task.seed, cell.reference) for cell in made] == [
        ("another_person", 3, True),
        ("jpeg75", 3, True),
    ]
    assert plan.references(report, cells, {"face": replace(found["face"], reader="lr")}) == []
    assert plan.references(report_files.read("table2"), cells, found) == []


def test_only_methods_that_draw_random_numbers_get_several_seeds():
    cells = plan.plan(report_files.read("table1"), METHODS, cards.cards("mini"), seeds=(3, 4))
    assert [cell.task.seed for cell in cells if cell.method == "pulse"] == [3, 4]
    assert [cell.task.seed for cell in cells if cell.method == "bicubic"] == [3]


def test_only_methods_with_networks_get_several_trainings():
    report, found = report_files.read("table1"), cards.cards("mini")
    cells = plan.plan(report, METHODS, found, trainings=(1, 2))
    for name, given in (("glean", [1, 2]), ("esrgan_plus", [1, 2]), ("pulse", [0]), ("bicubic", [0])):
        assert [cell.task.training for cell in cells if cell.method == name] == given, name
    assert {cell.task.training for cell in plan.references(report, cells, found)} == {0}
    assert len(plan.references(report, cells, found)) == 2, "a row of references for each training"


@pytest.mark.parametrize(("asked", "given"), [(1, 1), (200, 2), (None, None)])
def test_methods_that_search_get_no_more_images_than_the_others(photos, asked, given):
    found = {
        name: replace(card, searched_images=asked, test_images=2) for name, card in cards.cards(str(photos)).items()
    }
    cells = plan.plan(report_files.read("table2"), {"pulse": SPECS["pulse"]}, found)
    assert {cell.images for cell in cells if cell.method == "pulse"} == {given}


def test_images_that_are_too_small_for_a_metric_are_refused_before_any_is_restored(photos):
    """Everything was restored, and then a sentence said that LPIPS cannot be had of it."""
    with pytest.raises(BenchError, match=r"lpips at 16x takes .* of at least 31 px, not 16: take a larger --hr-size"):
        plan.plan(report_files.read("table2"), METHODS, cards.cards(str(photos), 16))
    with pytest.raises(BenchError, match="psnr_crop at 16x takes images of at least 33 px, not 32"):
        plan.plan(report_files.read("table2"), METHODS, cards.cards(str(photos), 32))
    with pytest.raises(BenchError, match="factor 16 does not divide hr_size 7"):
        plan.plan(report_files.read("table2"), METHODS, cards.cards(str(photos), 7))
    found = cards.cards(str(photos), 16) | {"cat": cards.card(str(photos), "cat", 64)}
    cells = plan.plan(report_files.read("table2"), METHODS, found)
    assert {cell.task.category for cell in cells if cell.refusal} == {"face"}, "the others are measured"


@pytest.mark.parametrize("name", METRICS_BY_NAME)
@pytest.mark.parametrize("factor", [2, 8])
def test_the_smallest_size_that_is_planned_can_be_measured(name, factor, vgg16_of_sines):
    metric = METRICS_BY_NAME[name]
    sizes = [size for size in range(factor, 80, factor) if metric.refuses(size, factor) is None]
    for size in (sizes[0], sizes[0] - factor):
        sr, hr, lr = (torch.full((1, 3, side, side), 0.5) for side in (size, size, size // factor))
        if size in sizes:
            assert metric.function(Pair(sr, hr, lr, factor)).shape[0] == 1
        elif size:
            with pytest.raises(TooSmall):
                metric.function(Pair(sr, hr, lr, factor))


def test_categories_of_a_users_folder_are_measured_although_the_table_does_not_name_them(photos):
    """`photos/{face,flowers}` measured faces alone, without a word on the flowers."""
    (photos / "cat").rename(photos / "flowers")
    found = cards.cards(str(photos), 64)
    table2, table1 = report_files.read("table2"), report_files.read("table1")
    cells = plan.plan(plan.widened(table2, found), SPECS, found)
    assert {cell.task.category for cell in cells if cell.method == "bicubic" and not cell.refusal} == {
        "face", "flowers",
    }  # fmt: skip
    assert measurable.unmeasured(plan.widened(table2, found), found) == []
    assert plan.widened(table1, found) == table1, "identity is of faces alone"
    assert measurable.unmeasured(table1, found) == ["flowers is left out: table1 is about face"]


def test_categories_of_a_users_folder_have_the_variants_of_a_table_too(photos):
    """`tasks` had a column of no image, and advice on a degradation that its card does not have; others no variants."""
    (photos / "cat").rename(photos / "flowers")
    found = cards.cards(str(photos), 128)
    report, wider = variants.expanded(plan.widened(report_files.read("tasks"), found), found)
    assert {wider[name].shows for name in report.categories} == {"face", "flowers"}
    assert all("." in name for name in report.categories), "at 1x there is nothing to restore without a variant"
    assert measurable.unmeasured(report, wider) == []


@pytest.mark.parametrize("profile", ["mini", "paper"])
def test_a_table_of_ours_keeps_to_its_categories(profile):
    found = cards.cards(profile)
    for name in profiles.tables():
        report = report_files.read(name)
        assert plan.widened(report, found) == report
        assert measurable.unmeasured(report, found) == []
