"""The beginning of a training of GLEAN's rivals, which have no bank: ESRGAN+, of GLEAN's cost, and SRGAN."""

from bench.spec import Task
from methods import esrgan_plus, srgan


def start(name: str, task: Task) -> esrgan_plus.EsrganPlus | srgan.Srgan:
    """Return the method, by its spec's name, with random weights."""
    if name == srgan.Srgan.spec.name:
        return srgan.Srgan(srgan.network(task))
    return esrgan_plus.EsrganPlus(esrgan_plus.network(task))
