"""The command line: owns which commands there are and how one ends (what is printed where, which exit code).

Does not know what any command does, and imports one only when it is used.

Layer 13 of the host.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from bert_bundle.errors import AS_EXPECTED, BertBundleError, ConfigError, InterruptedRunError
from bert_bundle.host.commands.command_result import CommandResult
from bert_bundle.host.commands.lazy_group import LazyCommand, LazyGroup
from bert_bundle.host.report.documents import document
from bert_bundle.host.report.text import errors as error_text
from bert_bundle.version import VERSION

BUG = 70  # sysexits.h EX_SOFTWARE, which is none of the exit codes about bundles

_COMMANDS = "bert_bundle.host.commands"

matrix = LazyGroup(
    "matrix",
    help="List the environments of compat_matrix.yaml, lock them, or run them against each other.",
    short_help="List, lock or run the environments of the matrix",
    lazy={
        "list": LazyCommand(f"{_COMMANDS}.matrix:list_", "List the environments and whether each is locked"),
        "lock": LazyCommand(f"{_COMMANDS}.matrix:lock", "Resolve environments and write their lock files"),
        "run": LazyCommand(f"{_COMMANDS}.matrix_run:run", "Save in each environment, load in each, grade each pair"),
    },
)

cache = LazyGroup(
    "cache",
    help="List what is in the cache of this machine, or remove it: environments, results, downloads.",
    short_help="List or remove what is in the cache of this machine",
    lazy={
        "list": LazyCommand(f"{_COMMANDS}.cache:list_", "List what is in the cache"),
        "prune": LazyCommand(f"{_COMMANDS}.cache:prune", "Remove what was not used for a while"),
        "clear": LazyCommand(f"{_COMMANDS}.cache:clear", "Remove all that is in the cache"),
    },
)

cli = LazyGroup(
    "bert-bundle",
    help="""\
Save a Keras text classifier built on BERT once, load it in any TensorFlow, and prove that its predictions are the same.

\b
Start here:
  bert-bundle demo                    train, save, verify and audit a small classifier
  bert-bundle audit MY-BUNDLE         replay a bundle in several environments
  bert-bundle gate MY-BUNDLE          decide whether a release may ship
  bert-bundle rescue OLD-MODEL        make a bundle of a SavedModel, .h5 or .keras file
  bert-bundle doctor                  check the packages that are installed here

`bert-bundle COMMAND --help` explains a command and shows examples.

\b
Exit codes:
  0  as expected                      3  something did not run
  1  not as expected                  4  an environment could not be made
  2  usage or configuration           5  bundle damaged or refused
                                    130  interrupted
""",
    lazy={
        "demo": LazyCommand(f"{_COMMANDS}.demo:demo", "Train, save, verify and audit a small classifier"),
        "rescue": LazyCommand(f"{_COMMANDS}.rescue:rescue", "Make a bundle of an old model"),
        "inspect": LazyCommand(f"{_COMMANDS}.bundle:inspect", "Show what is in a bundle, or in an old model"),
        "verify": LazyCommand(f"{_COMMANDS}.bundle:verify", "Replay the recorded examples of a bundle and compare"),
        "audit": LazyCommand(f"{_COMMANDS}.audit:audit", "Replay a bundle in several environments and grade each"),
        "diff": LazyCommand(f"{_COMMANDS}.bundle:diff", "Show what differs between two bundles"),
        "gate": LazyCommand(f"{_COMMANDS}.gate:gate", "Decide whether a release may ship"),
        "bisect": LazyCommand(f"{_COMMANDS}.bisect:bisect", "Find the package upgrade that changed the predictions"),
        "init": LazyCommand(f"{_COMMANDS}.init:init", "Write a matrix file for this project"),
        "card": LazyCommand(f"{_COMMANDS}.travel.card:card", "Write the card of a bundle anew"),
        "push": LazyCommand(f"{_COMMANDS}.travel.hub:push", "Push a bundle to the Hugging Face Hub"),
        "pull": LazyCommand(f"{_COMMANDS}.travel.hub:pull", "Pull a bundle from the Hugging Face Hub"),
        "doctor": LazyCommand(f"{_COMMANDS}.doctor:doctor", "Check environments for known breakages, or an old model"),
    },
)
cli.add_command(matrix)
cli.add_command(cache)
click.version_option(VERSION, prog_name="bert-bundle")(cli)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; print its result on standard output, or its error once; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        with _termination_is_an_interrupt():
            result = cli.main(given, prog_name="bert-bundle", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return _failed(InterruptedRunError("interrupted"), as_json)
    except click.ClickException as error:
        return _failed(_usage(error), as_json)
    except BertBundleError as error:
        return _failed(error, as_json)
    except Exception as error:
        return _bug(error, as_json)
    if not isinstance(result, CommandResult):  # --help and --version have printed already
        return AS_EXPECTED
    _print(result.text)
    if result.report_error is None:
        return result.exit_code
    sys.stderr.write(error_text.error(result.report_error))  # the result is on standard output, with --json too
    return result.report_error.exit_code


@contextmanager
def _termination_is_an_interrupt() -> Iterator[None]:
    """Have SIGTERM end a command as Ctrl-C does, with what was found so far and without a worker left behind."""
    if threading.current_thread() is not threading.main_thread():  # signals are not ours to set
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _failed(error: BertBundleError, as_json: bool) -> int:
    if as_json:
        _print(document.document(document.error(error)))
    else:
        sys.stderr.write(error_text.error(error))
    return error.exit_code


def _usage(error: click.ClickException) -> ConfigError:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "bert-bundle"
    return ConfigError(message[:1].lower() + message[1:], place=path, fix=f"see {path} --help")


def _bug(error: Exception, as_json: bool) -> int:
    import traceback

    traceback.print_exception(error)
    print("this is a bug in bert_bundle: please report it with the traceback above", file=sys.stderr)
    if as_json:
        named = BertBundleError(f"{type(error).__name__}: {error}", fix="this is a bug in bert_bundle: report it")
        _print(document.document(document.error(named)))
    return BUG


def _print(output: str) -> None:
    """Write to standard output. A reader that has gone away, as `head` does, does not change how the command ends."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(output)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
