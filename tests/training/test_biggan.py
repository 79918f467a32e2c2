"""The training of a BigGAN on tiny sizes, its bank as GLEAN runs it, and what is trained around it."""

import re
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from bench import cards
from bench.spec import BenchError, Card, MissingWeights, Task
from methods.formats import biggan as biggan_format
from methods.formats import glean as glean_format
from methods.formats import own_files, unpickle
from methods.glean import Biggan
from methods.nets.biggan import BigGAN
from methods.nets.biggan_bank import BigGANBank
from methods.nets.biggan_layers import BatchNorm, Spectral
from methods.presets import biggan
from methods.presets.biggan import BigganRecipe
from methods.training import __main__ as command
from methods.training import feed, ingredients, lanes, loop, queue, run
from methods.training.biggan import BigganTraining, settle
from methods.training.items import Item, everything
from methods.training.share import Share
from methods.weights import folders, glean_bank, trained

from .test_bank import CPU

CLASSES = ("face", "cat", "car", "bedroom", "tower")
TINY = BigganRecipe(
    classes=CLASSES, size=128, channels=2, widest=8, critic_channels=4, critic_widest=16, attention=16, z_dim=18,
    embedding=4, images=30, batch=10, half_life=20, standing=2,
)  # fmt: skip
TASK = Task("mini", "car", 16, 128, preset="mini")
BIGGAN = Item("biggan", replace(TASK, category="face", factor=1))


@pytest.fixture
def tiny(monkeypatch) -> BigganRecipe:
    monkeypatch.setitem(biggan.BIGGAN, "mini", TINY)
    return TINY


def real(count=10) -> torch.Tensor:
    return torch.rand(count, 3, 128, 128, generator=torch.Generator().manual_seed(0))


def trained_for(steps=2) -> BigganTraining:
    training = BigganTraining(TINY, CPU, share=Share())
    for _ in range(steps):
        training.advance(real())
    return training


def of_five() -> BigGAN:
    """A generator whose norms and attention do something."""
    torch.manual_seed(1)
    generator = BigGAN(**TINY.generator)
    for layer in generator.modules():
        if isinstance(layer, BatchNorm):
            layer.stored_mean.uniform_(-0.1, 0.1)
            layer.stored_var.uniform_(0.5, 2)
    with torch.no_grad():
        generator.get_parameter("blocks.1.1.gamma").fill_(0.7)
    return generator.eval().requires_grad_(requires_grad=False)


def test_a_bank_run_stage_by_stage_makes_what_the_generator_does():
    generator = of_five()
    z, label = torch.randn(2, generator.z_dim), 2
    seen = []
    hooks = [stage.children().__next__().register_forward_hook(lambda *got: seen.append(got[2])) for stage in
             generator.blocks]  # fmt: skip
    image = generator(z, torch.tensor([label, label]))
    for hook in hooks:
        hook.remove()
    bank = BigGANBank(biggan_format.of_class(generator.state_dict(), label))
    w = z.unflatten(1, (bank.latents, bank.style_dim))
    features = list(bank._features(w, bank.noise_maps("stored", 2)))
    assert [(each.shape[1], each.shape[2]) for each in features] == [
        (width, side) for side, width in bank.channels.items()
    ]
    assert torch.equal(features[1], seen[0]), "another first block, chunk or class"
    assert torch.equal(bank.image(features, w), image), "another image"
    other = BigGANBank(biggan_format.of_class(generator.state_dict(), 3))
    assert not torch.allclose(other(w), image, atol=1e-3), "the class does not matter"
    with pytest.raises(BenchError, match="has 5 classes, and the class 5"):
        biggan_format.of_class(generator.state_dict(), 5)
    with pytest.raises(BenchError, match="5 classes, and one of 3 was asked for"):
        biggan_format.of_class(generator.state_dict(), 1, of=3)
    with pytest.raises(ValueError, match="of one class, not of 5"):
        BigGANBank(generator)


@pytest.mark.parametrize("name", ["biggan_128_discriminator.safetensors", "bank_face_128.safetensors"])
def test_the_file_of_another_network_is_called_that(name):
    """It was called a BigGAN of one class."""
    with pytest.raises(BenchError, match="not the weights of a BigGAN generator"):
        biggan_format.of_class(unpickle.load(folders.SHIPPED / "mini" / name), 1, of=5)


