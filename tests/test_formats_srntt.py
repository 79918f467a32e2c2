"""methods/formats/srntt.py, npz.py, mat.py, vgg_textures.py: published files give the same image, hostile ones none."""

import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch import Tensor, nn
from torch.nn.functional import conv2d, max_pool2d, pixel_shuffle

from bench.spec import BadFile, BenchError
from methods.formats import checkpoints, file_kinds, npz, own_files, srntt, unpickle
from methods.formats.vgg_textures import vgg_textures
from methods.nets.shapes import shapes
from methods.nets.srntt import SRNTT, ContentExtractor, TextureTransfer
from methods.nets.srntt_parts import BatchNorm
from methods.nets.vgg_textures import Textures, VggTextures

MAPS = (6, 5, 3)


def network() -> SRNTT:
    made = SRNTT(ContentExtractor(channels=4, blocks=2), TextureTransfer(channels=4, blocks=5, maps=MAPS))
    draw = torch.Generator().manual_seed(0)
    for name, value in made.state_dict().items():
        if name.endswith("running_var"):
            nn.init.uniform_(value, 0.5, 2, generator=draw)
        else:
            nn.init.normal_(value, std=0.3, generator=draw)
    return made.eval()


def listed(part) -> list[np.ndarray]:
    """The arrays of a network as tensorlayer lists them: in the order of the layers, as TensorFlow has them."""
    arrays = []
    for name, layer in part.named_modules():
        if isinstance(layer, nn.Conv2d):
            kernel, bias = layer.weight.detach().permute(2, 3, 1, 0), layer.bias
            if "upconv" in name:  # (channel, place) -> (place, channel)
                kernel = kernel.unflatten(3, (-1, 4)).transpose(3, 4).flatten(3)
                bias = bias.unflatten(0, (-1, 4)).T.flatten()
            arrays += [kernel.numpy(), *([] if bias is None else [bias.detach().numpy()])]
        elif isinstance(layer, BatchNorm):
            values = (layer.bias, layer.weight, layer.running_mean, layer.running_var)
            arrays += [value.detach().numpy() for value in values]
    return arrays


def in_order(texture) -> nn.Module:
    """The layers of a texture transfer in the order of its forward pass."""
    small, medium, large = texture.fusions
    made = nn.ModuleDict()
    for name, layer in (
        ("small", small),
        ("upconv1", texture.upconv1),
        ("medium", medium),
        ("upconv2", texture.upconv2),
        ("large", large),
        ("conv_hr", texture.conv_hr),
        ("conv_last", texture.conv_last),
    ):
        made[name] = layer
    return made


def of_objects(arrays) -> np.ndarray:
    """What `np.savez(name, params=arrays)` made of a list of unlike arrays, before numpy 1.24."""
    made = np.empty(len(arrays), dtype=object)
    for number, array in enumerate(arrays):
        made[number] = array
    return made


@pytest.fixture
def save(tmp_path):
    """Write a list of arrays in one of the ways in which such files are written."""

    def saved(arrays, how="list"):
        path = tmp_path / f"{how}.npz"
        if how == "list":
            np.savez(path, params=of_objects(arrays))
        elif how == "compressed":
            np.savez_compressed(path, params=of_objects(arrays))
        elif how == "python 2":
            file = io.BytesIO()
            np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (len(arrays),)})
            pickled = pickle.dumps(of_objects(arrays), 2).replace(b"numpy._core", b"numpy.core")
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("params.npy", file.getvalue() + pickled)
        elif how == "arr_0":
            np.savez(path, *arrays)
        else:
            np.savez(path, **{f"{how}{number}": np.asfortranarray(array) for number, array in enumerate(arrays)})
        return path

    return saved


HOW = ["list", "compressed", "python 2", "arr_0", "param", "params_"]


def images(found) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    lr = torch.rand(2, 3, 4, 5, generator=draw)
    maps = Textures(*(torch.rand(2, c, 4 * s, 5 * s, generator=draw) for c, s in zip(MAPS, (1, 2, 4), strict=True)))
    with torch.inference_mode():
        return found.upscaled(lr), found(lr, maps)


def same(found, expected) -> bool:
    return all(torch.equal(*pair) for pair in zip(images(found), images(expected), strict=True))


@pytest.mark.parametrize("how", HOW)
def test_published_files_give_the_same_images(save, how):
    """A layer in another place, offset for scale, or a kernel of TensorFlow's left as it was would give others."""
    net = network()
    content = srntt.content_extractor(unpickle.load(save(listed(net.content), how)))
    texture = srntt.texture_transfer(unpickle.load(save(listed(in_order(net.texture)), how)))
    assert not content.training
    assert not texture.training
    assert texture.maps == MAPS
    assert same(SRNTT(content, texture), net)


