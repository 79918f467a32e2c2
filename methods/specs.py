"""What each method of the suite says of itself. The methods take it from here.

It stands apart because it is known without torch, which the methods import: `list` starts at once. A method's facts
(paper, sections, deviations) are in its own file.
"""

from dataclasses import replace

from bench.spec import Spec

ANY = (2, 4, 8, 16, 32, 64)
"""The factors of what needs no networks of its own for each."""
_FACTORS = (4, 8, 16, 32, 64)
_ALSO_FULL = (1, *_FACTORS)  # at 1x an image is restored that keeps its size


def _glean(name: str, title: str) -> Spec:
    """Return what a variant of GLEAN says of itself."""
    return replace(GLEAN, name=f"{GLEAN.name}.{name}", title=title)


INPUT = Spec(name="input", title="Input", family="interpolation", paper="the image as it is given", factors=(1,))
BICUBIC = Spec(name="bicubic", title="Bicubic", family="interpolation", paper="Keys 1981", factors=ANY)
PSEUDO_INVERSE = Spec(
    name="pseudo_inverse", title="Pseudo-inverse", family="interpolation", paper="Penrose 1955", factors=ANY
)
SRGAN = Spec(
    name="srgan",
    title="SRGAN",
    family="feed-forward",
    paper="Ledig et al., CVPR 2017",
    factors=_FACTORS,
    max_batch=4,
    trained=True,
)
MGANPRIOR = Spec(
    name="mganprior",
    title="mGANprior",
    family="inversion",
    paper="Gu et al., CVPR 2020",
    factors=_FACTORS,
    max_batch=8,
    seeded=True,
)
PULSE = Spec(
    name="pulse",
    title="PULSE",
    family="inversion",
    paper="Menon et al., CVPR 2020",
    factors=_FACTORS,
    max_batch=4,
    seeded=True,
)
DGP = Spec(
    name="dgp",
    title="DGP (StyleGAN2 port)",
    family="inversion",
    paper="Pan et al., ECCV 2020",
    factors=_FACTORS,
    max_batch=4,
    seeded=True,
)
SINGAN = Spec(
    name="singan",
    title="SinGAN",
    family="internal-learning",
    paper="Shaham et al., ICCV 2019",
    factors=_FACTORS,
    max_batch=8,
    seeded=True,
)
ESRGAN_PLUS = Spec(
    name="esrgan_plus",
    title="ESRGAN+",
    family="feed-forward",
    paper="Wang et al., ECCV Workshops 2018; enlarged, Chan et al., CVPR 2021",
    factors=_ALSO_FULL,
    max_batch=4,
    trained=True,
)
GLEAN = Spec(
    name="glean",
    title="GLEAN",
    family="latent-bank",
    paper="Chan et al., CVPR 2021",
    factors=_ALSO_FULL,
    max_batch=4,
    trained=True,
)
DFDNET = Spec(
    name="dfdnet",
    title="DFDNet",
    family="reference-based",
    paper="Li et al., ECCV 2020",
    factors=_FACTORS,
    categories=("face",),
    max_batch=4,
    trained=True,
    takes_boxes=True,
)
SRNTT = Spec(
    name="srntt",
    title="SRNTT",
    family="reference-based",
    paper="Zhang et al., CVPR 2019",
    factors=(4, 16),
    max_batch=4,
    needs_reference="training",
    trained=True,
)
ESRGAN_MSE = replace(
    ESRGAN_PLUS, name="esrgan_plus.mse", title="ESRGAN+ (MSE alone)", paper="Wang et al., ECCV Workshops 2018"
)
SRNTT_OTHER = replace(SRNTT, name="srntt.other-category", title="SRNTT, references of another category")
SRNTT_ORACLE = replace(
    SRNTT, name="srntt.oracle", title="SRNTT, the true image as reference (oracle)", needs_reference="truth"
)
MGANPRIOR_BILINEAR = replace(MGANPRIOR, name="mganprior.bilinear", title="mGANprior, bilinear down-scaler")
ESRGAN_BLIND = replace(ESRGAN_PLUS, name="esrgan_plus.blind", title="ESRGAN+, blind")
PULSE_BEST = replace(PULSE, name="pulse.best", title="PULSE, best step")
PULSE_REFLECT = replace(PULSE, name="pulse.original-downscaler", title="PULSE, original down-scaler")
DGP_BIGGAN = replace(DGP, name="dgp.biggan", title="DGP (BigGAN)", trained_on="ImageNet")
LATENT_ONLY = _glean("latent-only", "GLEAN, latents only")
COARSE_ENCODER = _glean("coarse-encoder", "GLEAN, coarse encoder features, no decoder")
NO_DECODER = _glean("no-decoder", "GLEAN, no decoder")
NO_BANK = _glean("no-bank", "GLEAN, no bank")
COARSE_BANK = _glean("coarse-bank", "GLEAN, coarse bank features")
SINGLE_LATENT = _glean("single-latent", "GLEAN, single latent")
UNFROZEN_BANK = _glean("unfrozen-bank", "GLEAN, unfrozen bank")
LIGHT = _glean("light", "LightGLEAN")
BLIND = _glean("blind", "GLEAN, blind")
GLEAN_BIGGAN = replace(
    _glean("biggan", "GLEAN, one BigGAN bank"), paper="Chan et al., CVPR 2021; around Brock et al., ICLR 2019: ours"
)

ALL: tuple[Spec, ...] = (
    BICUBIC,
    PSEUDO_INVERSE,
    SRGAN,
    MGANPRIOR,
    PULSE,
    DGP,
    SINGAN,
    ESRGAN_PLUS,
    GLEAN,
    DFDNET,
    SRNTT,
    SRNTT_OTHER,
    SRNTT_ORACLE,
    ESRGAN_MSE,
    MGANPRIOR_BILINEAR,
    PULSE_BEST,
    PULSE_REFLECT,
    DGP_BIGGAN,
    LATENT_ONLY,
    COARSE_ENCODER,
    NO_DECODER,
    NO_BANK,
    COARSE_BANK,
    SINGLE_LATENT,
    UNFROZEN_BANK,
    LIGHT,
    BLIND,
    GLEAN_BIGGAN,
    ESRGAN_BLIND,
    INPUT,
)
"""In the order of the paper's tables, as `methods.ALL`."""
BY_NAME: dict[str, Spec] = {spec.name: spec for spec in ALL}
