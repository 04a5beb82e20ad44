"""From config.yaml to checked settings: schema defaults < the chosen preset < the user's own keys."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from sonoscope.errors import SonoscopeError
from sonoscope.settings.root import Settings

PRESETS = "presets"
"""The key of config.yaml under which the presets stand."""


class SettingsError(SonoscopeError, ValueError):
    """The configuration does not fit the schema; the message lists everything that does not."""


def resolve(config: Mapping[str, Any]) -> Settings:
    """Check the configuration and fill in what it leaves out.

    Parameters
    ----------
    config : mapping
        What Snakemake read from config.yaml, ``--configfile`` and ``--config``: a user's keys, and ``presets``.

    Raises
    ------
    SettingsError
        Everything that is wrong, one line each.
    """
    own = {key: value for key, value in config.items() if key != PRESETS}
    presets = config.get(PRESETS) or {}
    name = str(own.get("preset", Settings.model_fields["preset"].default))
    if name not in presets:
        raise SettingsError(
            f"preset: there is no preset {name!r}{_suggest(name, presets)}; known: {', '.join(presets)}"
        )
    try:
        # a section may have other defaults in one place than in another (every optimiser has); they hold key by key
        return Settings.model_validate(merge(Settings().model_dump(), merge(presets[name] or {}, own)))
    except ValidationError as error:
        problems = "\n".join(f"  {line}" for line in _explain(error, own, name))
        raise SettingsError(f"the configuration does not fit the schema:\n{problems}") from None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay ``over`` on ``base``: mappings are merged key by key, everything else is replaced, lists too."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _explain(error: ValidationError, own: Mapping[str, Any], preset: str) -> Iterator[str]:
    for problem in error.errors():
        path = [str(part) for part in problem["loc"]]
        where = ".".join(path)
        source = "" if _is_in(own, path) else f" (in preset {preset!r})"
        if problem["type"] == "extra_forbidden":
            yield f"{where}: no such setting{_suggest(path[-1], _fields_at(path[:-1]))}{source}"
        else:
            yield f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r}{source}"


def _suggest(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _is_in(own: Mapping[str, Any], path: list[str]) -> bool:
    """Whether the user's own keys reach as far along ``path`` as there are mappings."""
    here: Any = own
    for part in path:
        if not isinstance(here, Mapping):
            return True
        if part not in here:
            return False
        here = here[part]
    return True


def _fields_at(path: list[str]) -> Mapping[str, Any]:
    """Fields of the settings model at a dotted path, through lists, mappings and unions."""
    models: list[type[BaseModel]] = [Settings]
    for part in path:
        kinds = [m.model_fields[part].annotation for m in models if part in m.model_fields]
        models = [m for kind in kinds for m in _models_in(kind)] or models
    return {name: field for model in models for name, field in model.model_fields.items()}


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for argument in get_args(kind):
        yield from _models_in(argument)
