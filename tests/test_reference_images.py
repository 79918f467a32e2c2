"""What a method may know beside its input: training images and boxes, never a test image but for an oracle."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from bench import cards, holdings, plan, reference_images, report_files, scenes, stock
from bench.components import PARTS
from bench.images import data
from bench.running import runner
from bench.spec import BadFile, BenchError, Cell, ContractError, MissingImages, Task
from methods import specs
from methods.nets import dfdnet

from .training.test_feed import FACE, shades

CPU = torch.device("cpu")
MINI = Task("mini", "face", 16, 128, preset="mini")


@pytest.fixture
def profile(tmp_path) -> str:
    """Faces of the greys 10 and 20 to be tested, 110 and 120 to be trained on."""
    shades(tmp_path / "face", 10, 20)
    shades(tmp_path / "train", 110, 120)
    (tmp_path / "face.toml").write_text(FACE + 'train_source = "train"\n')
    return str(tmp_path)


def task(profile) -> Task:
    return cards.card(profile, "face").task(4)


def greys(images) -> set[int]:
    return {round(image.mean().item() * 255) for image in images}


def test_a_method_gets_training_images_of_its_card_and_no_others(profile):
    assert greys(reference_images.training(specs.SRNTT, task(profile), 8)) == {110, 120}
    assert len(reference_images.training(specs.SRNTT, task(profile), 1)) == 1


def test_scenes_are_of_seeds_that_no_test_image_has():
    found = reference_images.training(specs.SRNTT, MINI, 2)
    drawn = scenes.exact_images("face", torch.tensor([1000, 1001])).float() / 255
    assert torch.equal(found, drawn), "other seeds are those of test images, or change with the machine"


@pytest.mark.parametrize("spec", [specs.BICUBIC, specs.GLEAN, specs.SRNTT_ORACLE])
def test_who_does_not_say_so_gets_none(spec):
    with pytest.raises(ContractError, match='its spec must say needs_reference="training"'):
        reference_images.training(spec, MINI, 2)


@pytest.mark.parametrize("spec", [specs.BICUBIC, specs.SRNTT])
def test_only_an_oracle_is_shown_the_true_image(spec):
    with pytest.raises(ContractError, match='must say needs_reference="truth"'):
        reference_images.Truths.of_task(spec, MINI, CPU)


def test_a_test_image_among_the_references_ends_in_a_sentence(profile, tmp_path):
    """By its file, whatever it is called; a row would be measured that has seen the answer."""
    (tmp_path / "train" / "innocent.png").write_bytes((tmp_path / "face" / "20.png").read_bytes())
    with pytest.raises(BenchError, match=r"hold 1 that are tested on \(innocent, by checksum\); a method must not see"):
        reference_images.training(specs.SRNTT, task(profile), 8)


def test_a_test_image_in_another_format_is_known_by_its_pixels(profile, tmp_path):
    Image.open(tmp_path / "face" / "20.png").save(tmp_path / "train" / "0.webp", lossless=True)
    with pytest.raises(BenchError, match=r"hold 1 that are tested on \(0, by checksum\)"):
        reference_images.training(specs.SRNTT, task(profile), 8)


@pytest.mark.parametrize("whose", ["own", "other"])
def test_a_test_image_of_any_category_is_among_no_references(profile, tmp_path, whose):
    """SRNTT with references of another category was shown the tested face, and scored as the oracle does."""
    shades(tmp_path / "cats", 30, 40)
    shades(tmp_path / "cats for training", 130, 140)
    (tmp_path / "cat.toml").write_text(
        FACE.replace('"Face"', '"Cat"').replace('"face"', '"cats"') + 'train_source = "cats for training"\n'
    )
    spec, other = (specs.SRNTT_OTHER, True) if whose == "other" else (specs.SRNTT, False)
    assert greys(reference_images.training(spec, task(profile), 8, other=other)) == (
        {130, 140} if other else {110, 120}
    )
    source, target = ("face/20.png", "cats for training") if other else ("cats/40.png", "train")
    (tmp_path / target / "innocent.png").write_bytes((tmp_path / source).read_bytes())
    with pytest.raises(BenchError, match=r"hold 1 that are tested on \(innocent, by checksum\)"):
        reference_images.training(spec, task(profile), 8, other=other)


def test_images_beyond_those_kept_for_testing_are_not_measured_with_others_for_references(tmp_path):
    """Of a folder, what is not tested is a reference; `-n` tests more of it, and an input would be shown its answer."""
    shades(tmp_path / "face", 10, 20, 30)
    (tmp_path / "face.toml").write_text(FACE)
    card = cards.card(str(tmp_path), "face")
    assert greys(reference_images.of_card(card, 8)) == {30}

    class Here:
        def __init__(self, spec) -> None:
            self.spec = spec

        def lacks(self, _):
            return ""

    methods = {spec.name: Here(spec) for spec in (specs.BICUBIC, specs.SRNTT)}
    cells = [Cell(card.task(4), name, name) for name in methods]

    def refused(limit, known=card) -> dict[str, str | None]:
        return {cell.method: cell.refusal for cell in stock.runnable(cells, {"face": known}, methods, limit)}

    assert refused(3)["bicubic"] is None
    assert "the first 2 alone are kept for testing: take -n 2" in str(refused(3)["srntt"])
    assert refused(2) == refused(None) == refused(3, replace(card, train_source="other")) == dict.fromkeys(methods)


def test_another_category_is_the_next_one_of_the_profile(profile):
    last = replace(MINI, category=list(cards.cards("mini"))[-1])
    other = reference_images.training(specs.SRNTT_OTHER, last, 1, other=True)
    assert torch.equal(other, reference_images.training(specs.SRNTT, MINI, 1)), "behind the last comes the first"
    with pytest.raises(MissingImages, match="has no category but face"):
        reference_images.training(specs.SRNTT_OTHER, task(profile), 1, other=True)


def test_a_method_without_its_references_is_refused_and_not_failed():
    class Asking:
        spec = specs.SRNTT

        @classmethod
        def load(cls, task, device):
            raise MissingImages("there are no training images.")

    with pytest.raises(runner.LoadError) as error:
        runner.Local(Asking).load(MINI, CPU)
    assert error.value.absent, "a failed cell is scored as bicubic, as if the method had made it"


def test_an_oracle_is_shown_the_image_of_its_input_alone(profile):
    truths = reference_images.Truths.of_task(specs.SRNTT_ORACLE, task(profile), CPU)
    batch = next(iter(data.batches(cards.card(profile, "face"), 4, 2)))
    assert torch.equal(truths.of(batch.lr.flip(0)), batch.hr.flip(0)), "another image's truth"
    with pytest.raises(BenchError, match="this input is of none of the 2 test images of face"):
        truths.of(1 - batch.lr)


def test_other_true_images_make_the_results_of_an_oracle_anew(profile, tmp_path):
    def held() -> list[bytes]:
        return reference_images.Truths.of_task(specs.SRNTT_ORACLE, task(profile), CPU).digests

    before = held()
    (tmp_path / "train" / "110.png").replace(tmp_path / "face" / "20.png")
    assert held() != before, "the fingerprint would be the same, and an old result would be taken for the new one"


def test_an_oracle_is_set_apart_from_the_results():
    report = report_files.read("reference")
    cells = plan.plan(report, {spec.name: spec for spec in specs.ALL}, cards.cards("mini"))
    assert {cell.method for cell in cells if cell.aside} == {"srntt.oracle"}, "it would be called the best"
    assert all("oracle" in cell.title for cell in cells if cell.aside), "nobody would know it for one"


def test_the_boxes_of_drawn_faces_hold_what_is_drawn_there():
    """The mean places of eyes, nose and mouth over training scenes, as bench/scenes/face.py places them."""
    values = scenes.factors("face", torch.arange(1000, 1400))
    across, down = values["shift_x"], values["shift_y"]
    gap, nose = values["scale"] * values["eye_gap"], values["scale"] * values["nose_length"]
    middles = {
        "left_eye": (across - gap, down),
        "right_eye": (across + gap, down),
        "nose": (across, down + 0.75 * nose),  # the tip is at `nose`, the bridge above
        "mouth": (across, down + nose + 0.2 * values["scale"]),
    }
    for part, box in reference_images.component_boxes(MINI, 128).items():
        x, y = ((each.mean().item() + 1) * 64 for each in middles[part])
        assert abs((box.left + box.right) / 2 - x) < 3, part
        assert abs((box.top + box.bottom) / 2 - y) < 3, part


def test_boxes_grow_with_the_image_and_a_card_without_a_face_says_so(profile):
    small, large = (reference_images.component_boxes(MINI, size)["mouth"] for size in (128, 512))
    assert all(abs(4 * one - other) <= 2 for one, other in zip(small, large, strict=True))
    with pytest.raises(BenchError, match="does not say where its faces are; add the square"):
        reference_images.component_boxes(task(profile), 128)


@pytest.fixture
def located(profile, tmp_path) -> str:
    """The same faces, each with boxes of its own in a table beside the card."""
    lines = [f"{name},{part},{at},{at},{at + 8},{at + 8}" for name, at in (("10", 0), ("20", 2)) for part in PARTS]
    (tmp_path / "boxes.csv").write_text("id,part,left,top,right,bottom\n" + "\n".join(lines))
    with (tmp_path / "face.toml").open("a") as card:
        card.write('component_boxes = "boxes.csv"\n')
    return profile


def test_each_image_has_the_boxes_that_the_table_says(located):
    found = reference_images.Located.of_task(task(located), 2 * task(located).hr_size, CPU)
    batch = next(iter(data.batches(cards.card(located, "face"), 4, 2)))
    assert found.of(batch.lr.flip(0)).tolist() == [[[4, 4, 20, 20]] * 4, [[0, 0, 16, 16]] * 4], "another image's parts"
    assert found.of(batch.lr.to("meta")).tolist() == [[[2, 2, 18, 18]] * 4] * 2, "the cost is that of the mean boxes"
    assert found.of(1 - batch.lr).tolist() == [[[2, 2, 18, 18]] * 4] * 2, "a pattern, or a photograph of one's own"
    assert found.remark == "each test image's own, by boxes.csv, and their mean for any other input"


def test_the_cost_of_boxes_reads_no_image(located, monkeypatch):
    def poison(*_, **__):
        raise MissingImages("asked for")

    monkeypatch.setattr(data, "read", poison)
    monkeypatch.setattr(data, "batches", poison)
    assert reference_images.Located.of_task(task(located), 128, torch.device("meta")).boxes == {}


@pytest.mark.parametrize("spec", [specs.DFDNET, specs.SRNTT_ORACLE])
def test_what_knows_images_by_their_inputs_is_refused_where_these_are_others(located, tmp_path, spec):
    """Every image would fail, or have the boxes of none, and the row would be a method's that nobody meant."""
    (tmp_path / "train" / "110.png").replace(tmp_path / "face" / "30.png")
    card = cards.card(located, "face")

    def refused(other=card, limit=None, *, allow_enlarge=False, of=spec) -> str | None:
        found = SimpleNamespace(spec=of, lacks=lambda _: "")
        cells = [Cell(card.task(4), of.name, of.title)]
        (cell,) = stock.runnable(cells, {"face": other}, {of.name: found}, limit, allow_enlarge)
        return cell.refusal

    assert refused() is refused(limit=2) is None
    assert "of a variant" in str(refused(replace(card, subject="face")))
    assert "there are more than its 2: take -n 2, or raise test_images" in str(refused(limit=3))
    assert "leave --allow-enlarge out" in str(refused(allow_enlarge=True))
    assert refused(replace(card, subject="face"), of=specs.BICUBIC) is None
    if spec is specs.DFDNET:
        assert refused(replace(card, subject="face", component_boxes=None)) is None, "the card's boxes are for all"


