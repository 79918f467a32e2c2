"""The verbs of the command line: parse, call one function per verb, print. `python -m bench --help` lists them."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from bench import (
    check_command,
    data_command,
    doctor_command,
    fetch_command,
    file_commands,
    flops_command,
    init_command,
    inputs_command,
    inventory,
    latency_command,
    machine,
    progress,
    stored_commands,
    table_command,
    view_command,
)
from bench.console import STOPPED, say, set_verbose
from bench.errors import BenchError
from bench.loading import computing

app = typer.Typer(
    pretty_exceptions_enable=False,
    help="Benchmark of large-factor image super-resolution. Every verb has a --help of its own.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Print the version and end."""
    if wanted:
        say(f"glean-bench {version('glean-bench')}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print results and errors, no progress.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Print a line for every image, too.")] = False,
) -> None:
    """Take the options of all verbs, which come before the verb."""
    del version
    progress.silence(quiet=quiet)
    set_verbose(verbose=verbose)


app.command("table")(computing(table_command.make_table, table_command.meanwhile))
app.command()(computing(check_command.check))


@app.command("list")
def list_all(
    *, as_json: Annotated[bool, typer.Option("--json", help="As JSON, with the path of every weight file.")] = False
) -> None:
    """List the methods, tables, profiles and weights there are."""
    say(inventory.as_json() if as_json else inventory.as_text())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
@computing
def train(context: typer.Context) -> None:
    """Train a bank or a method, or all that is missing: see `python -m bench train --help`."""
    from methods.training.__main__ import main as start

    raise typer.Exit(start(context.args))


app.command()(computing(file_commands.upscale))
app.command()(computing(file_commands.retouch))
app.command()(computing(file_commands.diagnose))
app.command()(computing(file_commands.sheet))
app.command()(computing(file_commands.convert))
app.command()(computing(data_command.data))
app.command()(computing(fetch_command.fetch))
app.command()(computing(inputs_command.inputs))
app.command()(computing(init_command.init_table))
app.command()(computing(latency_command.latency))
app.command()(computing(doctor_command.doctor))
app.command()(computing(view_command.view))
app.command()(computing(view_command.export))
app.command()(computing(stored_commands.render))
app.command()(computing(stored_commands.merge))
app.command()(computing(stored_commands.compare))
app.command("flops")(computing(flops_command.count_flops))
app.command("lists")(computing(file_commands.write_lists))


def _called() -> str:
    """Return how the suite was called: shells complete the words of a command, not those of a module."""
    return "glean-bench" if Path(sys.argv[0]).name == "glean-bench" else "python -m bench"


def start(words: Sequence[str]) -> int:
    """Run a verb with its words; return the exit status. Raises `BenchError` for words that are none of its options."""
    # An option whose value may be left away: click has those, typer's copy of it has not.
    words = [f"--ray={machine.HERE}" if word == "--ray" else word for word in words]
    try:
        status = app(words or ["--help"], prog_name=_called(), standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:
        # Where the class of a usage error lies differs between versions of typer; it alone has a message to format.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        raise BenchError(f"{message().rstrip('.')}. See python -m bench --help, or that of a verb.") from error
    if status == STOPPED:  # what typer makes of Ctrl-C
        raise KeyboardInterrupt
    return status or 0
