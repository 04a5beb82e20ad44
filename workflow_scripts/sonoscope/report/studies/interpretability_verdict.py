"""The conditions under which one may say that a model represents emotion, each with its figure."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pandas as pd

from sonoscope.report.blocks import Column, Table
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source
from sonoscope.report.studies.interpretability_steering import steering_condition

SUBSTANTIAL = 0.5
"""Share of a text's effect that a direction must carry to be called sufficient or necessary."""
Said = tuple[str, str]
"""Verdict, and what was found."""
_NOT_YET: Said = ("not judged", "these results are not there")


def conditions(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The five conditions: condition, verdict, what was found. Those whose results are absent are not judged.

    Parameters
    ----------
    frames
        ``probes``, ``swaps`` and ``effects``; ``cross``, ``patches``, ``steering`` and ``responses`` where they are.
    """
    judged: dict[str, Said] = {
        "(a) emotion is decodable from null-text replays beyond token and energy baselines": _decodable(frames),
        "(b) one readout serves tokens and words, and follows what sounds rather than what is said": _general(frames),
        "(c) patching the direction is sufficient and ablating it is necessary: it carries at least half of the text's "
        "effect": _causal(frames),
        "(d) cues mediate as the composer's law says (tempo and energy to arousal)": _mediated(frames),
        "(e) steering moves an independent measure of emotion more than random directions and prompts, at a cost "
        "below 10 % of the likelihood": _steerable(frames),
    }
    return pd.DataFrame([(k, *v) for k, v in judged.items()], columns=["condition", "verdict", "found"])


def _decodable(frames: Mapping[str, pd.DataFrame]) -> Said:
    probes = frames["probes"]
    passed, words = True, []
    for cue, pieces in product(("valence", "arousal"), dict.fromkeys(probes["pieces"])):
        same = probes[(probes["target"] == cue) & (probes["pieces"] == pieces)]
        own = same[same["source"] == "states"].iloc[0]
        other = same[same["source"] != "states"]["value"].max()
        passed &= bool(own["low"] > max(other, own["null"]))
        words.append(
            f"{cue}, {pieces} pieces: R² {show(own['value'], 2)} [{show(own['low'], 2)}, {show(own['high'], 2)}], "
            f"best control {show(other, 2)}"
        )
    return _said(passed), "; ".join(words)


def _general(frames: Mapping[str, pd.DataFrame]) -> Said:
    swaps = frames["swaps"]
    both = swaps[swaps["cue"].isin(("valence", "arousal"))]
    heard = bool((both["tokens_low"] > 0).all() and (both["tokens"] > both["text"].abs()).all())
    told = [f"{r['cue']}: tokens {show(r['tokens'], 2)}, text {show(r['text'], 2)}" for r in _records(both)]
    cross = frames.get("cross")
    if cross is not None and len(cross):
        between = cross[(cross["trained_on"] != cross["tested_on"]) & (cross["row"] == "cond")]
        heard &= bool(len(between) and (between["low"] > 0).all())
        told.append(
            f"readouts of one kind of clip that read another: {int((between['low'] > 0).sum())} of {len(between)}"
        )
    return _said(heard), "; ".join(told)


def _causal(frames: Mapping[str, pd.DataFrame]) -> Said:
    patches = frames.get("patches")
    own = None if patches is None else patches[patches["site"] == "direction"]
    if own is None or own.empty:
        return _NOT_YET
    told = [
        f"{r['texts']}: {r['measure']} {show(r['value'], 2)} [{show(r['low'], 2)}, {show(r['high'], 2)}], random "
        f"{show(r['null'], 2)}"
        for r in _records(own)
    ]
    carried = (own["low"] > own["null"]) & (own["value"] >= SUBSTANTIAL)
    return _said(bool(carried.all())), "; ".join(told)


def _mediated(frames: Mapping[str, pd.DataFrame]) -> Said:
    effects = frames["effects"]
    arousal = effects[effects["outcome"] == "arousal"]
    inside = bool(((arousal["low"] <= arousal["truth"]) & (arousal["truth"] <= arousal["high"])).all())
    told = [
        f"{r['effect']}: {show(r['estimate'], 2)} [{show(r['low'], 2)}, {show(r['high'], 2)}], true "
        f"{show(r['truth'], 2)}"
        for r in _records(arousal)
    ]
    return _said(inside), "; ".join(told)


def _steerable(frames: Mapping[str, pd.DataFrame]) -> Said:
    if "steering" not in frames or "responses" not in frames:
        return _NOT_YET
    passed, told = steering_condition(frames["steering"], frames["responses"])
    return _said(passed), told


def verdict_table(found: pd.DataFrame, model: str, sources: tuple[Source, ...]) -> Table:
    """The conditions as a table of the page."""
    columns = {name: Column(name) for name in ("condition", "verdict", "found")}
    caption = "A claim that a model understands emotion needs all five; a partial pattern is a result too."
    return Table(f"conditions-{model}", "Five conditions", found, columns, caption, sources=sources)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    return records


def _said(passed: bool) -> str:
    return "pass" if passed else "fail"
