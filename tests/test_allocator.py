"""What large images took goes back to the system; what searches take is kept."""

import subprocess
import sys

import pytest

PROGRAM = """
import torch
from bench import allocator

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

allocator.keep_freed()
images = [torch.ones(2**20) for _ in range(200)]  # 4 MiB each, small enough for glibc to keep
before = resident()
keep = torch.ones(1)
del images
kept = resident()
allocator.give_back({values})
print(before - kept < 100, kept - resident() > 600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
@pytest.mark.parametrize(("values", "given"), [(2**22, "True"), (2**16, "False")], ids=["large", "small"])
def test_memory_of_large_images_goes_back(values, given):
    """A table of two hundred images of 1024 px took 3.7 GB; a search that gives memory back takes a tenth longer."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(values=values)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", given], done.stderr
