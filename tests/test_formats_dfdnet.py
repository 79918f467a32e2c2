"""methods/formats/dfdnet.py, its dictionaries, and tables of boxes: the published network gives the same image here."""

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.images import boxes as boxes_format
from bench.spec import BadFile, BenchError, MissingWeights
from methods.formats import dfdnet_dictionary, own_files, unpickle
from methods.formats.dfdnet import dfdnet, layout_of, to_ours
from methods.formats.vgg19 import vgg19
from methods.nets.dfdnet import PARTS, patch_sides
from methods.nets.vgg19 import DEVIATION, MEAN, Vgg19

from .dfdnet_published import BOXES, SHORT, SIDE, Pyramid, dictionary, entries, image, published, small

BLOCKS = {1: (0, 2), 2: (5, 7), 3: (10, 12, 14, 16), 4: (19, 21, 23, 25), 5: (28, 30, 32, 34)}  # torchvision's


def pictures(number=1) -> Tensor:
    return torch.rand(number, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) * 2 - 1


def made(net, boxes=BOXES) -> Tensor:
    with torch.inference_mode():
        return net(pictures(), boxes)


def basicsr(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' entries in BasicSR's names, which leave out what is not used."""
    parts = {f"{short}_": f"attn_blocks.{part}_" for part, short in SHORT.items()}
    found = {}
    for name, value in theirs.items():
        if not re.match(r"to_rgb|up\d\.conv1\.0\.", name):
            begin = name[:3]
            named = name.replace(begin, parts[begin], 1) if begin in parts else name
            named = re.sub(r"^MSDilate\.conv(\d)", lambda m: f"multi_scale_dilation.conv_blocks.{int(m[1]) - 1}", named)
            named = named.replace("MSDilate.convi", "multi_scale_dilation.conv_fusion")
            named = named.replace("ScaleModel1", "scale_block").replace("ShiftModel1", "shift_block")
            found[re.sub(r"^up(\d)", r"upsample\1", named).replace("Model", "body")] = value
    return found


@pytest.mark.parametrize("layout", ["csxmli2016", "basicsr"])
@torch.no_grad()
def test_the_published_network_gives_the_same_image(layout):
    """With torch's spectral norm in eval mode and each step written out: else names, norms or the pass are wrong."""
    theirs, extractor = published(), Pyramid()
    state = theirs.state_dict()
    checkpoint = state if layout == "csxmli2016" else {"params": basicsr(state)}
    assert layout_of(checkpoint) == layout
    net = dfdnet(checkpoint, dictionary=entries(dictionary()), extractor=extractor)
    assert not net.training
    wanted = image(theirs, extractor(pictures()), dictionary(), BOXES[0])
    assert torch.allclose(made(net), wanted, atol=5e-5)
    assert wanted.std() > 0.1, "this test could not tell one image from another"
    assert wanted.abs().mean() < 0.9, "an image at the ends of tanh would hide what is before it"


def with_vgg19(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The authors' entries with those of VGG19, once as it is, once cut up; each layer has a number of its own."""
    with torch.device("meta"):
        layers = Vgg19().features.state_dict()
    filled = {name: torch.full(value.shape, float(name.split(".")[0]) + len(name)) for name, value in layers.items()}
    return {
        **theirs,
        **{f"VggExtract.model.features.{name}": value for name, value in filled.items()},
        "VggExtract.model.classifier.0.weight": torch.zeros(2, 2),
        "VggExtract.features.0.0.weight": torch.zeros(64, 3, 3, 3),
        "VggExtract.RGB_mean": torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1),
        "VggExtract.RGB_std": torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1),
    }


