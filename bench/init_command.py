"""The verb `init-table`: a table of one's own to begin with, every key of it explained."""

from pathlib import Path
from typing import Annotated

import typer

from bench import atomic
from bench.console import say
from bench.errors import OutputError
from bench.profiles import check_table

_TEXT = """\
# A table of glean-bench: python -m bench table {name}
# docs/adding.md says more. A key that is not known is an error.

title = "{title}"
caption = "What the table shows, in a sentence; LaTeX takes it as the caption."
source = "Where published figures are from; may be empty."

# The columns: each metric has a table of its own. `also` are further ones, for the details below.
# There are: {metrics}; and, with the extra pyiqa, those of that package, such as "pyiqa:musiq".
metrics = ["psnr", "lpips"]
also = ["ssim", "lr_psnr"]

# The images: categories of the profile (--profile), and by how much they are enlarged.
categories = ["face", "cat"]
factors = [16]
# Of several, the one that the report opens with, if not that at which most was measured.
# front = 16

# The rows. `python -m bench list` has the names; --with adds others for one run.
methods = ["bicubic", "esrgan_plus", "glean"]

# One of the methods, if the others are variants of it: each is then compared with it, not with the best.
# full = "glean"

# Rows that no method makes, for comparison: the true image of another, the true one saved with loss.
# references = ["another_person", "jpeg75"]

# Seeds of trainings: each network is measured with those of all that are there (docs/adr/0010-seeds.md).
# trainings = [0, 1]

# Up to which difference of their means methods count as equal; without it half a unit of the last printed digit.
# [margin]
# psnr = 0.05

# Methods that are still to come: their rows are there, and empty.
# [pending]
# mine = "My method"

# Published figures, as texts to keep the digits as printed: one table for each factor and category.
# [published.x16.face]
# glean = {{ psnr = "26.84", lpips = "0.2681" }}

# What they were measured on, by name, and, where it is known, by checksums: only then is a difference printed.
# [test_sets]
# face = "CelebA-HQ"
# [test_data.face]
# hr_size = 1024
# sha256 = ""
# operator = "matlab-bicubic"

# Further columns: each category's images degraded otherwise (docs/adding.md has the operators), or others' images.
# [variants]
# noisy = {{ degradation = ["down", "noise 10"] }}
# as-face = {{ of = "cat", network = "face" }}

# What is asked otherwise of profiles whose cards have a preset.
# [presets.portraits]
# factors = [8, 16]
"""


def init_table(
    target: Annotated[Path, typer.Argument(help="The .toml file to write; its name becomes the table's.")],
) -> None:
    """Write a table of your own to begin with; `table FILE.toml` measures it."""
    path = target if target.suffix == ".toml" else target.with_name(f"{target.name}.toml")
    if path.exists():
        raise OutputError(f"{path} is there already; choose another name, or delete it.")
    check_table(path)
    from bench.scores.metrics import METRICS

    atomic.write(path, _TEXT.format(name=path, title=path.stem, metrics=", ".join(METRICS)).encode())
    say(f"written: {path}. Measure it: python -m bench table {path}")
