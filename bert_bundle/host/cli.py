"""The command line: owns how a command ends (what is printed where, which exit code), not what any command does."""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from bert_bundle.errors import AS_EXPECTED, INTERRUPTED, BertBundleError, ConfigError
from bert_bundle.host.commands.bisect import bisect
from bert_bundle.host.commands.bundle import audit, diff, inspect, verify
from bert_bundle.host.commands.demo import demo
from bert_bundle.host.commands.doctor import doctor
from bert_bundle.host.commands.gate import gate
from bert_bundle.host.commands.matrix import matrix
from bert_bundle.host.commands.options import CommandResult
from bert_bundle.host.report import json, text

BUG = 70  # sysexits.h EX_SOFTWARE: none of the exit codes that say something about a bundle


@click.group(
    commands=[demo, inspect, verify, audit, diff, gate, bisect, matrix, doctor],
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
)
@click.version_option(package_name="bert-bundle")
def cli() -> None:
    """Save a Keras text classifier built on BERT once, load it in any TensorFlow, prove that it still says the same.

    \b
    Start here:
      bert-bundle demo                    train, save, verify and audit a small classifier
      bert-bundle audit MY-BUNDLE         replay a bundle in each environment of the matrix
      bert-bundle gate MY-BUNDLE          may this release ship?
      bert-bundle doctor                  will this environment work? by its packages alone

    \b
    Exit codes:
      0  as expected                      3  something did not run
      1  not as expected                  4  an environment could not be made
      2  usage or configuration           5  bundle damaged or refused
                                        130  interrupted
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; prints its answer on standard output, or its error once; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        answer = cli.main(given, prog_name="bert-bundle", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except click.ClickException as error:
        return _failed(_usage(error), as_json)
    except BertBundleError as error:
        return _failed(error, as_json)
    except Exception as error:
        return _bug(error, as_json)
    if not isinstance(answer, CommandResult):  # --help and --version have printed already
        return AS_EXPECTED
    _print(answer.text)
    if answer.trouble is None:
        return answer.exit_code
    sys.stderr.write(text.error(answer.trouble))  # standard output has the answer, with --json too
    return answer.trouble.exit_code


def _failed(error: BertBundleError, as_json: bool) -> int:
    if as_json:
        _print(json.document(json.error(error)))
    else:
        sys.stderr.write(text.error(error))
    return error.exit_code


def _usage(error: click.ClickException) -> ConfigError:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "bert-bundle"
    return ConfigError(message[:1].lower() + message[1:], place=path, fix=f"see {path} --help")


def _bug(error: Exception, as_json: bool) -> int:
    traceback.print_exception(error)
    print("this is a bug in bert_bundle: please report it with the traceback above", file=sys.stderr)
    if as_json:
        named = BertBundleError(f"{type(error).__name__}: {error}", fix="this is a bug in bert_bundle: report it")
        _print(json.document(json.error(named)))
    return BUG


def _print(output: str) -> None:
    """On standard output; a reader that has gone away, as `head` does, changes nothing about the command's end."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(output)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