def test_the_published_networks_list_173_and_309_arrays():
    with shapes():
        content, texture = ContentExtractor(), TextureTransfer()
    assert len(content.state_dict()) == 173
    assert len(texture.state_dict()) == 309


def test_a_pixel_shuffle_of_tensorflow_s_gives_what_pytorch_s_does(save):
    """depth_to_space, written out: the place (row, column) of a channel counts before the channel."""
    net = network().content
    kernel, bias = listed(net)[-6:-4]  # of the first of the two
    x = torch.rand(1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    theirs = conv2d(x, torch.from_numpy(kernel).permute(3, 2, 0, 1), torch.from_numpy(bias), padding=1)
    made = torch.empty(1, 4, 6, 6)
    for place in range(4):
        made[:, :, place // 2 :: 2, place % 2 :: 2] = theirs[:, 4 * place : 4 * place + 4]
    loaded = srntt.content_extractor(unpickle.load(save(listed(net))))
    assert torch.allclose(pixel_shuffle(loaded.upconv1(x), 2), made, atol=1e-6)


@pytest.mark.parametrize("half", [False, True])
def test_our_own_files_hold_both_or_one(tmp_path, half):
    net = network()
    net = net.half().float() if half else net
    dtype = torch.float16 if half else None
    for part, kind in ((net, SRNTT), (net.content, ContentExtractor), (net.texture, TextureTransfer)):
        path = tmp_path / f"{kind.__name__}.safetensors"
        path.write_bytes(own_files.safetensors(part, dtype=dtype))
        loaded = checkpoints.any_network(unpickle.load(path))
        assert type(loaded) is kind
        assert all(torch.equal(value, part.state_dict()[name]) for name, value in loaded.state_dict().items())
    assert same(srntt.srntt(unpickle.load(tmp_path / "SRNTT.safetensors")), net)
    whole = unpickle.load(tmp_path / "SRNTT.safetensors")
    assert same(SRNTT(srntt.content_extractor(whole), srntt.texture_transfer(whole)), net)


def test_published_files_are_told_by_what_they_list(save):
    """`convert` takes either file."""
    net = network()
    assert type(checkpoints.any_network(unpickle.load(save(listed(net.content))))) is ContentExtractor
    assert type(checkpoints.any_network(unpickle.load(save(listed(in_order(net.texture)))))) is TextureTransfer


def test_what_is_not_the_network_is_refused(save):
    net = network()
    content, texture = listed(net.content), listed(in_order(net.texture))
    for arrays, read, message in (
        (content[:-1], srntt.content_extractor, r"lists 32 arrays, but a content extractor \(upscale.npz\) has 173"),
        (texture, srntt.content_extractor, "lists 109 arrays, but a content"),
        (content, srntt.texture_transfer, r"lists 33 arrays, but a texture transfer \(srntt.npz\) has 309"),
        (content[::-1], srntt.content_extractor, "lack 'conv_first.weight'"),
        ([*content[:-1], np.zeros(4, np.float32)], srntt.content_extractor, r"conv_last.bias is \(4,\), not \(3,\)"),
        ([*content[:-1], np.full(3, np.nan, np.float32)], srntt.content_extractor, "1 not finite: conv_last.bias"),
        ([content[0], content[1][:2], *content[2:]], srntt.content_extractor, r"conv_first.bias is \(2,\)"),
        ([*texture[:-1], np.zeros(3, np.int64)], srntt.texture_transfer, "conv_last.bias is torch.int64"),
    ):
        with pytest.raises(BenchError, match=message):
            read(unpickle.load(save(arrays)))
    with pytest.raises(BenchError, match=r"not the weights of the texture network of an SRNTT.*fc\.weight"):
        srntt.texture_transfer({"fc.weight": torch.zeros(1)})
    with pytest.raises(BenchError, match="not the weights of the content"):
        srntt.content_extractor({f"params.{n}": torch.zeros(1) for n in (0, 1, 3)})


def test_networks_of_different_widths_are_refused():
    wide = {f"content.{k}": v for k, v in ContentExtractor(channels=6, blocks=1).state_dict().items()}
    narrow = {k: v for k, v in network().state_dict().items() if k.startswith("texture.")}
    with pytest.raises(BenchError, match="6 channels"):
        srntt.srntt(wide | narrow)


class Asks:
    """Pickles as a call of anything."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("name", ["system", "eval", "fromfile", "_rebuild_tensor_v2"])
def test_a_list_that_asks_for_a_call_is_refused(save, tmp_path, name):
    """numpy would make the call on reading the file with allow_pickle, which the authors' own code does."""
    marker = tmp_path / "marker"
    calls = {
        "system": Asks(os.system, f"touch {marker}"),
        "eval": Asks(eval, f"open({str(marker)!r}, 'w').close()"),
        "fromfile": Asks(np.fromfile, str(marker)),
        "_rebuild_tensor_v2": Asks(torch._utils._rebuild_tensor_v2, 0, 0, (1,), (1,)),
    }
    path = save([*listed(network().content), calls[name]])
    with pytest.raises(BadFile, match=re.escape(f"{path} asks for ") + rf"[\w.]*\.{name}.*not run\. Delete it"):
        unpickle.load(path)
    assert not marker.exists(), "code of the file was run"


def member(path, content, name="params.npy", method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(name, content)
    return path


def header(shape, descr="<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize("shape", [(10**13,), (10**6, 10**6), (3,), ()])
def test_an_array_that_claims_more_or_less_than_it_holds_is_refused(tmp_path, shape):
    """numpy's reader would ask for 40 TB first."""
    path = member(tmp_path / "a.npz", header(shape) + bytes(8))
    with pytest.raises(BadFile, match=r"a\.npz is cut or no archive"):
        unpickle.load(path)


def test_a_list_whose_array_claims_more_than_it_holds_is_refused(tmp_path):
    array = np.zeros(4, np.float32)
    pickled = pickle.dumps(of_objects([array, array[:2]]), 2)
    huge = pickled.replace(b"K\x04\x85", b"J" + struct.pack("<i", 2**30) + b"\x85")
    assert huge != pickled
    path = member(tmp_path / "a.npz", header((2,), "|O") + huge)
    with pytest.raises(BadFile, match=r"a\.npz is cut or no archive"):
        unpickle.load(path)


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "LARGEST", 10**6)
    path = member(tmp_path / "a.npz", header((10**6,)) + bytes(4 * 10**6), method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000
    with pytest.raises(BadFile, match=r"unpacks to 4,000,\d\d\d bytes"):
        unpickle.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((1,), "|O") + pickle.dumps({"a": 1}), "objects that are no arrays"),
        (header((1,), "|O") + pickle.dumps(np.array([{}, 1], dtype=object)), "objects that are no arrays"),
        (header((1,), "|O") + pickle.dumps(of_objects([of_objects([np.zeros(2)])])), "'O8'"),
        (header((1,), "<c8") + bytes(8), "'c8'"),
        (header((1,), "<U4") + bytes(16), "'U4'"),
        (b"\x93NUMPY\x09\x00" + bytes(100), "format"),
        (b"no array", "magic string"),
    ],
)
def test_other_than_plain_numbers_is_refused(tmp_path, content, message):
    with pytest.raises(BadFile, match=f"a.npz is cut or no archive of numpy's arrays.*{message}"):
        unpickle.load(member(tmp_path / "a.npz", content))


def test_a_cut_or_damaged_archive_says_so(save, tmp_path):
    path = save(listed(network().content))
    whole = path.read_bytes()
    for length in (100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(BadFile, match=r"cut\.npz is cut"):
            unpickle.load(tmp_path / "cut.npz")
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    (tmp_path / "damaged.npz").write_bytes(damaged)
    with pytest.raises(BadFile, match="CRC"):
        unpickle.load(tmp_path / "damaged.npz")


def test_an_archive_of_other_things_beside_arrays_is_refused(tmp_path):
    path = member(tmp_path / "a.npz", header((2,)) + bytes(8), "x.npy")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("run.sh", "x")
    with pytest.raises(BadFile, match=r"holds 'run\.sh', which is no array"):
        unpickle.load(path)


def test_plain_arrays_keep_their_values_whatever_their_order_and_bytes(tmp_path):
    values = np.arange(6, dtype=">f8").reshape(2, 3)
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(values), y=np.int32(7))
    found = unpickle.load(tmp_path / "a.npz")
    assert torch.equal(found["x"], torch.arange(6.0).double().reshape(2, 3))
    assert found["y"].item() == 7


VGG = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128), "conv3_1": (128, 256)}


