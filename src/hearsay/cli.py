"""Command line of hearsay: one subcommand per rule of the workflow, and a few for use by hand.

The subcommands are the functions of commands/; their parameters are the options, and what
`Annotated` says of a parameter is its help.
"""

import argparse
import gc
import inspect
import json
import logging
import os
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hearsay import commands
from hearsay.errors import HearsayError
from hearsay.machine import allow_many_files, claim_cards

log = logging.getLogger("hearsay")

# Of new objects between two looks for unreachable ones; by default 700. Importing torch makes
# 160,000 that stay, and looking through them again and again took a sixth of its time.
GARBAGE_THRESHOLD = 50_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0 done, 1 error (one line on stderr), 2 usage."""
    arguments = _spell(sys.argv[1:] if arguments is None else arguments)
    options = vars(make_parser().parse_args(arguments))
    if "TORCHELASTIC_RUN_ID" not in os.environ:  # not a process that torchrun has started
        processes = max(1, options.get("processes", 1))  # 0: a run without cards
        if options.get("device", "cpu") != "cpu":
            claim_cards(processes)
        if processes > 1:
            start_processes(arguments, processes)
    run: Callable[..., None] = options.pop("run")
    allow_many_files()
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        start_log(options.pop("log"))
        run(**options)
    except HearsayError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("out of memory; give the job more memory or use smaller shards or batches")
    except KeyboardInterrupt:
        return _fail("interrupted; start the same command again to go on")
    except Exception as error:
        log.debug("unexpected error", exc_info=True)  # the whole trace, for the log file
        return _fail(f"unexpected {type(error).__name__}: {error}; please report it with the log")
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Build the parser: one subcommand per function of commands/, one option per parameter.

    Those for use by hand come first.
    """
    parser = argparse.ArgumentParser(
        prog="hearsay",
        description="The steps of the hearsay workflow, and a few commands for use by hand.",
    )
    parser.add_argument("--log", type=Path, help="write the log here; errors go to stderr too")
    by_hand = [_name(run) for run in commands.BY_HAND]
    subparsers = parser.add_subparsers(
        required=True,
        metavar="COMMAND",
        title="commands",
        description=f"{', '.join(by_hand[:-1])} and {by_hand[-1]} are for use by hand; the others "
        "are the steps of the workflow, which Snakemake calls.",
    )
    steps = [run for run in commands.COMMANDS if run not in commands.BY_HAND]
    for run in [*commands.BY_HAND, *steps]:
        text = inspect.getdoc(run) or ""
        subparser = subparsers.add_parser(_name(run), help=text.splitlines()[0], description=text)
        subparser.set_defaults(run=run)
        for name, hint in typing.get_type_hints(run, include_extras=True).items():
            if name != "return":
                _add_option(subparser, name, hint)
    return parser


def _name(run: Callable[..., None]) -> str:
    """Name a subcommand: as its rule, or with hyphens where it is used by hand."""
    return run.__name__.replace("_", "-") if run in commands.BY_HAND else run.__name__


def _spell(arguments: Sequence[str]) -> list[str]:
    """Let a subcommand be written with - or with _."""
    known = {_name(run).replace("_", "-"): _name(run) for run in commands.COMMANDS}
    spelled = list(arguments)
    place = 2 if spelled[:1] == ["--log"] else int(spelled[:1] != [] and "--log=" in spelled[0])
    if place < len(spelled):
        spelled[place] = known.get(spelled[place].replace("_", "-"), spelled[place])
    return spelled


def start_processes(arguments: Sequence[str], number: int) -> typing.NoReturn:
    """Become torchrun, which runs the same command in several processes of this machine.

    This process is replaced, so a signal of the batch system reaches torchrun, which passes it on.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    # Behind -- nothing is torchrun's own: it would take --log for its --log-dir.
    command = [*launcher, "--nproc-per-node", str(number), "-m", "--", "hearsay.cli", *arguments]
    os.execv(sys.executable, command)


def start_log(path: Path | None) -> None:
    """Send the log to a file, anew, and errors to stderr; without a file all goes to stderr."""
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("hearsay: %(message)s"))
    log.setLevel(logging.DEBUG)
    log.addHandler(console)
    if path is None:
        console.setLevel(logging.INFO)
        return
    rank = os.environ.get("RANK", "0") if "TORCHELASTIC_RUN_ID" in os.environ else "0"
    if rank != "0":  # of several processes each keeps a log of its own
        path = path.with_suffix(f".rank{rank}{path.suffix}")
    console.setLevel(logging.ERROR)
    os.environ["HEARSAY_PROGRESS"] = "log"  # jobs run side by side: no bars between their lines
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, mode="w")
    except OSError as error:
        raise HearsayError(f"cannot write the log {path}: {error.strerror}") from error
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(file)


def _add_option(parser: argparse.ArgumentParser, name: str, hint: Any) -> None:
    """Add `--name`: `T | None` may be left out, `list[T]` takes one value or more.

    `bool | None` is a flag without a value; a plain bool takes true or false. The text of
    `Annotated[T, text]` is the option's help; a `Positional` text makes it one without a name.
    """
    text = None
    if typing.get_origin(hint) is typing.Annotated:
        hint, text = typing.get_args(hint)
    is_optional = isinstance(hint, types.UnionType)
    kind = typing.get_args(hint)[0] if is_optional else hint
    if is_optional and kind is bool:
        parser.add_argument(
            "--" + name.replace("_", "-"), dest=name, action="store_true", help=text
        )
        return
    if isinstance(text, commands.Positional):
        parser.add_argument(
            name, metavar=name.upper(), help=text, nargs="?" if is_optional else None, type=kind
        )
        return
    is_list = typing.get_origin(kind) is list
    kind = typing.get_args(kind)[0] if is_list else kind
    parser.add_argument(
        "--" + name.replace("_", "-"),
        dest=name,
        help=text,
        required=not is_optional,
        nargs="+" if is_list else None,
        type={commands.Options: _parse_json, bool: _parse_bool}.get(kind, kind),
    )


def _parse_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text == "true"


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None


def _fail(message: str) -> int:
    log.error("error: %s", " ".join(message.split()))
    return 1


if __name__ == "__main__":
    sys.exit(main())
