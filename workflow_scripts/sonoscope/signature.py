"""What a rule script's ``main`` asks for, by name and type, and values made to fit it."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from sonoscope.errors import SonoscopeError

REQUIRED = inspect.Parameter.empty
"""Stands where a parameter has no default."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a ``main``."""

    name: str
    annotation: Any
    default: Any

    @property
    def is_structured(self) -> bool:
        """Whether its value is a mapping: a settings model or a dict."""
        kind = get_origin(self.annotation) or self.annotation
        return isinstance(kind, type) and issubclass(kind, BaseModel | dict)

    @property
    def is_many(self) -> bool:
        """Whether it takes several values, such as ``list[Path]``."""
        return get_origin(self.annotation) in (list, tuple, set, frozenset)

    @property
    def kind(self) -> str:
        """Its type as a reader would write it."""
        if get_args(self.annotation) or not isinstance(self.annotation, type):
            return str(self.annotation).replace("typing.", "").replace("pathlib.", "")
        return self.annotation.__name__

    def convert(self, value: Any) -> Any:
        """``value`` as the declared type.

        Raises
        ------
        SonoscopeError
            It does not fit; the message names every entry that does not.
        """
        try:
            return TypeAdapter(self.annotation).validate_python(value)
        except ValidationError as error:
            problems = [
                f"{'.'.join([self.name, *map(str, e['loc'])])}: {e['msg'].lower()}, got {e['input']!r}"
                for e in error.errors()
            ]
            raise SonoscopeError("; ".join(problems)) from None

    def convert_text(self, text: str) -> Any:
        """Convert a value of the command line: plain text, JSON, or for a structured value the name of a YAML file."""
        if self.is_structured and not text.lstrip().startswith("{"):
            return self.convert(_read_yaml(Path(text)))
        if text[:1] in ("{", "["):
            try:
                return self.convert(json.loads(text))
            except json.JSONDecodeError as error:
                raise SonoscopeError(f"{self.name}: not valid JSON ({error}): {text}") from None
        return self.convert(text)


def parameters(main: Callable[..., Any]) -> list[Parameter]:
    """List the parameters of ``main`` in order.

    Raises
    ------
    TypeError
        A parameter has no annotation, or cannot be given by name.
    """
    hints = get_type_hints(main)
    found = []
    for name, p in inspect.signature(main).parameters.items():
        if name not in hints or p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            raise TypeError(f"{main.__name__}: parameter {name!r} needs a name of its own and a type")
        found.append(Parameter(name, hints[name], p.default))
    return found


def fit(main: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``values`` that ``main`` asks for, each converted to its declared type.

    Raises
    ------
    SonoscopeError
        A required name is not among the values, or a value does not fit its type.
    """
    wanted = parameters(main)
    missing = [p.name for p in wanted if p.name not in values and p.default is REQUIRED]
    if missing:
        raise SonoscopeError(f"main needs {', '.join(missing)}; the rule gives {', '.join(values) or 'nothing'}")
    return {p.name: p.convert(values[p.name]) for p in wanted if p.name in values}


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise SonoscopeError(f"not valid YAML in {path}: {error}") from None