@pytest.fixture
def mat(tmp_path):
    """Write the convolutions of a VGG as matconvnet has them: cells of structs, kernels (width, height, in, out)."""

    def saved(names=tuple(VGG), *, new=False, compressed=False):
        rng = np.random.default_rng(0)
        cells = []
        for name in names:
            inputs, outputs = VGG[name]
            kernels = (0.1 * rng.normal(size=(3, 3, inputs, outputs))).astype(np.float32)
            weights = np.empty((1, 2), object)
            weights[0, 0], weights[0, 1] = kernels, rng.normal(size=(1, outputs)).astype(np.float32)
            conv = {"name": name, "type": "conv", "weights": weights, "pad": np.ones((1, 4))}
            cells += [conv if new else dict(reversed(conv.items())), {"name": f"relu{name[4:]}", "type": "relu"}]
            if name.endswith("_2"):
                cells.append({"name": f"pool{name[4]}", "type": "pool", "weights": np.empty((1, 0), object)})
        layers = np.empty((1, len(cells)), object)
        layers[0, :] = cells
        savemat(tmp_path / "vgg.mat", {"layers": layers, "meta": {"classes": 1}}, do_compression=compressed)
        return tmp_path / "vgg.mat", [cell["weights"] for cell in cells if cell.get("pad") is not None]

    return saved


