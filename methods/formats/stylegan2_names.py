"""Key maps from the layouts of StyleGAN2 in the wild to `nets.stylegan2`: pure functions on state dicts, no files.

| layout     | where                                  | what tells it                 |
| ---------- | -------------------------------------- | ----------------------------- |
| mmagic     | mmediting, mmgen, mmagic               | `constant_input.input`        |
| rosinality | rosinality/stylegan2-pytorch           | `input.input`                 |
| basicsr    | BasicSR, GFPGAN                        | `constant_input.weight`       |
| nvidia     | stylegan2-ada-pytorch, stylegan3       | `synthesis.b4.const`          |
| genforce   | genforce/genforce                      | `synthesis.early_layer.const` |
| ours       | `nets.stylegan2`                       | `synthesis.constant`          |

All store the same numbers but for shapes, except GenForce (TensorFlow's convention): there the bias of a style lacks
its 1, and the kernels of the up-sampling convolutions are turned by 180 degrees.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from bench.spec import BenchError
from methods.formats import mmagic_names
from methods.formats.state_dicts import first_names

_Rules = tuple[tuple[str, Callable[[re.Match[str]], str]], ...]

_PARTS = {
    "conv.weight": "weight", "conv.modulation.weight": "style.weight", "conv.modulation.bias": "style.bias",
    "noise.weight": "noise_gain", "activate.bias": "bias", "bias": "bias",  # rosinality
    "modulated_conv.weight": "weight", "modulated_conv.modulation.weight": "style.weight",
    "modulated_conv.modulation.bias": "style.bias", "weight": "noise_gain",  # BasicSR, where it differs
}  # fmt: skip
_PLAIN = {
    "weight": "weight", "bias": "bias", "affine.weight": "style.weight", "affine.bias": "style.bias",
    "style.weight": "style.weight", "style.bias": "style.bias",
    "noise_strength": "noise_gain", "noise_const": "noise", "noise": "noise",
}  # fmt: skip
_GENERATOR_SIGNS = {
    "mmagic": "constant_input.input",
    "rosinality": "input.input",
    "basicsr": "constant_input.weight",
    "nvidia": "synthesis.b4.const",
    "genforce": "synthesis.early_layer.const",
    "ours": "synthesis.constant",
}
_DISCRIMINATOR_SIGNS = {
    "mmagic": "convs.0.0.conv.weight_orig",
    "rosinality": "convs.0.0.weight",
    "basicsr": "conv_body.0.0.weight",
    "nvidia": "b4.out.weight",
    "ours": "score.weight",
}


def _stage(resolution: str) -> int:
    """Return the number of the stage that works at a resolution: 4 px is 0."""
    return int(resolution).bit_length() - 3


def _paired(*, dense: str, constant: str, noise: str, conv: str) -> _Rules:
    """Return the names of a generator that numbers its layers behind the first: `<conv>1`, then `<conv>s.0`, ..."""
    return (
        (rf"{dense}\.(\d+)\.(weight|bias)", lambda m: f"mapping.layers.{int(m[1]) - 1}.{m[2]}"),
        (re.escape(constant), lambda _: "synthesis.constant"),
        (rf"noises\.{noise}(\d+)", lambda m: f"synthesis.layers.{m[1]}.noise"),
        (rf"{conv}1\.(.+)", lambda m: f"synthesis.layers.0.{_PARTS[m[1]]}"),
        (rf"{conv}s\.(\d+)\.(.+)", lambda m: f"synthesis.layers.{int(m[1]) + 1}.{_PARTS[m[2]]}"),
        (r"to_rgb1\.(.+)", lambda m: f"synthesis.to_rgb.0.{_PARTS[m[1]]}"),
        (r"to_rgbs\.(\d+)\.(.+)", lambda m: f"synthesis.to_rgb.{int(m[1]) + 1}.{_PARTS[m[2]]}"),
    )


_GENERATORS: dict[str, _Rules] = {
    "rosinality": _paired(dense="style", constant="input.input", noise="noise_", conv="conv"),
    "basicsr": _paired(dense="style_mlp", constant="constant_input.weight", noise="noise", conv="style_conv"),
    "nvidia": (
        (r"mapping\.fc(\d+)\.(weight|bias)", lambda m: f"mapping.layers.{m[1]}.{m[2]}"),
        (r"synthesis\.b4\.const", lambda _: "synthesis.constant"),
        (r"synthesis\.b4\.conv1\.(.+)", lambda m: f"synthesis.layers.0.{_PLAIN[m[1]]}"),
        (
            r"synthesis\.b(\d+)\.conv([01])\.(.+)",
            lambda m: f"synthesis.layers.{2 * _stage(m[1]) - 1 + int(m[2])}.{_PLAIN[m[3]]}",
        ),
        (r"synthesis\.b(\d+)\.torgb\.(.+)", lambda m: f"synthesis.to_rgb.{_stage(m[1])}.{_PLAIN[m[2]]}"),
    ),
    "genforce": (
        (r"mapping\.dense(\d+)\.(weight|bias)", lambda m: f"mapping.layers.{m[1]}.{m[2]}"),
        (r"synthesis\.early_layer\.const", lambda _: "synthesis.constant"),
        (r"synthesis\.layer(\d+)\.(.+)", lambda m: f"synthesis.layers.{m[1]}.{_PLAIN[m[2]]}"),
        (r"synthesis\.output(\d+)\.(.+)", lambda m: f"synthesis.to_rgb.{m[1]}.{_PLAIN[m[2]]}"),
    ),
    "ours": ((r".+", lambda m: m[0]),),
}


def _sequential(body: str) -> _Rules:
    """Return the names of a discriminator whose blocks are numbered, below `body`, from the image's resolution down."""
    return (
        (rf"{body}\.0\.0\.weight", lambda _: "first.weight"),
        (rf"{body}\.0\.1\.bias", lambda _: "first.bias"),
        (rf"{body}\.(\d+)\.conv1\.0\.weight", lambda m: f"blocks.{int(m[1]) - 1}.conv1.weight"),
        (rf"{body}\.(\d+)\.conv1\.1\.bias", lambda m: f"blocks.{int(m[1]) - 1}.conv1.bias"),
        (rf"{body}\.(\d+)\.conv2\.1\.weight", lambda m: f"blocks.{int(m[1]) - 1}.conv2.weight"),
        (rf"{body}\.(\d+)\.conv2\.2\.bias", lambda m: f"blocks.{int(m[1]) - 1}.conv2.bias"),
        (rf"{body}\.(\d+)\.skip\.1\.weight", lambda m: f"blocks.{int(m[1]) - 1}.skip"),
        (r"final_conv\.0\.weight", lambda _: "last.weight"),
        (r"final_conv\.1\.bias", lambda _: "last.bias"),
        (r"final_linear\.0\.(weight|bias)", lambda m: f"hidden.{m[1]}"),
        (r"final_linear\.1\.(weight|bias)", lambda m: f"score.{m[1]}"),
    )


