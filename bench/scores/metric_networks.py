"""The networks that metrics are computed with: AlexNet, VGG16, an ArcFace network. Nothing is fetched."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench import shipped
from bench.paths import home, short, user_weights
from bench.spec import BenchError, MissingWeights
from bench.undrawn import Instead, kept

# Heavy packages are imported where they are used: PSNR needs none of them.
# ruff: noqa: PLC0415

_LAYERS = 5
_NO_ZERO = 1e-10  # added to the norm of a feature vector, as in package lpips
SHIPPED = Path(__file__).parents[1] / "weights"
ALEXNET = "alexnet_features.safetensors"
MOBILEFACENET = "arcface_mobilefacenet.onnx"
W600K_R50 = "w600k_r50.onnx"
VGG16 = "vgg16-397923af.pth"
DISTS = "dists.safetensors"
SHA256 = {W600K_R50: "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43", VGG16: "397923af"}
"""Of the files that do not come with the suite, or its beginning; the others are in its list (bench/shipped.py)."""


def verified(path: Path) -> str:
    """Return the sha256 of one of the files. Raises `MissingWeights` if it is absent or not what it was."""
    wanted = SHA256.get(path.name) or shipped.listed()[f"bench/weights/{path.name}"]
    try:
        digest = shipped.sha256(path)
    except OSError as error:
        raise MissingWeights(f"{path.name} is not at {path}; it is part of the package: install it again.") from error
    if not digest.startswith(wanted):
        raise MissingWeights(
            f"{path} has sha256 {digest[:16]}…, not {wanted[:16]}…: it is damaged or another version. "
            "Fetch it again, or install the package again if the file is part of it."
        )
    return digest


@dataclass(frozen=True, slots=True)
class LpipsAlex:
    """LPIPS-Alex in two parts, so that the features of an image can be computed once for many comparisons."""

    network: nn.Module
    heads: tuple[Tensor, ...]
    """(1, C, 1, 1): the weights of the squared differences, a layer each."""

    def features(self, image: Tensor) -> Iterator[Tensor]:
        """Yield the unit features of each layer of images (N, 3, H, W) in [-1, 1], computed when they are asked for.

        Those of all layers of an image of 1024 px take 43 MB.
        """
        maps = self.network.get_submodule("scaling_layer")(image).to(memory_format=torch.channels_last)
        for layer in range(1, _LAYERS + 1):
            maps = self.network.get_submodule(f"net.slice{layer}")(maps)
            yield maps / (maps.square().sum(1, keepdim=True).sqrt() + _NO_ZERO)


@cache
def lpips_alex(device: torch.device) -> LpipsAlex:
    """Return LPIPS-Alex of package `lpips`, its own heads (v0.1) on our copy of torchvision's AlexNet, in eval mode."""
    path = SHIPPED / ALEXNET
    verified(path)
    import lpips
    from safetensors.torch import load_file

    # pnet_rand keeps torchvision from fetching AlexNet; the random numbers it draws instead must not be taken from
    # the caller's generator, and its deprecation warnings are about a call that is not ours. Most of them are of
    # AlexNet's classifier, 60 million, which are not drawn at all.
    undrawn = {nn.init.kaiming_uniform_: kept, nn.init.uniform_: kept}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), Instead(undrawn):
        warnings.filterwarnings("ignore", "The parameter 'pretrained' is deprecated", UserWarning)
        warnings.filterwarnings("ignore", "Arguments other than a weight enum", UserWarning)
        network: nn.Module = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    backbone = network.get_submodule("net")
    weights = load_file(path)
    # lpips cuts the layers into slices but keeps their numbers: slice2.3.weight is features.3.weight
    state = {key: weights["features." + key.split(".", 1)[1]] for key in backbone.state_dict()}
    backbone.load_state_dict(state)
    # channels_last: on a CPU AlexNet's convolutions are 1.5 times as fast in it.
    network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
    return LpipsAlex(network, tuple(network.get_parameter(f"lin{index}.model.1.weight") for index in range(_LAYERS)))