@pytest.mark.parametrize("new", [False, True])
@torch.no_grad()
def test_matconvnet_s_weights_are_turned_and_get_their_colours(mat, new):
    path, weights = mat(new=new)
    network = vgg_textures(unpickle.load(path))
    assert not any(value.requires_grad for value in network.parameters())
    kernels, biases = weights[0][0]
    assert torch.equal(network.features[0].weight[5, 2], torch.from_numpy(kernels[:, :, 2, 5]).T)
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    x = image * 255 - torch.tensor([123.68, 116.779, 103.939])[:, None, None]
    wanted = []
    for number, (kernels, biases) in enumerate(each[0] for each in weights):
        turned = torch.from_numpy(kernels).permute(3, 2, 1, 0)
        x = conv2d(x, turned, torch.from_numpy(biases[0]), padding=1).relu()
        wanted.append(x)
        x = max_pool2d(x, 2) if number in (1, 3) else x
    for found, expected in zip(network(image), (wanted[4], wanted[2], wanted[0]), strict=True):
        assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_our_file_of_textures_keeps_the_colours_it_was_made_with(mat, tmp_path):
    """Read as torchvision's, matconvnet's weights would see images a hundred times too dark."""
    network = vgg_textures(unpickle.load(mat()[0]))
    (tmp_path / "ours.safetensors").write_bytes(own_files.safetensors(network))
    again = checkpoints.any_network(unpickle.load(tmp_path / "ours.safetensors"))
    assert type(again) is VggTextures
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items())


def test_torchvision_s_weights_of_either_vgg_are_taken_up_to_relu3_1():
    torch.manual_seed(0)
    network = VggTextures()
    theirs = {name: value for name, value in network.state_dict().items() if name.startswith("features.")}
    loaded = vgg_textures({"state_dict": theirs | {"features.34.weight": torch.zeros(512, 512, 3, 3)}})
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in loaded.state_dict().items())
    del theirs["features.10.bias"]
    with pytest.raises(BenchError, match=r"1 missing: features\.10\.bias"):
        vgg_textures(theirs)
    with pytest.raises(BenchError, match="not the weights of a VGG16 or VGG19"):
        vgg_textures({"fc.weight": torch.zeros(1)})


def test_a_matlab_file_that_unpacks_to_gigabytes_is_refused(mat, tmp_path, monkeypatch):
    savemat(tmp_path / "bomb.mat", {"layers": np.zeros(10**6)}, do_compression=True)
    assert (tmp_path / "bomb.mat").stat().st_size < 20_000
    monkeypatch.setattr(file_kinds, "LARGEST", 7 * 10**6)
    with pytest.raises(BadFile, match="unpacks to more than 7,000,000 bytes"):
        unpickle.load(tmp_path / "bomb.mat")
    assert unpickle.load(mat()[0]).keys() >= {"conv1_1.weight", "conv3_1.bias"}, "a file of 1.5 MB was refused"


def test_a_compressed_matlab_file_is_read(mat):
    """What MATLAB writes unless told otherwise."""
    plain = unpickle.load(mat()[0])
    packed = unpickle.load(mat(compressed=True)[0])
    assert plain.keys() == packed.keys()
    assert all(torch.equal(value, packed[name]) for name, value in plain.items())


def test_a_matlab_file_of_something_else_is_refused(mat, tmp_path):
    with pytest.raises(BenchError, match=r"2 missing: features\.10\.bias"):
        vgg_textures(unpickle.load(mat(names=tuple(VGG)[:4])[0]))
    savemat(tmp_path / "other.mat", {"x": np.zeros(3)})
    with pytest.raises(BadFile, match=r"other\.mat is cut or no network of matconvnet's"):
        unpickle.load(tmp_path / "other.mat")
    whole = mat()[0].read_bytes()
    (tmp_path / "cut.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFile, match=r"cut\.mat is cut"):
        unpickle.load(tmp_path / "cut.mat")