def basicsrs_vgg19(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    numbers = {str(number): f"conv{b}_{i}" for b, own in BLOCKS.items() for i, number in enumerate(own, 1)}
    found = {"vgg_extractor.mean": theirs["VggExtract.RGB_mean"], "vgg_extractor.std": theirs["VggExtract.RGB_std"]}
    for name, value in theirs.items():
        if match := re.fullmatch(r"VggExtract\.model\.features\.(\d+)\.(\w+)", name):
            found[f"vgg_extractor.vgg_net.{numbers[match[1]]}.{match[2]}"] = value
    return found


@pytest.mark.parametrize("layout", ["csxmli2016", "basicsr"])
def test_vgg19_comes_from_the_published_file(layout):
    """Its mean and deviation too: the authors left them among what was trained."""
    theirs = with_vgg19(published().state_dict())
    own = {name: value for name, value in theirs.items() if not name.startswith("VggExtract")}
    checkpoint = theirs if layout == "csxmli2016" else {"params": basicsr(own) | basicsrs_vgg19(theirs)}
    net = dfdnet(checkpoint, dictionary=entries(dictionary()))
    assert net.extractor.mean.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert net.extractor.deviation.tolist() == pytest.approx([0.4, 0.5, 0.6])
    for number in (number for block in BLOCKS.values() for number in block):
        for kind in ("weight", "bias"):
            value = getattr(net.extractor.features[number], kind)
            assert value.flatten()[0] == value.flatten()[-1] == number + len(f"{number}.{kind}")


def without(state, *ends) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if not name.endswith(ends)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {"fc.weight": torch.zeros(1)}, "not the weights of a DFDNet .*fc.weight"),
        (lambda state: state | {"tail.weight": torch.zeros(1)}, "no entry 'tail.weight' in this layout"),
        (lambda state: without(state, "up2.conv1.1.bias"), "1 missing: ups.2.conv.bias"),
        (lambda state: without(state, "mo_64.2.weight_v"), "lack mo_64.2.weight_v, of a spectral norm"),
        (lambda state: without(state, "mo_64.2.weight_orig"), "lack mo_64.2.weight_orig, of a spectral norm"),
        (
            lambda state: without(state, *(f"mo_64.2.weight{end}" for end in ("_orig", "_u", "_v"))),
            "1 missing: .*mouth",
        ),
        (lambda state: state | {"no_32.0.weight_u": torch.zeros(7)}, "no_32.0.weight and the vectors .* do not fit"),
        (lambda state: state | {"no_32.0.weight_orig": torch.zeros(7)}, "no_32.0.weight and the vectors .* do not fit"),
        (lambda state: state | {"up4.4.weight": torch.zeros(3, 3, 1, 1)}, r"last.4.weight is \(3, 3, 1, 1\), not"),
        (lambda state: without(state, "up4.0.weight_orig", "up4.0.weight_u", "up4.0.weight_v"), "lack 'last.0.weight'"),
        (
            lambda state: state | {"no_32.0.weight_u": torch.zeros(6)},
            "not finite: components.nose.3.attention.0.weight",
        ),
    ],
)
def test_what_is_no_whole_dfdnet_is_refused(change, message):
    """The authors' program goes on with random weights where names are missing; here that must end in an error."""
    with pytest.raises(BenchError, match=re.compile(message, re.DOTALL)):
        dfdnet(change(published().state_dict()), dictionary=entries(dictionary()), extractor=Pyramid())


def test_an_extractor_that_is_nowhere_is_missed():
    with pytest.raises(BenchError, match=r"34 missing: extractor\.deviation"):
        dfdnet(published().state_dict(), dictionary=entries(dictionary()))


def test_there_is_one_dictionary():
    """None would be an error without a name, two would leave open which one counts."""
    state = published().state_dict()
    with pytest.raises(BenchError, match=r"holds no dictionary.*DictionaryCenter512"):
        dfdnet(state, extractor=Pyramid())
    with pytest.raises(BenchError, match="has its dictionary in it"):
        dfdnet(small().state_dict(), dictionary=entries(dictionary()), extractor=Pyramid())
    own = entries(dictionary())
    del own["components.nose.2.centres"]
    with pytest.raises(BenchError, match=r"lack 'components\.nose\.2\.centres'"):
        dfdnet(state, dictionary=own, extractor=Pyramid())
    own["components.nose.2.centres"] = torch.zeros(3, 9, 4, 4)
    with pytest.raises(BenchError, match=r"no DFDNet: .*same channels"):
        dfdnet(state, dictionary=own, extractor=Pyramid())


def test_a_dictionary_of_another_width_is_told():
    own = {name: value.repeat(1, 2, 1, 1) for name, value in entries(dictionary()).items()}
    with pytest.raises(BenchError, match=r"of a wrong shape: components\.left_eye\.0\.attention"):
        dfdnet(published().state_dict(), dictionary=own, extractor=Pyramid())


def test_our_file_gives_the_same_image(tmp_path):
    """Extractor and dictionary are in it, with any number of centres."""
    net = small()
    (tmp_path / "own.safetensors").write_bytes(own_files.safetensors(net))
    again = dfdnet(unpickle.load(tmp_path / "own.safetensors"), extractor=Pyramid())
    assert torch.equal(made(again), made(net)), "the file's extractor counts, not the one that gives its form"