_DISCRIMINATORS: dict[str, _Rules] = {
    "rosinality": _sequential("convs"),
    "basicsr": _sequential("conv_body"),
    "ours": ((r".+", lambda m: m[0]),),
}
_UP = re.compile(r"synthesis\.layers\.\d*[13579]\.weight")  # layers 1, 3, 5, ... enlarge
_DROPPED = re.compile(  # FIRs (constants), the mean latent (kept apart from the network)
    r".+\.kernel|.*resample_filter|(mapping|truncation)\.w_avg|lod"
)


def generator_layout(names: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Return the layout of a generator's state dict and the prefix of its entries; None if it is in none we know."""
    return _layout(names, _GENERATOR_SIGNS)


def discriminator_layout(names: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Return the layout of a discriminator's state dict and the prefix of its entries; None for an unknown one."""
    return _layout(names, _DISCRIMINATOR_SIGNS)


def _layout(names: Mapping[str, Tensor], signs: Mapping[str, str]) -> tuple[str, str] | None:
    for layout, sign in signs.items():
        # The shortest wins: of GLEAN's own `generator.generator.` and a bank's `generator.`, the outer one.
        prefixes = sorted((n.removesuffix(sign) for n in names if n == sign or n.endswith(f".{sign}")), key=len)
        averaged = [prefix for prefix in prefixes if "ema" in prefix]
        if prefixes:
            return layout, (averaged or prefixes)[0]
    return None


def generator(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of a generator in any layout to those of `StyleGAN2`; raises `BenchError` for others."""
    layout, entries = _entries(state_dict, generator_layout(state_dict), "generator")
    if layout == "mmagic":
        return mmagic_names.generator_from_mmagic(entries)
    found = {_rename(name, _GENERATORS[layout], layout): value for name, value in entries.items()}
    if layout == "ours":
        return found
    if layout == "genforce":
        found = {name: _from_tensorflow(name, value) for name, value in found.items()}
    return {name: _shaped(name, value) for name, value in found.items()}


def discriminator(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of a discriminator in any layout to those of `StyleGAN2Discriminator`."""
    layout, entries = _entries(state_dict, discriminator_layout(state_dict), "discriminator")
    if layout == "mmagic":
        return mmagic_names.discriminator_from_mmagic(entries)
    rules = _nvidia_discriminator(entries) if layout == "nvidia" else _DISCRIMINATORS[layout]
    return {_rename(name, rules, layout): value for name, value in entries.items()}


def _nvidia_discriminator(entries: Mapping[str, Tensor]) -> _Rules:
    """Return NVIDIA's names, which count resolutions down from the image's."""
    top = max(int(match[1]) for name in entries if (match := re.match(r"b(\d+)\.", name))).bit_length() - 1

    def block(resolution: str) -> int:
        return top - (int(resolution).bit_length() - 1)

    return (
        (r"b\d+\.fromrgb\.(weight|bias)", lambda m: f"first.{m[1]}"),
        (r"b4\.conv\.(weight|bias)", lambda m: f"last.{m[1]}"),
        (r"b4\.fc\.(weight|bias)", lambda m: f"hidden.{m[1]}"),
        (r"b4\.out\.(weight|bias)", lambda m: f"score.{m[1]}"),
        (r"b(\d+)\.conv([01])\.(weight|bias)", lambda m: f"blocks.{block(m[1])}.conv{int(m[2]) + 1}.{m[3]}"),
        (r"b(\d+)\.skip\.weight", lambda m: f"blocks.{block(m[1])}.skip"),
    )


def _entries(names: Mapping[str, Tensor], found: tuple[str, str] | None, part: str) -> tuple[str, dict[str, Tensor]]:
    """Return the layout, and the entries of the network without prefix and constants; raises `BenchError` for None."""
    if found is None:
        signs = _DISCRIMINATOR_SIGNS if part == "discriminator" else _GENERATOR_SIGNS
        raise BenchError(
            f"these are not the weights of a StyleGAN2 {part} in a layout we know ({', '.join(signs)}); "
            f"the first entries are: {first_names(names)}. Is it the file of another network?"
        )
    layout, prefix = found
    inside = {name.removeprefix(prefix): value for name, value in names.items() if name.startswith(prefix)}
    return layout, {name: value for name, value in inside.items() if not _DROPPED.fullmatch(name)}


def _rename(name: str, rules: _Rules, layout: str) -> str:
    for pattern, ours in rules:
        if match := re.fullmatch(pattern, name):
            try:
                return ours(match)
            except KeyError:
                break
    raise BenchError(f"StyleGAN2 has no entry {name!r} in the layout {layout}. Is it the file of another network?")


def _from_tensorflow(name: str, value: Tensor) -> Tensor:
    """Add the 1 that TensorFlow's styles lack, and turn the kernels of its up-sampling convolutions."""
    if name.endswith("style.bias"):
        return value + 1
    return value.flip(-2, -1) if _UP.fullmatch(name) else value


def _shaped(name: str, value: Tensor) -> Tensor:
    """Bring a tensor to our shape: no leading 1, flat biases and gains, up-sampling weights as (in, out, k, k)."""
    if not value.numel():  # no shape can be told of it; that it is a wrong one is told later
        return value
    if name.endswith(("constant", ".noise")):
        return value.reshape(1, -1, *value.shape[-2:])
    if name.endswith((".bias", "noise_gain")):
        return value.reshape(-1)
    weight = value[0] if value.dim() == 5 else value  # noqa: PLR2004 - (1, out, in, k, k)
    return weight.transpose(0, 1).contiguous() if _UP.fullmatch(name) else weight
