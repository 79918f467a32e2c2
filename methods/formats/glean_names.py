"""The key map from mmagic's (and mmediting's) GLEAN to `nets.glean.GLEAN`; its bank is mmagic's StyleGAN2."""

from collections.abc import Mapping

from torch import Tensor

from methods.formats.mmagic_names import SYNTHESIS, Table, renamed

_GLEAN: Table = (
    *((rf"generator\.{theirs}", f"bank.{ours}", shift) for theirs, ours, shift in SYNTHESIS),
    (r"encoder\.0\.0\.(?P<rest>.+)", "encoder.trunk.{rest}", 0),
    (r"encoder\.0\.1\.(?P<rest>weight|bias)", "encoder.head.0.{rest}", 0),
    (r"encoder\.(?P<n>\d+)\.(?P<rest>[023]\.(?:weight|bias))", "encoder.stages.{n}.{rest}", -1),
    (r"fusion_out\.(?P<n>\d+)\.(?P<rest>weight|bias)", "fusion.{n}.{rest}", 0),
    (r"decoder\.(?P<n>\d+)\.upsample_conv\.(?P<rest>weight|bias)", "decoder.blocks.{n}.{rest}", 0),
    (r"decoder\.\d+\.(?P<rest>[02]\.(?:weight|bias))", "decoder.last.{rest}", 0),
)


def from_mmagic(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the entries of mmagic's (or mmediting's) GLEAN network, without prefix, to those of `nets.glean.GLEAN`.

    Raises `BenchError` for an entry that is not GLEAN's.
    """
    return renamed(state_dict, _GLEAN)
