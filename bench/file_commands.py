"""The verbs that read or write single files: images, checkpoints, weights, lists."""

from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from bench import atomic
from bench import cards as card_files
from bench.console import say, tell
from bench.errors import BenchError, OutputError
from bench.options import Categories, Choice, ChosenWeights, Device, HrSize, Part, Profile, Timeout, Unfinished
from bench.progress import track
from bench.spec import Task

if TYPE_CHECKING:
    from bench.tiles import Enlarged


def upscale(
    source: Annotated[Path, typer.Argument(help="A low-resolution image of any size.")],
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The PNG to write.")],
    *,
    method: Annotated[str, typer.Option(help="A name, FILE:CLASS, or a network FILE.pth.")] = "bicubic",
    factor: Annotated[
        int, typer.Option(min=1, max=card_files.LARGEST, help="How many times larger the result is.")
    ] = 16,
    category: Annotated[str, typer.Option(help="What the picture shows.")] = "face",
    mixture: Annotated[
        str, typer.Option(help="blind, or tasks (at 1x): the network that was trained for degraded pictures.")
    ] = "",
    profile: Profile = "mini",
    device: Device = "auto",
    weights: ChosenWeights = Choice.ANY,
    unfinished: Unfinished = False,
    timeout: Timeout = None,
) -> None:
    """Restore one low-resolution image with one method, in tiles if it is larger than the method's networks take."""
    from bench import devices, pipeline, store, tiles
    from bench.images import photos
    from bench.running import runners

    start = perf_counter()
    say(f"{source}: reading it ...")
    _check_png(target, source)
    lr = photos.read(source)[None].to(devices.named(device)) / 255
    found = runners.named(method, timeout, (factor,))
    title = found.spec.title
    if mixture and not found.spec.trained:
        raise BenchError(f"--mixture chooses among networks that training makes; {title} has none: leave it out.")
    say(f"{source}: {lr.shape[-1]} x {lr.shape[-2]} pixels, restored at {factor}x with {title} ...")
    usual = card_files.card(profile, category).hr_size

    def task(hr_size: int) -> Task:
        plain = pipeline.task(category, factor, profile=profile, hr_size=hr_size)
        return replace(plain, weights=weights.value, unfinished=unfinished, mixture=mixture)

    made = tiles.enlarged(found, lr, factor, usual, task)
    _remark(title, made, task(made.side * factor).preset)
    store.save(target, made.image)
    height, width = made.image.shape[-2:]
    say(f"written: {target}, {width} x {height} pixels, in {perf_counter() - start:.1f} s")


def _remark(title: str, made: "Enlarged", preset: str) -> None:
    """Tell what a reader of a restored picture should know of it."""
    trained = ", ".join(dict.fromkeys(each.trained_on for each in made.weights if each.trained_on))
    if trained and preset == "mini":
        tell(
            "note",
            f"{title} was trained on small drawn images ({trained}); a photograph looks like a drawing after it.",
        )
    if made.tiles > 1:
        tell("note", f"restored in {made.tiles} overlapping tiles of {made.side} x {made.side} pixels.")


def retouch(
    source: Annotated[Path, typer.Argument(help="A photograph that was edited, as roughly as you like.")],
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The PNG to write.")],
    *,
    method: Annotated[str, typer.Option(help="A name, FILE:CLASS, or a network FILE.pth.")] = "glean",
    factor: Annotated[int, typer.Option(min=2, max=card_files.LARGEST, help="How small it is made.")] = 8,
    category: Annotated[str, typer.Option(help="What the picture shows.")] = "face",
    profile: Profile = "portraits",
    hr_size: HrSize = None,
    mask: Annotated[
        Path | None, typer.Option(help="An image of the same size, white where to retouch; the rest stays as it is.")
    ] = None,
    unfinished: Unfinished = False,
    device: Device = "auto",
    timeout: Timeout = None,
) -> None:
    """Make an edited photograph small and restore it, so that the seams go; its central square, at the HR size."""
    from bench import devices, pipeline, store, tiles
    from bench.running import runners
    from bench.verbs import retouch as work

    start = perf_counter()
    say(f"{source}: reading it ...")
    _check_png(target, source, *([mask] if mask else []))
    whole = replace(pipeline.task(category, factor, profile=profile, hr_size=hr_size), unfinished=unfinished)
    edited = work.square(source, whole.hr_size)
    inside = work.mask(mask, source, whole.hr_size) if mask else None
    found = runners.named(method, timeout, (factor,))
    title, side = found.spec.title, whole.hr_size
    say(f"{source}: its central square, {side} px, made {factor}x smaller and restored with {title} ...")
    lr = work.low_resolution(edited, factor).to(devices.named(device))
    usual = card_files.card(profile, category).hr_size
    made = tiles.enlarged(found, lr, factor, usual, lambda size: replace(whole, hr_size=size))
    _remark(title, made, whole.preset)
    store.save(target, made.image if inside is None else work.composed(edited, made.image, inside, factor))
    say(f"written: {target}, {side} x {side} pixels, in {perf_counter() - start:.1f} s")


