"""GLEAN: an encoder, a frozen StyleGAN or StyleGAN2 as latent bank, a decoder.

K. C. K. Chan et al., "GLEAN: Generative Latent Bank for Large-Factor Image Super-Resolution", CVPR 2021, Sec. 3,
Eq. 1-4. Where text and released code (open-mmlab/mmagic) differ, this is the code; f, c, g, d are the paper's symbols.

- Eq. 1-2, encoder: f_0 = E_0(x) is in the code RRDB trunk, convolution to the bank's width, leaky ReLU (text: trunk
  only); f_i = E_i(f_{i-1}) has a convolution of stride 2 and one of stride 1; the latents are c = E_{N+1}(f_N), at 4x4.
- Eq. 3, bank: the text says g_i = S_i(c_i, g_{i-1}, f_{N-i}), one latent a block. In the code S_0 takes no f, f_N (4x4)
  enters at the start of the 8x8 block, and so on: g_i = S_i(c_{2i-1}, c_{2i}, g_{i-1}, f_{N-i+1}), two latents a block,
  where f is concatenated to g and merged by a convolution without activation, before the up-sampling convolution.
- Eq. 4, decoder: the text says d_i = D_i(d_{i-1}, g_{N-2+i}), the code d_i = D_i(d_{i-1}, g_{N+i}), the bank's
  feature of the same size (N as in Eq. 1: 3 for 32 px). The last block has two convolutions with a leaky ReLU between.

The bank's RGB path, which the released code computes and drops, is not computed. Latent L - 1 serves only that path; it
is kept, so that released weights fit. An LR image below 4 px (64x at 128 px) is enlarged to 4 px bilinearly, the pixel
borders aligned. An image as large as the bank's (denoising, inpainting, colourisation) has a feature f_0 that no stage
of the bank takes: it goes to the decoder alone, which merges it with the bank's last feature and enlarges nothing. That
is our reading; the paper names such tasks without a network. The network is deterministic: the noise maps are those
stored with the bank. The released code has a StyleGAN2 bank only; the paper used StyleGAN where no StyleGAN2 was
public, two latents a block and no RGB path.

Ablations (Sec. 4.3) are `Switches`. LightGLEAN is from K. C. K. Chan et al., "GLEAN: Generative Latent Bank for Image
Super-Resolution and Beyond", TPAMI 2022: f_0 only, and learned latents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from methods.nets.glean_parts import BASE, Decoder, Encoder, conv
from methods.nets.rrdbnet import Trunk
from methods.nets.synthesis import Synthesis

Wanted: TypeAlias = int | Literal["none", "coarse", "all", "finest"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Switches:
    """What of GLEAN is on.

    Features are passed up to a resolution in px (inclusive), at the coarser half of their resolutions (of an odd number
    the larger part: 4 to 16 px of 64 px, as in Figure 7), or at all; "finest" is the last one alone.
    """

    encoder_features: Wanted = "all"
    """Of f, given to the bank."""
    latents: Literal["per-block", "single", "learned"] = "per-block"
    """c: from the image, one each; from the image, one for all; a parameter, the same for every image."""
    bank_features: Wanted = "all"
    """Of g, given to the decoder; with "none" the bank is not run."""
    decoder: bool = True
    """Off: the output is the bank's own RGB."""


FULL = Switches()
LIGHT = Switches(encoder_features="finest", latents="learned")