def test_the_table_and_the_network_have_the_parts_in_one_order():
    """The mouth would be restored with the dictionary of noses."""
    assert PARTS == dfdnet.PARTS


def test_a_card_without_a_table_has_no_boxes_of_its_own(profile):
    assert reference_images.Located.of_task(task(profile), 128, CPU) is None


def test_eyes_in_the_wrong_order_are_told(located, tmp_path):
    """Left of the person is right in the image: each eye would be restored with the dictionary of the other."""
    path = tmp_path / "boxes.csv"
    path.write_text(path.read_text().replace("20,left_eye,2,2,10", "20,left_eye,4,2,12"))
    with pytest.raises(BadFile, match="left_eye of '20' on the right of its right_eye"):
        reference_images.Located.of_task(task(located), 128, CPU)


@pytest.mark.parametrize("box", ["0,-8,4,0", "-3,0,0,4", "99,0,104,4", "0,99,4,104"])
def test_a_box_beside_the_image_is_told_with_its_line(located, tmp_path, box):
    """It was told after images had been restored, as that of "image 1 of 1"; a box may reach beyond the image."""
    path, size = tmp_path / "boxes.csv", task(located).hr_size
    text = path.read_text()
    path.write_text(text.replace("20,mouth,2,2,10,10", f"20,mouth,{box.replace('99', str(size))}"))
    with pytest.raises(BadFile, match=rf"boxes.csv, line 9: the box .* holds nothing of an image of {size} x"):
        reference_images.Located.of_task(task(located), 128, CPU)
    path.write_text(text.replace("20,mouth,2,2,10,10", f"20,mouth,-3,-3,1,{size + 9}"))
    assert reference_images.Located.of_task(task(located), 128, CPU)


def test_an_empty_line_in_a_table_of_boxes_is_none(located, tmp_path):
    before = reference_images.Located.of_task(task(located), 128, CPU)
    path = tmp_path / "boxes.csv"
    path.write_text(path.read_text() + "\n\n")
    assert reference_images.Located.of_task(task(located), 128, CPU).boxes.keys() == before.boxes.keys()


def test_a_test_image_without_boxes_is_told(located, tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(path.read_text().replace("20,", "other,"))
    with pytest.raises(BenchError, match=r"boxes.csv has no boxes for the image '20', only for 2 others"):
        reference_images.Located.of_task(task(located), 128, CPU)


def test_other_boxes_make_the_results_anew(located, tmp_path):
    before = reference_images.Located.of_task(task(located), 128, CPU)
    path = tmp_path / "boxes.csv"
    path.write_text(path.read_text().replace("20,nose,2,2", "20,nose,1,2"))
    after = reference_images.Located.of_task(task(located), 128, CPU)
    held = [{name: str(value) for name, value in holdings.tensors(found)} for found in (before, after)]
    assert held[0] != held[1], "the fingerprint would be the same"