def _check_png(target: Path, *sources: Path) -> None:
    """Raise `OutputError` unless a PNG may be written to a file, and its name says that it is one."""
    atomic.check(target, *sources)
    if target.suffix.lower() != ".png":
        raise OutputError(f"{target} would be a PNG; give it a name that ends in .png.")


def diagnose(
    lr: Annotated[Path, typer.Argument(help="A low-resolution image; how it was made is not known.")],
    hr: Annotated[Path, typer.Argument(help="The image it was made from.")],
) -> None:
    """Say how a low-resolution image was probably made."""
    from bench import diagnosis
    from bench.images import photos

    say(f"{lr}: comparing it with what can be made of {hr} ...")
    small, large = photos.read(lr)[None] / 255, photos.read(hr)[None] / 255
    (height, width), (full_height, full_width) = small.shape[-2:], large.shape[-2:]
    factor = full_width // width
    if factor < 2 or (height * factor, width * factor) != (full_height, full_width):  # noqa: PLR2004 - else no reduction
        raise BenchError(
            f"{lr} has {width} x {height} pixels and {hr} {full_width} x {full_height}; give the low-resolution image "
            "first, and the one it was made from, a whole number of times as wide and as high, second."
        )
    say(diagnosis.diagnose(small, large, factor))


def sheet(
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The PNG to write.")],
    *,
    profile: Profile = "mini",
    categories: Categories = None,
    hr_size: HrSize = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Images of each category.")] = 8,
    degradations: Annotated[
        list[str] | None, typer.Option("--degradation", help="'blur 2, down': also what it makes of them; repeatable.")
    ] = None,
    factor: Annotated[int, typer.Option(min=1, help="Of what is made smaller.")] = 8,
) -> None:
    """Draw a contact sheet: the first test images of each category, and below them what degradations make of them."""
    from bench import store
    from bench.verbs import sheet as work

    _check_png(target)
    found = {name: card_files.card(profile, name, hr_size) for name in categories or card_files.cards(profile)}
    lists = [work.parsed(text) for text in degradations or []]
    say(f"{target}: the first images of {', '.join(found)} ...")
    rows = [
        images
        for card in track(found.values(), f"sheet of {profile}", len(found))
        for images in work.rows(card, count, lists, factor)
    ]
    store.save_sheet(target, rows)
    say(f"written: {target}")


def convert(
    source: Annotated[Path, typer.Argument(help="A published checkpoint: .pth, .pt, .ckpt, .pkl, .safetensors ...")],
    target: Annotated[Path, typer.Argument(dir_okay=False, help="The .safetensors file to write.")],
    *,
    part: Annotated[Part, typer.Option(help="What to take of a file that holds several networks.")] = Part.NETWORK,
    mapping: Annotated[Path | None, typer.Option(help="The second file of PULSE's StyleGAN, mapping.pt.")] = None,
) -> None:
    """Rewrite a published checkpoint as safetensors in this suite's layout; its own is recognised by its names."""
    from methods.formats import checkpoints, own_files, unpickle

    for each in (source, *([mapping] if mapping else [])):
        own_files.check_target(target, each)
    say(f"{source}: reading it ...")
    checkpoint = unpickle.load(source) | (unpickle.load(mapping) if mapping else {})
    network = (
        checkpoints.discriminator(checkpoint) if part is Part.DISCRIMINATOR else checkpoints.any_network(checkpoint)
    )
    say(f"{target}: writing it ...")
    atomic.write(target, own_files.safetensors(network))
    if note := checkpoints.remark(checkpoint):
        tell("note", note)
    count = sum(parameter.numel() for parameter in network.parameters())
    say(f"{target}: {type(network).__name__}, {count:,} parameters")


def write_lists(profile: Annotated[str, typer.Argument(help="A profile whose cards name a `list`.")] = "mini") -> None:
    """Write the lists of a profile's test images anew, each with the checksum of its pixels."""
    from bench.images import listing

    say(f"{profile}: reading the images of its lists ...")
    for path in listing.write_lists(profile):
        say(f"written: {path}")