def test_our_file_may_leave_the_extractor_out(tmp_path):
    """A trained discriminator is a file of its own: it must be the one that the network was trained with."""
    net = small()
    file = tmp_path / "own.safetensors"
    file.write_bytes(own_files.safetensors(net, without="extractor."))
    extractor = Pyramid()
    extractor.load_state_dict(net.extractor.state_dict())
    assert torch.equal(made(dfdnet(unpickle.load(file), extractor=extractor)), made(net))
    with pytest.raises(BadFile, match="trained around another extractor"):
        dfdnet(unpickle.load(file), extractor=Pyramid())
    with pytest.raises(BenchError, match="missing: extractor"):
        dfdnet(unpickle.load(file))


def test_half_precision_comes_back_in_single():
    half = {name: value.half() for name, value in published().state_dict().items()}
    ours = to_ours(half)
    assert {value.dtype for value in ours.values()} == {torch.float32}
    whole = to_ours(published().state_dict())
    assert max((ours[name] - whole[name]).abs().max() for name in whole) < 0.01, "a norm was computed in half precision"


# ---- VGG19 ----


def test_vgg19_is_read_in_torchvisions_names():
    """As `weights/vgg19.pth`, classifier and all; frozen, with ImageNet's mean, which that file has not."""
    theirs = with_vgg19({})
    state = {name.removeprefix("VggExtract.model."): value for name, value in theirs.items() if ".model." in name}
    net = vgg19({"state_dict": state})
    assert torch.equal(net.features[34].bias, state["features.34.bias"])
    assert net.mean.tolist() == pytest.approx(MEAN)
    assert net.deviation.tolist() == pytest.approx(DEVIATION)
    assert not any(value.requires_grad for value in net.parameters())
    with pytest.raises(BenchError, match=r"missing: features\.34\.weight"):
        vgg19(without(state, "34.weight"))
    with pytest.raises(BenchError, match="not the weights of a VGG19"):
        vgg19({"layer0.weight": torch.zeros(1)})


# ---- dictionaries ----

LEVELS = (256, 128, 64, 32)


@pytest.fixture
def arrays() -> dict[tuple[str, int], np.ndarray]:
    """The authors' arrays, of two centres and of 1, 2, 3, 3 channels; (K, C * h * w)."""
    draw = np.random.default_rng(0)
    return {
        (part, side): draw.normal(size=(2, width * length**2)).astype(np.float32)
        for part, lengths in patch_sides().items()
        for side, width, length in zip(LEVELS, (1, 2, 3, 3), lengths, strict=True)
    }


def folder(path, arrays):
    path.mkdir(exist_ok=True)
    for (part, side), array in arrays.items():
        np.save(path / f"{part}_{side}_center.npy", array)
    return path


def test_the_authors_folder_and_basicsrs_file_are_the_same_dictionary(arrays, tmp_path):
    """Part, scale or the order of channels and pixels is mixed up if this fails."""
    ours = dfdnet_dictionary.load(folder(tmp_path / "DictionaryCenter512", arrays))
    assert len(ours) == 16
    assert ours["components.mouth.1.centres"].shape == (2, 2, 27, 27)
    assert ours["components.mouth.1.centres"][1, 1, 3, 5] == arrays["mouth", 128][1, 27 * 27 + 3 * 27 + 5]
    theirs = {
        str(side): {part: ours[f"components.{part}.{level}.centres"].clone() for part in PARTS}
        for level, side in enumerate(LEVELS)
    }
    torch.save(theirs, tmp_path / "DFDNet_dict_512.pth")
    other = dfdnet_dictionary.load(tmp_path / "DFDNet_dict_512.pth")
    assert ours.keys() == other.keys()
    assert all(torch.equal(ours[name], other[name]) for name in ours)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda path: path.unlink(), MissingWeights, "lacks .*nose_64_center.npy"),
        (lambda path: path.write_bytes(path.read_bytes()[:-400]), BadFile, "nose_64_center.npy is no array .* or cut"),
        (lambda path: path.write_bytes(b""), BadFile, "nose_64_center.npy is no array"),
        (lambda path: path.write_bytes(b"<!doctype html>"), BadFile, "nose_64_center.npy is no array"),
        (lambda path: np.save(path, np.array([{}], dtype=object)), BadFile, "nose_64_center.npy is no array"),
        (lambda path: np.save(path, np.zeros((2, 108), dtype=np.int64)), BadFile, "no array of fractional numbers"),
        (
            lambda path: np.save(path, np.zeros((2, 109), dtype=np.float32)),
            BenchError,
            r"nose .*\(2, 109\), where .* 6 x 6",
        ),
        (lambda path: np.save(path, np.zeros(108, dtype=np.float32)), BenchError, r"\(108,\), where"),
        (lambda path: np.save(path, np.zeros((2, 3, 4, 9), dtype=np.float32)), BenchError, r"\(2, 3, 4, 9\), where"),
    ],
)
def test_what_is_no_array_of_the_dictionary_is_told(arrays, tmp_path, change, kind, message):
    """Nothing is unpickled, and no file of another size is cut into centres."""
    path = folder(tmp_path / "DictionaryCenter512", arrays)
    change(path / "nose_64_center.npy")
    with pytest.raises(kind, match=message):
        dfdnet_dictionary.load(path)


