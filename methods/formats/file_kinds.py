"""What a checkpoint is, told by its first bytes: endings are free (.pth.tar, .ckpt, .bin, .PTH), and often wrong."""

import stat
from pathlib import Path

from bench.spec import BadFile, MissingWeights

LARGEST = 2_000_000_000
"""Bytes; the largest file of the catalogue has a fifth of it."""
_HEAD = 1024
_ZIP = b"PK\x03\x04"
_MATLAB = b"MATLAB 5.0 MAT-file"
_TORCH_BEFORE_1_6 = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch's magic number, pickled
_ENDINGS = {
    ".pkl": "pickle",
    ".pt": "torch",
    ".pth": "torch",
    ".tar": "torch",  # .pth.tar, as it is called; it is no archive
    ".ckpt": "torch",
    ".bin": "torch",
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".mat": "mat",
}
_NOT_WEIGHTS = {
    b"version https://git-lfs": "is the pointer of Git LFS to the file, not the file; `git lfs pull` fetches it",
    b"\x1f\x8b": "is an archive (gzip); unpack it first",
    b"BZh": "is an archive (bzip2); unpack it first",
    b"\xfd7zXZ": "is an archive (xz); unpack it first",
    b"7z\xbc\xaf": "is an archive (7-Zip); unpack it first",
    b"Rar!": "is an archive (RAR); unpack it first",
    b"\x89HDF": "is an HDF5 file, such as Keras writes, which is not read here",
}
_PAGES = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--")


def kind(path: Path) -> str:
    """Return which reader a checkpoint is for: "torch", "pickle" (NVIDIA's), "safetensors", "npz" or "mat".

    Where its content does not say, its ending decides.

    Raises:
        MissingWeights: there is no such file.
        BadFile: it is no regular file, too large, or known to be something else.
    """
    head = _head(path)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_PAGES):
        raise BadFile(
            f"{path} is a web page, not the file: the server gave a form or an error; fetch it again by hand."
        )
    for sign, words in _NOT_WEIGHTS.items():
        if head.startswith(sign):
            raise BadFile(f"{path} {words}.")
    return _of_content(head) or _of_ending(path)


def _head(path: Path) -> bytes:
    """Return the first bytes of a regular file; nothing else is opened, as reading from a pipe may never end."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            what = "folder" if stat.S_ISDIR(state.st_mode) else "device or pipe"
            raise BadFile(f"{path} is a {what}, not a file of weights.")
        if state.st_size >= LARGEST:
            raise BadFile(f"{path} has {state.st_size:,} bytes; checkpoints of {LARGEST:,} and more are not read.")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError as error:
        raise MissingWeights(f"there is no file {path}.") from error
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}.") from error


def _of_content(head: bytes) -> str:
    """Return what the first bytes tell, if anything."""
    if head.startswith(_MATLAB):
        return "mat"
    if head.startswith(_ZIP):
        length = int.from_bytes(head[26:28], "little")  # of the name of its first entry
        return "npz" if head[30 : 30 + length].endswith(b".npy") else "torch"
    if _TORCH_BEFORE_1_6 in head[:16]:
        return "torch"
    if head[8:9] == b"{" and head[7:8] == b"\0":
        return "safetensors"
    return "pickle" if head[:1] == b"\x80" and head[1:2] in (b"\2", b"\3", b"\4", b"\5") else ""


def _of_ending(path: Path) -> str:
    """Return what the ending tells."""
    found = _ENDINGS.get(path.suffix.lower())
    if found is None:
        raise BadFile(
            f"{path} does not begin like a checkpoint, and ends in {path.suffix or 'nothing'}; what is read here are "
            f"PyTorch's files, NVIDIA's network pickles, safetensors, numpy's and matconvnet's ({', '.join(_ENDINGS)})."
        )
    return found
