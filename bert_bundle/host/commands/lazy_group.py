"""A group whose commands are imported when they are used, so that help, completion and usage errors are fast."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import NamedTuple

import click


class LazyCommand(NamedTuple):
    """Where a command is ("module:attribute") and the line about it in the help of its group."""

    target: str
    short_help: str


class LazyGroup(click.Group):
    """A click group that knows its commands by name, in the order in which help lists them."""

    def __init__(self, name: str, *, lazy: Mapping[str, LazyCommand], help: str, short_help: str = "") -> None:
        super().__init__(
            name,
            help=help,  # click's own name
            short_help=short_help,
            no_args_is_help=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of declaration."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, imported now; None if there is none."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, attribute = self.lazy[cmd_name].target.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        command.short_help = self.lazy[cmd_name].short_help  # what completion shows
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with. Raises UsageError, with the nearest names, if there is none."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            near = " or ".join(map(repr, get_close_matches(name, names)))
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        rows = [(name, command.short_help) for name, command in self.lazy.items()]
        rows += [(name, command.get_short_help_str(limit=formatter.width)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