def test_what_is_no_dictionary_of_basicsr_is_told(tmp_path):
    torch.save({"256": {"left_eye": torch.zeros(1, 1, 40, 40)}}, tmp_path / "other.pth")
    with pytest.raises(BenchError, match="no right_eye of 256 px"):
        dfdnet_dictionary.load(tmp_path / "other.pth")
    torch.save({"params": {}, "x": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(BenchError, match="no left_eye of 256 px in it; its first entries are: params, x"):
        dfdnet_dictionary.load(tmp_path / "other.pth")
    with pytest.raises(MissingWeights, match="no file"):
        dfdnet_dictionary.load(tmp_path / "absent.pth")


# ---- boxes ----

HEAD = "id,part,left,top,right,bottom\n"
LINES = [f"{name},{part},{i},-2,{i + 30},31\n" for name in ("a", "b") for i, part in enumerate(PARTS)]


def read(path):
    return boxes_format.read(path, 32)


def table(tmp_path, *lines, head=HEAD):
    (tmp_path / "boxes.csv").write_text(head + "".join(lines))
    return tmp_path / "boxes.csv"


def test_boxes_are_read_by_id_and_part_in_any_order(tmp_path):
    """A box of another image or part would be restored with the wrong dictionary."""
    found = read(table(tmp_path, *LINES[:4], *reversed(LINES[4:]))).of(["b", "a", "b"])
    assert found.shape == (3, 4, 4)
    assert found.dtype == torch.int64
    assert found[:, :, 0].tolist() == [[0, 1, 2, 3]] * 3
    assert found[0, 3].tolist() == [3, -2, 33, 31]


def test_a_table_that_a_spreadsheet_wrote_is_read(tmp_path):
    """With the mark of UTF-8 in front and Windows' line ends."""
    path = table(tmp_path, *LINES)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(path).of(["b"])[0, 0].tolist() == [0, -2, 30, 31]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,chin,0,0,9,9\n"], "line 2: there is no part 'chin'; there are left_eye, right_eye, nose, mouth"),
        (["a,nose,0,0,9\n"], "line 2: there must be 6 values"),
        (["a,nose,0,0.5,9,9\n"], "line 2: top must be a whole number of pixels, not '0.5'"),
        (["a,nose,0,,9,9\n"], "line 2: top must be a whole number of pixels, not ''"),
        (["a,nose,9,0,9,9\n"], "line 2: right must be more than left"),
        (["a,nose,0,32,9,40\n"], "line 2: the box 0, 32, 9, 40 holds nothing of an image of 32 x 32 px"),
        ([*LINES, "b,nose,0,0,9,9\n"], "line 10: the nose of 'b' has a line already"),
        (LINES[:-1], "lacks the mouth of 'b'"),
        ([], "has no boxes; write a line for each part of each image"),
        (['a,"nose,0,0,9,9\n'], "cannot be read: unexpected end of data"),
    ],
)
def test_what_is_wrong_in_a_table_of_boxes_is_told(tmp_path, lines, message):
    with pytest.raises(BadFile, match=message):
        read(table(tmp_path, *lines))


def test_what_is_no_table_of_boxes_is_told(tmp_path):
    with pytest.raises(BadFile, match=r"must begin with the line id,part,left,top,right,bottom"):
        read(table(tmp_path, head="id,left\n"))
    with pytest.raises(BadFile, match="there is no table of boxes"):
        read(tmp_path)
    (tmp_path / "boxes.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(BadFile, match="cannot be read"):
        read(tmp_path / "boxes.csv")


def test_an_image_without_boxes_is_told(tmp_path):
    with pytest.raises(BenchError, match=r"boxes.csv has no boxes for the image 'c', only for 2 others"):
        read(table(tmp_path, *LINES)).of(["a", "c"])
