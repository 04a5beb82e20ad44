"""A command line derived from the signature of a script's ``main``."""

import argparse
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sonoscope.signature import REQUIRED, Parameter, parameters


def parse(main: Callable[..., Any], words: Sequence[str] | None = None, about: str | None = None) -> dict[str, Any]:
    """Read the arguments of ``main`` from the command line.

    Structured settings are given as JSON text or as the name of a YAML file. They may be left out when their model
    has a default for every field.

    Parameters
    ----------
    main : callable
        The function whose signature defines the options.
    words : sequence of str, optional
        The command line without the program's name; by default that of this process.
    about : str, optional
        Description for ``--help``; by default the docstring of ``main``.
    """
    wanted = parameters(main)
    description = inspect.cleandoc(about or main.__doc__ or "")
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for p in wanted:
        default = _default(p)
        parser.add_argument(
            "--" + p.name.replace("_", "-"),
            dest=p.name,
            required=default is REQUIRED,
            default=argparse.SUPPRESS,
            nargs="+" if p.is_many else None,
            metavar=p.name.upper(),
            help=_help(p, default),
        )
    given = vars(parser.parse_args(words))
    return {p.name: _value(p, given[p.name]) if p.name in given else _default(p) for p in wanted}


def _value(p: Parameter, text: str | list[str]) -> Any:
    if isinstance(text, list):
        is_json = len(text) == 1 and text[0].startswith("[")
        return p.convert_text(text[0]) if is_json else p.convert(text)
    return p.convert_text(text)


def _default(p: Parameter) -> Any:
    """Give the default of a parameter; for a settings model without one, the model with its own defaults."""
    if p.default is REQUIRED and isinstance(p.annotation, type) and issubclass(p.annotation, BaseModel):
        try:
            return p.annotation()
        except ValidationError:
            return REQUIRED
    return p.default


def _help(p: Parameter, default: Any) -> str:
    form = f"{p.kind}, as JSON or a YAML file" if p.is_structured else p.kind
    if default is REQUIRED:
        return form
    shown = "all defaults" if p.is_structured else default
    return f"{form} (default: {shown})".replace("%", "%%")
