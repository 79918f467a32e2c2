"""Imports point one way: what a file may know is decided here."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .conftest import ROOT

ORDER = [
    {"errors", "cache", "together", "undrawn"},
    {"spec", "escape", "paths", "devices"},
    {"shipped"},
    {
        "files",
        "memory",
        "machine",
        "console",
        "schema",
        "resize",
        "origins",
        "holdings",
        "imports",
        "images.essentials",
        "images.metadata",
        "scores.metric_networks",
        "scores.pixels",
        "cost.flop_counter",
        "scenes.noise",
    },
    {"degradation", "components"},
    {"images.boxes", "images.degraded", "report.sealing", "scores.metric", "variants"},
    {
        "lists",
        "images.pillow",
        "scenes.draw",
        "scores.components",
        "scores.faces",
        "scores.from_pyiqa",
        "scores.kid",
        "scores.references",
        "scores.regions",
        "scores.ssim",
        "scores.vgg_metrics",
    },
    {"profiles", "images.folder", "images.png16"},
    {"scenes.face", "scenes.cat", "scenes.car", "scenes.bedroom", "scenes.tower"},
    {"images.database", "images.pairing", "images.photos", "scores.metrics", "scenes", "scores.stats", "diagnosis"},
    {
        "cards",
        "images.crops",
        "images.holding",
        "images.results",
        "images.retouching",
        "scores.flips",
        "report.published",
        "report.spreadsheet",
        "report.latex",
        "report.parts",
        "report.fitting",
    },
    {"images.whereabouts", "images.given", "report_files", "scores.family", "readings"},
    {"images.sources", "measurable"},
    {"allocator", "atomic", "running.arithmetic", "running.declared", "running.template", "running.wire"},
    {"running.process", "locks"},
    {"scores.contests", "images.data", "contract", "cost.count", "fingerprint"},
    {"images.training", "images.tested", "images.listing"},
    {"reference_images"},
    {
        "store",
        "plan",
        "images.known",
        "images.prepare",
        "images.provenance",
        "cost.cost_table",
        "cost.duration",
        "running.checks",
        "running.compiled",
    },
    {"images.remarks", "images.readahead", "cost.latency", "timings", "running.runner", "progress", "report.fonts"},
    {"report.row"},
    {"report.measured"},
    {"running.answers", "running.places", "report.seed_notes"},
    {"running.measuring", "running.worker", "running.session", "batch"},
    {"restore", "running.handed", "running.isolated", "running.runners", "running.cluster"},
    {"scores.score_file", "scores.scored", "tiles", "stock"},
    {"scores.batch"},
    {"scores.score"},
    {"measurement", "report.table"},
    {"report.made_with"},
    {"pipeline", "report.data_frames", "report.figures", "report.notes"},
    {"report.grid", "report.losses", "report.stored", "report.strips", "report.joined", "report.storing"},
    {"report.render", "report.runs", "viewer.pictures"},
    {"viewer.page", "viewer.again", "report.compare"},
    {"viewer.handout"},
    {"estimate", "checkup"},
    {"options", "loading", "fetch_images", "rendering"},
    {
        "verbs.data",
        "verbs.doctor",
        "verbs.fetch",
        "verbs.inputs",
        "verbs.latency",
        "verbs.retouch",
        "verbs.sheet",
        "verbs.table",
    },
    {
        "file_commands",
        "fetch_command",
        "flops_command",
        "data_command",
        "init_command",
        "inputs_command",
        "latency_command",
        "stored_commands",
        "table_command",
        "view_command",
        "doctor_command",
        "check_command",
        "inventory",
    },
    {"commands"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
PROGRAMS = {
    "check_command",
    "commands",
    "fetch_images",
    "file_commands",
    "flops_command",
    "inventory",
    "latency_command",
    "running.runners",
    "running.worker",
    "verbs.doctor",
    "verbs.fetch",
    "verbs.latency",
    "verbs.table",
}
FOR_METHODS = {
    "bench.atomic",
    "bench.spec",
    "bench.resize",
    "bench.reference_images",
    "bench.origins",
    "bench.schema",
    "bench.paths",
    "bench.shipped",
    "bench.undrawn",
}
FILES = sorted((ROOT / "bench").rglob("*.py"))
FLOORS = {"nets": 0, "presets": 1, "formats": 1, "weights": 2, "": 3, "search": 3, "training": 4}
"""Of methods/, by folder: the adapters of the top folder and of search/ stand on weights, formats and networks."""


def imported(path) -> Iterator[str]:
    """The modules of ours that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in ("bench", "methods"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("bench", "methods"):
            assert node.level == 0
            modules = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in ROOT.glob("[bm]e*/**/*.py")}
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found = names & (modules | {"bench.scenes"})
            yield from found or {node.module}


def short(path) -> str:
    return ".".join(path.relative_to(ROOT / "bench").with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", [p for p in FILES if p != ROOT / "bench" / "__init__.py"], ids=short)
def test_bench_imports_point_one_way(path):
    if path.name == "__init__.py" and short(path) != "scenes":
        assert list(imported(path)) == [], "the folder's __init__ says what it holds, and no more"
        return
    rank = RANK[short(path)]
    for name in imported(path):
        if short(path) in PROGRAMS:
            continue
        assert not name.startswith("methods"), f"{short(path)} knows the methods; only programs see both sides"
        other = name.removeprefix("bench.")
        if short(path) == "scenes" and other.startswith("scenes."):
            continue
        assert RANK[other] < rank, f"{short(path)} imports {other}, which lies above it"


@pytest.mark.parametrize("path", sorted((ROOT / "methods").rglob("*.py")), ids=lambda p: p.stem)
def test_methods_see_the_nouns_and_the_operator_only(path):
    if "training" in path.parts:
        return
    seen = {name for name in imported(path) if name.startswith("bench")}
    assert seen <= FOR_METHODS, f"{path.name} imports {seen - FOR_METHODS}: a method sees no ground truth, no harness"


@pytest.mark.parametrize("path", sorted((ROOT / "methods").rglob("*.py")), ids=lambda p: p.stem)
def test_methods_imports_point_one_way(path):
    parts = path.relative_to(ROOT / "methods").parts
    if parts == ("__init__.py",):
        return
    floor = FLOORS[parts[0] if len(parts) > 1 else ""]
    for name in imported(path):
        if name.startswith("methods."):
            other = name.split(".")[1]
            assert FLOORS.get(other, FLOORS[""]) <= floor, f"{'/'.join(parts)} imports {name}, which lies above it"


def test_no_python_among_the_facts():
    stray = [path for folder in ("datasets", "reports") for path in (ROOT / folder).rglob("*.py")]
    assert stray == [], "a package named datasets would shadow Hugging Face's"


@pytest.mark.slow
def test_the_light_modules_stay_light():
    # Training runs on machines that have torch, numpy, Pillow, safetensors and rich only.
    heavy = "lpips insightface onnxruntime pandas matplotlib scipy torchvision lmdb tabulate typer"
    code = (
        "import sys, bench, bench.images.data, bench.scenes, bench.resize, methods;"
        f"print([name for name in {heavy.split()} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_network_is_loaded_without_torch_s_compiler():
    # It comes with a thousand modules, for a number on the meta device: seconds for each process of a method.
    code = (
        "import sys, torch, methods; from bench import pipeline;"
        "[methods.BY_NAME[name].load(pipeline.task('face', 16), torch.device('cpu'))"
        " for name in ('srgan', 'mganprior', 'pulse', 'esrgan_plus', 'glean', 'dgp', 'singan')];"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
