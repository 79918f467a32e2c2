"""The sizes of the networks that are trained, by preset: the published ones (`paper`), and small ones for the others.

A weight file's own sizes are read off the file; these are for what has no file yet: training, and counting costs.
`mini` is made for 128 px, for two cores of a CPU, and for files that together stay below 40 MB: what GLEAN adds to its
bank grows with the square of the bank's width, and its latent head with that at 4 px. `portraits` is for real faces of
128 px and the same two cores: one category, twice as wide, its files together below 20 MB.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from methods.nets.rrdbnet import ESRGAN, Shape
from methods.nets.stylegan2_layers import config_f


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Widths and depths."""

    bank_coarse: int
    """Channels of the bank per pixel of a side, at its coarsest resolutions."""
    bank_widest: int
    """Channels of the bank, at most."""
    bank_base: int
    """Channels times pixels of a side, at its fine resolutions."""
    critic_widest: int
    """Channels of the bank's discriminator, at most; it has no other limit but `bank_base`."""
    style_dim: int
    mapping_layers: int
    trunk_channels: int
    trunk_blocks: int
    trunk_growth: int
    esrgan_plus: Shape
    srgan_channels: int
    srgan_blocks: int
    generators: Mapping[str, str]
    """method -> the kind of pretrained generator it searches: stylegan, stylegan2 or pggan."""
    bank: Literal["stylegan", "stylegan2"] = "stylegan2"
    """The kind of GLEAN's bank, if a card names none."""

    def bank_channels(self, size: int) -> dict[int, int]:
        """Return the bank's width at each resolution from 4 to `size` px."""
        return {r: min(self.bank_coarse * r, self.bank_widest, self.bank_base // r) for r in config_f(size)}

    def stylegan2(self, size: int) -> dict[str, Any]:
        """Return the arguments of `nets.stylegan2.StyleGAN2` for images of `size` px."""
        return {
            "size": size,
            "channels": self.bank_channels(size),
            "style_dim": self.style_dim,
            "mapping_layers": self.mapping_layers,
        }

    def critic_channels(self, size: int) -> dict[int, int]:
        """Return the discriminator's width at each resolution from 4 to `size` px."""
        return {r: min(self.critic_widest, self.bank_base // r) for r in config_f(size)}


_PAPER = Sizes(
    bank_coarse=128,
    bank_widest=512,
    bank_base=2**15,
    critic_widest=512,
    style_dim=512,
    mapping_layers=8,
    trunk_channels=64,
    trunk_blocks=23,
    trunk_growth=32,
    esrgan_plus=ESRGAN,
    srgan_channels=64,
    srgan_blocks=16,
    generators={"pulse": "stylegan", "mganprior": "pggan", "dgp": "stylegan2"},
)
_MINI = Sizes(
    bank_coarse=3,
    bank_widest=32,
    bank_base=2**11,
    critic_widest=48,
    style_dim=48,
    mapping_layers=4,
    trunk_channels=16,
    trunk_blocks=1,
    trunk_growth=8,
    esrgan_plus=Shape(blocks=1, multiple=4, growth=4),
    srgan_channels=16,
    srgan_blocks=4,
    generators={"pulse": "stylegan2", "mganprior": "stylegan2", "dgp": "stylegan2"},
)
_PORTRAITS = Sizes(
    bank_coarse=8,
    bank_widest=64,
    bank_base=3 * 2**10,
    critic_widest=96,
    style_dim=64,
    mapping_layers=4,
    trunk_channels=24,
    trunk_blocks=1,
    trunk_growth=12,
    esrgan_plus=Shape(blocks=2, multiple=4, growth=4),
    srgan_channels=24,
    srgan_blocks=6,
    generators={"pulse": "stylegan2", "mganprior": "stylegan2", "dgp": "stylegan2"},
)
SIZES: Mapping[str, Sizes] = {"paper": _PAPER, "mini": _MINI, "portraits": _PORTRAITS}
