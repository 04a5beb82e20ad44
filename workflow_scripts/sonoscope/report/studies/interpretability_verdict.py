"""The conditions under which one may say that a model represents emotion, each with its figure."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sonoscope.report.blocks import Column, Table
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source


def conditions(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The five conditions, judged where this study measured them: condition, verdict, what was found."""
    probes, swaps, effects = frames["probes"], frames["swaps"], frames["effects"]
    told: list[tuple[str, str, str]] = []
    passed, words = True, []
    for cue in ("valence", "arousal"):
        own = probes[(probes["target"] == cue) & (probes["source"] == "states")].iloc[0]
        other = probes[(probes["target"] == cue) & (probes["source"] != "states")]["value"].max()
        passed &= bool(own["low"] > max(other, own["null"]))
        words.append(
            f"{cue}: R² {show(own['value'], 2)} [{show(own['low'], 2)}, {show(own['high'], 2)}], "
            f"best control {show(other, 2)}"
        )
    told.append(
        ("(a) emotion is decodable from null-text replays beyond token and energy baselines", _said(passed),
         "; ".join(words))
    )  # fmt: skip
    both = swaps[swaps["cue"].isin(("valence", "arousal"))]
    heard = bool((both["tokens_low"] > 0).all() and (both["tokens"] > both["text"].abs()).all())
    told.append(
        ("(b) one readout serves tokens and words, and follows what sounds rather than what is said", _said(heard),
         "; ".join(f"{r['cue']}: tokens {show(r['tokens'], 2)}, text {show(r['text'], 2)}" for r in _records(both)))
    )  # fmt: skip
    told.append(
        ("(c) patching the direction is sufficient and ablating it is necessary", "not judged",
         "this study does not patch; see the steering study for pushes along directions and their erasure")
    )  # fmt: skip
    arousal = effects[effects["outcome"] == "arousal"]
    inside = bool(((arousal["low"] <= arousal["truth"]) & (arousal["truth"] <= arousal["high"])).all())
    told.append(
        ("(d) cues mediate as the composer's law says (tempo and energy to arousal)", _said(inside),
         "; ".join(f"{r['effect']}: {show(r['estimate'], 2)} [{show(r['low'], 2)}, {show(r['high'], 2)}], "
                   f"true {show(r['truth'], 2)}" for r in _records(arousal)))
    )  # fmt: skip
    told.append(
        ("(e) steering moves an independent measure of emotion more than random directions and prompts", "not judged",
         "emotion directions are not steered yet")
    )  # fmt: skip
    return pd.DataFrame(told, columns=["condition", "verdict", "found"])


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