def test_what_is_kept_makes_the_images_that_the_trained_average_does(tmp_path):
    training = trained_for()
    shown = training.samples()
    kept = training.networks()

    def stored(part, read, dtype=None):
        path = tmp_path / f"{part}_{dtype}.safetensors"
        path.write_bytes(own_files.safetensors(kept[part], dtype=dtype))
        return read(unpickle.load(path))

    read = stored("bank", biggan_format.generator)
    draws = torch.Generator().manual_seed(0)
    images = torch.cat([read(*training._codes(draws, 8, each)) for each in torch.arange(5).split(1)])
    torch.testing.assert_close((images + 1) / 2, shown, atol=1e-5, rtol=0)
    z, y = training._codes(draws, 1, torch.arange(5))
    half = stored("bank", biggan_format.generator, torch.float16)
    assert (half(z, y) - read(z, y)).abs().max() < 0.05, "rounding to half precision changes the images"
    critic = stored("discriminator", biggan_format.discriminator)
    assert torch.allclose(critic(images[:5], y), training.discriminator(images[:5], y), atol=1e-5)


def test_both_rates_fall_over_the_last_part_of_the_steps():
    training = BigganTraining(replace(TINY, images=300, constant=0.5), CPU, share=Share())
    told = []
    for training.step in (0, 15, 24, 29):
        training._set_rates()
        told.append([optimiser.param_groups[0]["lr"] for optimiser in (training.g_optimiser, training.d_optimiser)])
    recipe = training.recipe
    assert told[0] == told[1] == [recipe.rate, recipe.critic_rate]
    assert told[2] == pytest.approx([0.4 * recipe.rate, 0.4 * recipe.critic_rate])
    assert told[3] == pytest.approx([recipe.rate / 15, recipe.critic_rate / 15]), "the last step is one, too"


def test_the_standing_statistics_are_those_of_batches():
    generator, z, y = of_five(), torch.randn(40, TINY.z_dim), torch.arange(5).repeat(8)
    settle(generator, [(z, y)])
    for norm in generator.modules():
        if isinstance(norm, BatchNorm):
            assert not norm.by_batch, "the norm would go on with the statistics of each batch"
    stored = generator(z, y)
    for norm in generator.modules():
        if isinstance(norm, BatchNorm):
            norm.by_batch = True
    assert torch.allclose(stored, generator(z, y), atol=1e-4), "the statistics of one batch are those of that batch"


def test_a_step_moves_both_networks_and_the_vectors_of_their_norms():
    training = BigganTraining(TINY, CPU, share=Share())
    before = {
        name: {key: value.clone() for key, value in getattr(training, name).state_dict().items()}
        for name in ("generator", "discriminator", "average")
    }
    told = training.advance(real())
    assert told.keys() == {"d", "g"}
    for name, state in before.items():
        now = getattr(training, name).state_dict()
        still = [key for key, value in state.items() if torch.equal(value, now[key]) and "stored" not in key]
        assert all(re.match(r"blocks\.\d+\.1\.", key) for key in still), (
            "what attention does is added with a gain of 0 at first; no other stays"
        )
    for layer in training.discriminator.modules():
        if isinstance(layer, Spectral):
            for _ in range(100):
                layer.iterate()
            largest = torch.linalg.matrix_norm(layer.normed().detach().flatten(1), 2).item()
            assert largest == pytest.approx(1, abs=0.02), "the weight is not divided by its largest singular value"


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(tmp_path):
    card = Card("mini", "face", "Face", 128, "scenes", "face", "", "")
    ends = []
    for stops in ((3,), (2, 3)):
        for stop in stops:
            training = BigganTraining(TINY, CPU, share=Share())
            training.__class__ = type("Stopped", (BigganTraining,), {"steps": property(lambda _, stop=stop: stop)})
            images = feed.Mixed([replace(card, source=name) for name in CLASSES], Share(), CPU, 40)
            loop.train(training, images, run.Run(tmp_path / str(len(stops))), "biggan")
        ends.append(training.generator.state_dict())
    assert all(torch.allclose(value, ends[1][name], atol=1e-6) for name, value in ends[0].items())


def test_a_step_has_as_many_images_of_each_class_in_the_order_of_the_classes():
    found = [cards.card("mini", name) for name in CLASSES]
    mixed = feed.Mixed(found, Share(), CPU, 40).batch(0, 10)
    assert mixed.shape == (10, 3, 128, 128)
    alone = feed.Pool(found[3], Share(), 8, slower=5).batch(0, 2)
    assert torch.equal(mixed[6:8], alone), "the images of a class are not where its label is"
    pool = feed.Pool(found[3], Share(), 8, slower=5)
    seeds = [(pool.batch(step, 2), pool._seeds.sum().item())[1] for step in range(6)]
    assert len(set(seeds)) == 3, "five pools together replace two images a step: one of them two in five steps"