def vgg16_file() -> Path:
    """Return torchvision's VGG16, which is too large to ship. Raises `MissingWeights` if it is nowhere."""
    folders = [*user_weights(), Path(torch.hub.get_dir()) / "checkpoints"]
    for folder in folders:
        if (folder / VGG16).is_file():
            return folder / VGG16
    raise MissingWeights(
        f"{VGG16}, torchvision's VGG16, is in none of {', '.join(map(short, folders))}; get it from "
        f"https://download.pytorch.org/models/{VGG16} and put it in one of them."
    )


def lacks_vgg16() -> str:
    """Return why VGG16 cannot be used; empty if it can."""
    try:
        verified(vgg16_file())
    except MissingWeights as error:
        return str(error)
    return ""


@cache
def vgg16(device: torch.device) -> dict[str, Tensor]:
    """Return the convolutions of VGG16 in torchvision's names. Raises `MissingWeights`."""
    path = vgg16_file()
    verified(path)
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value.to(device) for key, value in state.items() if key.startswith("features.")}


@cache
def lpips_vgg_heads(device: torch.device) -> list[Tensor]:
    """Return the heads (1, C, 1, 1) of LPIPS-VGG v0.1 that come with package `lpips`, one for each stage."""
    import lpips

    path = Path(lpips.__file__).parent / "weights" / "v0.1" / "vgg.pth"
    state = torch.load(path, map_location=device, weights_only=True)
    return [state[f"lin{index}.model.1.weight"] for index in range(len(state))]


@cache
def dists_weights(device: torch.device) -> tuple[Tensor, Tensor]:
    """Return alpha and beta of DISTS (1475,), float64: of the image's three channels, then stage by stage."""
    path = SHIPPED / DISTS
    verified(path)
    from safetensors.torch import load_file

    state = load_file(path, device=str(device))
    return state["alpha"].double(), state["beta"].double()


def arcface_file() -> Path:
    """Return the ArcFace network to use: insightface's w600k_r50 if it is in place, else the shipped MobileFaceNet."""
    own = [place for folder in user_weights() for place in (folder, folder / "buffalo_l")]
    folders = [*own, home() / ".insightface" / "models" / "buffalo_l"]
    found = (folder / W600K_R50 for folder in folders if (folder / W600K_R50).is_file())
    return next(found, SHIPPED / MOBILEFACENET)


@cache
def _arcface(path: Path, _sha256: str, provider: str, threads: int) -> Any:  # noqa: ANN401 - insightface is not typed
    os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # older insightface imports it; it asks the net for news
    from insightface.model_zoo.arcface_onnx import ArcFaceONNX  # before onnxruntime: it turns its telemetry off

    return ArcFaceONNX(model_file=str(path), session=_session(path, provider, threads))


def _session(path: Path, provider: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime is not typed
    import onnxruntime

    given = onnxruntime.get_available_providers()
    session = None
    if provider in given:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads do not burn a core
        options.log_severity_level = 3  # errors only, of this session only
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
        given = session.get_providers()
    if session is None or given[0] != provider:  # onnxruntime itself would go on with another one
        raise BenchError(
            f"ArcFace was asked to run on {provider}, but onnxruntime {onnxruntime.__version__} gives "
            f"{', '.join(given)}. Install the one that offers it (onnxruntime-gpu for CUDA)."
        )
    return session


def arcface_embedding(faces: Tensor, provider: str) -> Tensor:
    """Return embeddings (N, D), float64 on the CPU, not normalised, of faces (N, 3, 112, 112), RGB, [0, 255].

    Raises `MissingWeights` if the file is damaged and `BenchError` if onnxruntime does not run on `provider`.
    """
    path = arcface_file()
    network = _arcface(path, verified(path), provider, torch.get_num_threads())
    return torch.from_numpy(network.forward(faces.float().cpu().numpy())).double()
