"""Where a shown number comes from: read from the sidecar beside the result, never from today's settings."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from sonoscope import provenance

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One setting that is not what it was when the result was made."""

    setting: str
    then: str
    now: str


@dataclass(frozen=True)
class Source:
    """The job that made a result.

    Attributes
    ----------
    identity
        Short digest of the record: one pop-up serves all numbers of a job.
    facts
        What is shown of it, in order: label and text.
    settings
        Its settings, as YAML.
    inputs
        Name in the rule, path and digest of each input.
    differences
        Settings that have changed since; empty if the result is current.
    """

    identity: str
    rule: str
    facts: tuple[tuple[str, str], ...]
    settings: str
    inputs: tuple[tuple[str, str, str], ...]
    differences: tuple[Difference, ...]
    outputs: tuple[str, ...]
    commit: str


@dataclass(frozen=True)
class Change:
    """A difference, and the rules whose results were made before it."""

    setting: str
    then: str
    now: str
    rules: tuple[str, ...]


def changes(sources: Iterable[Source]) -> list[Change]:
    """The differences of all ``sources``, each once."""
    rules: dict[Difference, list[str]] = {}
    for source in sources:
        for difference in source.differences:
            known = rules.setdefault(difference, [])
            if source.rule not in known:
                known.append(source.rule)
    return [Change(d.setting, d.then, d.now, tuple(names)) for d, names in rules.items()]


def source_of(path: Path, results: Path, today: Settings) -> Source | None:
    """The job that made ``path``, compared with the settings of ``today``; None if no sidecar tells."""
    record = provenance.find(path)
    return None if record is None else from_record(record, results, today)


def from_record(record: Mapping[str, Any], results: Path, today: Settings) -> Source:
    """A source from the content of a sidecar."""
    params = dict(record.get("params") or {})
    identity = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:10]
    wildcards = " · ".join(f"{k} {v}" for k, v in record.get("wildcards", {}).items())
    commit = str(record.get("commit") or "")[:10]
    versions = record.get("versions") or {}
    facts = {
        "Rule": record["rule"],
        "For": wildcards,
        "Code": record.get("code"),
        "Commit": commit + (" with uncommitted changes" if commit and record.get("dirty") else ""),
        "Seed": params.get("seed", record.get("seed")),
        "Device": " · ".join(str(x) for x in (record.get("device"), record.get("dtype")) if x),
        "Facts": " · ".join(f"{k} {v}" for k, v in (record.get("facts") or {}).items()),
        "Versions": " · ".join(f"{k} {v}" for k, v in versions.items()),
    }
    inputs = [
        (name, short_path(path, results), digest)
        for name, paths in (record.get("inputs") or {}).items()
        for path, digest in paths.items()
    ]
    return Source(
        identity=identity,
        rule=str(record["rule"]),
        facts=tuple((k, str(v)) for k, v in facts.items() if v not in (None, "")),
        settings=yaml.safe_dump(params, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100),
        inputs=tuple(inputs),
        differences=tuple(differences(params, _study(record, results), today)),
        outputs=tuple(short_path(p, results) for p in record.get("outputs", ())),
        commit=commit,
    )


def differences(params: Mapping[str, Any], study: str, today: Settings) -> list[Difference]:
    """Settings in which ``params`` of a job differ from ``today``.

    A param that is called like a section is compared with it. Under ``settings`` lies a section of any depth, or
    several by their names or dotted paths; a section is compared with the part of today's settings that has most of
    its keys, that of the study first. What cannot be found in today's settings is not compared: the graph of jobs, not
    this page, decides whether something must be made again.
    """
    found: list[Difference] = []
    for name, value in params.items():
        if name == "settings" and isinstance(value, Mapping):
            found += _of_settings(value, study, today)
        elif name in today and isinstance(value, Mapping):
            found += _compare(name, value, today[name])
    return found


def _of_settings(value: Mapping[str, Any], study: str, today: Settings) -> list[Difference]:
    if value and all(_at(today, k) is not None for k in value):
        current = {section: _at(today, section) for section in value}
        return [d for section, then in value.items() for d in _compare(section, then, _given(then, current[section]))]
    place = _place(value, study, today)
    if place is not None:
        # a rule may be given only the part of a section that it uses; what it was never given is no change
        where, now = place
        return _compare(where, value, _given(value, now))
    found = []
    for name, then in value.items():  # several sections under names of their own
        own = today.get(study)
        if name in today:
            found += _compare(name, then, today[name])
        elif isinstance(own, Mapping) and name in own:
            found += _compare(f"{study}.{name}", then, own[name])
    return found


def _given(then: Any, now: Any) -> Any:
    """What of today's settings a rule is given that was given ``then``: of each mapping the same keys, at any depth."""
    if not (isinstance(then, Mapping) and isinstance(now, Mapping) and set(then) <= set(now)):
        return now
    return {k: _given(then[k], v) for k, v in now.items() if k in then}


def _place(value: Mapping[str, Any], study: str, today: Settings) -> tuple[str, Mapping[str, Any]] | None:
    """The part of today's settings of a study that a section was taken from: at least half of its keys are there."""
    best: tuple[str, Mapping[str, Any]] | None = None
    most = max(1, (len(value) + 1) // 2) - 1
    stack = [(study, today[study])] if study in today else []
    while stack:
        where, section = stack.pop(0)
        if not isinstance(section, Mapping):
            continue
        shared = len(set(value) & set(section))
        if shared > most:
            best, most = (where, section), shared
        stack += [(f"{where}.{k}", v) for k, v in section.items()]
    return best


def short_path(path: str, results: Path) -> str:
    """``path`` relative to the results, or its last three parts: a page names no folder of the machine."""
    pure = PurePosixPath(path)
    parts = pure.parts
    run = results.name
    if "results" in parts and run in parts[parts.index("results") + 1 :][:1]:
        return PurePosixPath(*parts[parts.index("results") + 2 :]).as_posix()
    absolute = results.absolute().as_posix()
    if pure.is_absolute():
        inside = pure.is_relative_to(absolute)
        return (
            pure.relative_to(absolute).as_posix()
            if inside
            else "…/" + PurePosixPath(*parts[-3:]).as_posix().lstrip("/")
        )
    return pure.as_posix()


def _compare(where: str, then: Any, now: Any) -> list[Difference]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return [
            d
            for key in (*then, *(k for k in now if k not in then))
            for d in _compare(f"{where}.{key}", then.get(key, _ABSENT), now.get(key, _ABSENT))
        ]
    return [] if then == now else [Difference(where, _text(then), _text(now))]


def _at(today: Settings, path: str) -> Any:
    """What stands in today's settings at a dotted path; None where nothing does."""
    here: Any = today
    for name in path.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


class _Absent:
    """Stands for a setting that one side does not have."""


_ABSENT = _Absent()


def _text(value: Any) -> str:
    return "not a setting" if isinstance(value, _Absent) else json.dumps(value, ensure_ascii=False)


def _study(record: Mapping[str, Any], results: Path) -> str:
    """The study of a job: the first folder of its outputs below the results."""
    outputs = record.get("outputs") or [""]
    return short_path(str(outputs[0]), results).split("/", 1)[0]