def test_the_queue_shows_it_the_images_of_every_class_in_the_order_of_the_classes(settings):
    """It was shown faces alone, under the labels of all classes."""
    key = ingredients.key(BIGGAN, settings)
    assert [card.category for card in key.cards] == list(biggan.biggan(BIGGAN.task).classes)
    assert key.images != ingredients.key(Item("bank", BIGGAN.task), settings).images, "as if on one category"


def test_a_part_of_a_batch_is_refused():
    with pytest.raises(BenchError, match="in one process and with all 10 images"):
        BigganTraining(TINY, CPU, share=Share(at_once=5))


@pytest.mark.usefixtures("tiny")
@pytest.mark.slow
def test_a_bank_is_trained_and_a_glean_around_it_loads_again(settings):
    with pytest.raises(
        MissingWeights, match=r"no bank of glean\.biggan .*`python -m bench train biggan --profile mini`"
    ):
        glean_bank.load(Biggan.spec.name, TASK, CPU)
    assert queue.train(BIGGAN, settings)
    folder = settings.runs.parent / "mini"
    assert sorted(path.name for path in folder.iterdir()) == [
        "biggan_128.safetensors",
        "biggan_128_discriminator.safetensors",
    ]
    queue.train(Item("bank", replace(TASK, factor=1)), settings)  # its discriminator judges
    item = Item(Biggan.spec.name, TASK)
    assert queue.train(item, settings)
    path = trained.locate(Biggan.spec.name, TASK)
    assert path.name == "glean.biggan_car_16x_128.safetensors"
    assert not any(name.startswith("bank.") and name != "bank.sha256" for name in load_file(path)), "the bank is twice"
    found = Biggan.load(TASK, CPU)
    assert isinstance(found.network.bank, BigGANBank)
    lr = torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        image = found.upscale(lr)
        whole = glean_format.glean(found.network.state_dict())
        assert torch.allclose((whole(lr * 2 - 1) + 1) / 2, image, atol=1e-5), "a file with its bank is another network"
    assert image.shape == (1, 3, 128, 128)
    assert ingredients.key(item, settings).start != ingredients.key(Item("glean", TASK), settings).start, (
        "as if of the same bank"
    )
    assert list(queue.unfinished([BIGGAN, item], settings)) == []


def test_the_bank_is_trained_before_the_networks_around_it_and_waited_for():
    items = list(everything("mini"))
    labels = [item.label for item in items]
    place = labels.index("biggan")
    assert labels[place + 1 :] == [f"glean.biggan {category} 16x" for category in CLASSES]
    jobs = [lanes.Job(item, lambda _: iter(())) for item in items[place:]]
    busy = type("Busy", (), {"item": items[place]})
    assert lanes._next(jobs[1:], [busy]) is None, "a GLEAN begins before its bank is there"
    assert lanes._next(jobs, []) is jobs[0]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("category", CLASSES)
def test_a_glean_has_the_class_of_its_category(category, tmp_path, monkeypatch):
    """With any other, it would be told to make faces of cars, and still restore something."""
    monkeypatch.setenv("GLEAN_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(trained, "shipped", lambda _: [tmp_path])
    torch.manual_seed(1)
    generator = BigGAN(**biggan.biggan(TASK).generator).eval()
    (tmp_path / "biggan_128.safetensors").write_bytes(own_files.safetensors(generator))
    bank = glean_bank.load(Biggan.spec.name, replace(TASK, category=category), CPU)
    own = biggan_format.of_class(generator.state_dict(), CLASSES.index(category))
    assert torch.equal(bank.generator.shared.weight, own.shared.weight)
    w = torch.randn(1, bank.latents, bank.style_dim)
    torch.testing.assert_close(bank(w), BigGANBank(own.requires_grad_(requires_grad=False))(w))


@pytest.mark.usefixtures("tiny")
def test_what_cannot_be_is_said():
    with pytest.raises(BenchError, match="for the preset mini alone, not for paper"):
        glean_bank.build(Biggan.spec.name, Task("paper", "cat", 16, 256))
    with pytest.raises(BenchError, match="no class 'dog'; its classes are: face, cat, car"):
        glean_bank.build(Biggan.spec.name, replace(TASK, category="dog"))
    with pytest.raises(BenchError, match="makes images of 128 px, the task asks for 64"):
        glean_bank.build(Biggan.spec.name, replace(TASK, hr_size=64))
    for words in (["biggan", "--category", "cat"], ["biggan", "--profile", "portraits"]):
        with pytest.raises(BenchError, match=r"leave out --category|not for portraits"):
            command._items(command.parser().parse_args(words))