def _chosen(resolutions: Iterable[int], wanted: Wanted) -> tuple[int, ...]:
    """Return the resolutions that a switch passes on, ascending."""
    ordered = tuple(sorted(resolutions))
    if isinstance(wanted, int):
        return tuple(resolution for resolution in ordered if resolution <= wanted)
    return {"none": (), "coarse": ordered[: (len(ordered) + 1) // 2], "all": ordered, "finest": ordered[-1:]}[wanted]


class GLEAN(nn.Module):
    """The network; `bank` gives the output's size, `in_size` that of the LR image."""

    def __init__(self, *, trunk: Trunk, bank: Synthesis, in_size: int, switches: Switches = FULL) -> None:
        """Make the trainable parts around `trunk` and freeze `bank`.

        Raises `ValueError` if no power of two leads from `in_size` to the bank's size.
        """
        super().__init__()
        self.in_size = in_size
        self.inner_size = max(in_size, BASE)
        if in_size < 1 or in_size & (in_size - 1) or self.inner_size > bank.size:
            raise ValueError(f"GLEAN takes LR images of 1, 2, 4, ... px up to {bank.size} px, not {in_size} px.")
        above = [size for size in bank.channels if size > self.inner_size] or [bank.size]
        taken = _chosen(above, switches.bank_features)
        below = [size for size in bank.channels if size <= self.inner_size and size < bank.size]
        fused = _chosen(below, switches.encoder_features)
        latents = {"per-block": bank.latents, "single": 1, "learned": 0}[switches.latents]
        if switches.decoder and not taken:  # the bank is not run
            fused, latents = (), 0
        elif not latents:
            self.latents = nn.Parameter(torch.zeros(1, bank.latents, bank.style_dim))
        if not (switches.decoder or latents or fused):
            raise ValueError("the output would not depend on the LR image: no features, learned latents, no decoder.")
        coarsest = BASE if latents else min(fused, default=self.inner_size)
        self.encoder = Encoder(trunk=trunk, bank=bank, in_size=self.inner_size, latents=latents, coarsest=coarsest)
        self.bank = bank.requires_grad_(requires_grad=False)
        self.fusion = nn.ModuleDict(  # by the stage of the bank whose feature goes in
            {str(i): conv(2 * width, width) for i, (size, width) in enumerate(bank.channels.items()) if size in fused}
        )
        self.decoder = Decoder(bank=bank, in_size=self.inner_size, features=taken) if switches.decoder else None

    def forward(self, lr: Tensor) -> Tensor:
        """Map (B, 3, in_size, in_size), [-1, 1], to (B, 3, size, size), about [-1, 1], not clamped."""
        if lr.shape[1:] != (3, self.in_size, self.in_size):
            raise ValueError(f"expected (B, 3, {self.in_size}, {self.in_size}), got {tuple(lr.shape)}.")
        if self.in_size < BASE:
            lr = F.interpolate(lr, size=(BASE, BASE), mode="bilinear", align_corners=False)
        f, latents = self.encoder(lr)
        if self.decoder is None:
            return self.bank.image(self._bank_features(f, latents), self._w(f, latents))
        image: Tensor = self.decoder(f[self.inner_size], self._bank_features(f, latents))
        return image

    def _w(self, f: dict[int, Tensor], latents: Tensor | None) -> Tensor:
        """Return a latent for each layer, (B, L, style_dim): those of the image, or the learned ones."""
        w = self.get_parameter("latents").repeat(len(f[self.inner_size]), 1, 1) if latents is None else latents
        return w.expand(-1, self.bank.latents, -1)

    def _bank_features(self, f: dict[int, Tensor], latents: Tensor | None) -> Iterator[Tensor]:
        """Run the bank (Eq. 3) as far as it is asked, yielding g at 4, 8, ... px: (B, C, R, R)."""
        w = self._w(f, latents)
        noise = self.bank.noise_maps("stored", len(w))
        g = self.bank.start(w, noise)
        yield g
        for stage, size in zip(range(1, self.bank.stages), self.bank.channels, strict=False):
            if str(stage - 1) in self.fusion:
                g = self.fusion[str(stage - 1)](torch.cat([g, f[size]], 1))
            g = self.bank.stage(stage, g, w, noise)
            yield g


def dead_macs(network: GLEAN) -> int:
    """Count the multiply-accumulates that the released code makes for one image without effect on it.

    It computes the RGB of each stage of its StyleGAN2 bank, and merges f into it (fusion_skip), to drop both. A variant
    whose output is that RGB, and a StyleGAN bank, have no such work.
    """
    bank = network.bank
    if network.decoder is None or not network.decoder.features or not bank.rgb_each_stage:
        return 0
    total = 0
    for stage, (size, width) in enumerate(bank.channels.items()):
        total += width * bank.style_dim + 3 * width * size**2  # style and 1x1 convolution
        total += 3 * 16 * size**2 if stage else 0  # the image before, doubled by the 4x4 FIR
        total += 9 * 3 * (3 + width) * size**2 if str(stage) in network.fusion else 0
    return total
