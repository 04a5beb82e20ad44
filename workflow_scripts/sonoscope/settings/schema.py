"""The JSON schema of config.yaml and the README's configuration table, both made from the settings models."""

import json
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing
from sonoscope.settings.root import Settings

BEGIN = "<!-- configuration table: written by workflow_scripts/docs/write_config_reference.py -->"
END = "<!-- end of the configuration table -->"

_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (annotated_types.Ge, "ge", "≥"),
    (annotated_types.Gt, "gt", ">"),
    (annotated_types.Le, "le", "≤"),
    (annotated_types.Lt, "lt", "<"),
)


def json_schema() -> str:
    """Write the schema of config.yaml as text; editors complete and check keys by it."""
    schema = Settings.model_json_schema()
    body = {key: schema.pop(key) for key in ("properties", "additionalProperties")}
    schema["$defs"] = schema.get("$defs", {}) | {"Run": {"type": "object", **body}}
    presets = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Run"}}
    described = {"description": "Named blocks of settings to start from.", **presets}
    schema["properties"] = {**body["properties"], "presets": described}
    schema["additionalProperties"] = False
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def table(longest: int | None = 60) -> str:
    """Write the configuration table in Markdown: one line per setting, by its dotted path.

    Parameters
    ----------
    longest
        Characters of a default from which on it is cut; None cuts none.
    """
    lines = ["| setting | values | default | meaning |", "|---|---|---|---|"]
    defaults = Settings()
    for path, field in fields(Settings):
        default = json.dumps(_plain(reduce(getattr, path.split("."), defaults)), ensure_ascii=False)
        if longest is not None and len(default) > longest:
            default = f"{default[: longest - 2]} …"
        meaning = " ".join((field.description or "").split())
        cells = (f"`{path}`", _values(field), f"`{default}`", meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def fields(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Give every setting below ``model`` that is not itself a section, with its dotted path."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{above}{name}.")
        else:
            yield f"{above}{name}", field


def replace_table(readme: str) -> str:
    """Put the current table between the two markers of the README's text.

    Raises
    ------
    SonoscopeError
        The text lacks a marker.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SonoscopeError(f"README.md: expected the lines {BEGIN!r} and {END!r} around the configuration table")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def write(root: Path) -> None:
    """Write resources/config.schema.json and the table in README.md below ``root``."""
    with replacing(root / "resources" / "config.schema.json") as temporary:
        temporary.write_text(json_schema(), encoding="utf-8")
    readme = root / "README.md"
    text = replace_table(readme.read_text(encoding="utf-8"))
    with replacing(readme) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _values(field: FieldInfo) -> str:
    """Type, choices and bounds of a setting in words."""
    bounds = [
        f"{sign} {getattr(m, name)}" for m in field.metadata for kind, name, sign in _BOUNDS if isinstance(m, kind)
    ]
    return " ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "null"
    if origin is Literal:
        return " | ".join(f"`{json.dumps(a)}`" for a in arguments)
    if origin in (list, tuple):
        return "list of " + _kind(next(a for a in arguments if a is not Ellipsis))
    if origin is dict:
        return f"mapping of {_kind(arguments[0])} to {_kind(arguments[1])}"
    if arguments:
        kinds = arguments[:1] if hasattr(annotation, "__metadata__") else arguments
        return " | ".join(_kind(a) for a in kinds)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "{" + ", ".join(annotation.model_fields) + "}"
    names = {"str": "text", "int": "integer", "float": "number", "bool": "true | false", "Path": "path"}
    return names.get(getattr(annotation, "__name__", ""), str(annotation))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, Path) else value
