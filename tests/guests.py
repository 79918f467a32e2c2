"""Guests that tests write into a folder: the method of docs/adding.md with one change each."""

HEAD = "import torch\nfrom torch import nn\nfrom bench import Spec\n"
GUEST = (
    HEAD
    + """{before}
class G{bases}:
    spec = Spec(name="{name}", title="{name}", family="{family}", paper="none", factors=(16,){spec})
    {attributes}

    def __init__(self, factor):
        self.factor = factor
        {init}

    @classmethod
    def load(cls, task, device):
        return cls(task.factor)

    def upscale(self, lr):
        return lr.repeat_interleave(16, -1).repeat_interleave(16, -2){result}
"""
)


def write(folder, **parts) -> str:
    """Write a guest into `guest.py` of a folder and return how the command line names it."""
    defaults = dict.fromkeys(("before", "bases", "spec", "attributes", "init", "result"), "")
    text = GUEST.format(**{**defaults, "name": "g", "family": "interpolation", **parts})
    (folder / "guest.py").write_text(text)
    return f"{folder / 'guest.py'}:G"
