"""The interactive form of a figure, read from the table behind it, where no page has written one of its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import altair as alt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sonoscope.report.charts import specification

MOST_ROWS = 3000
"""Points of a chart beyond which a browser becomes slow; a larger table has its static figure and its CSV."""
MOST_SERIES = 16
_COURSES = ("predicted", "coefficient", "horizon_k", "lag_ms", "layer", "step", "time", "second", "part", "bin")
_GROUPS = ("horizon_k", "coefficient", "layer")
_PANELS = ("dimension", "mode", "songs", "part")
_COUNTS = ("n", "songs", "clips", "n_speakers")
_INKS = tuple(f"c{i}" for i in range(5))


def chart_of(data: pd.DataFrame, name: str = "") -> dict[str, Any] | None:
    """A Vega-Lite specification that shows ``data`` as its figure does, or None where its form is not plain.

    A number between the columns ``low`` and ``high`` is drawn with its interval: along a numeric course (a coefficient,
    a layer, a time) where there is one, else one row per name. Two columns ``true_x`` and ``x`` make a cloud of points.
    A figure whose ``name`` ends in that of a column shows this column.
    """
    frame = data.dropna(axis="columns", how="all")
    if not 2 <= len(frame) <= MOST_ROWS:
        return None
    pairs = [c for c in frame if f"true_{c}" in frame]
    if pairs:
        return _cloud(frame, [str(c) for c in pairs])
    value = next((str(c) for c in frame if is_numeric_dtype(frame[c]) and name.endswith(f"-{c}")), _estimate(frame))
    if value is None:
        return None
    low, high = _bounds(frame, value)
    names = [str(c) for c in frame if not is_numeric_dtype(frame[c]) and 1 < frame[c].nunique() <= MOST_SERIES]
    panel = next((c for c in _PANELS if c in names and frame[c].nunique() <= 4 and len(names) > 1), None)
    across = next((c for c in _COURSES if c in frame and c not in (value, panel) and _varies(frame[c])), None)
    frame, series = _named(frame, [c for c in names if c != panel], across, panel)
    if across is None and series is None:
        return None
    keys = [c for c in (across, series, panel) if c]
    if frame.duplicated(keys).any():  # several points would lie over one another
        return None
    wanted = list(dict.fromkeys(c for c in (*keys, value, low, high, *_COUNTS) if c and c in frame))
    shown = frame[wanted].rename(columns=_safe).round(6)
    named = [_safe(c) if c else None for c in (series, panel, low, high)]
    line = _Line(named[0], named[1], _safe(value), named[2], named[3])
    return _courses(shown, _safe(across), line) if across else _rows(shown, line)


class _Line(NamedTuple):
    """Names of the columns that a chart shows, besides the one that it runs along."""

    series: str | None
    panel: str | None
    value: str
    low: str | None
    high: str | None


def _named(
    frame: pd.DataFrame, names: list[str], across: str | None, panel: str | None
) -> tuple[pd.DataFrame, str | None]:
    """The column that tells the lines of a chart apart; several names that are needed together become one."""
    keys = [c for c in (across, panel) if c]
    groups = [c for c in _GROUPS if c in frame and c != across and 1 < frame[c].nunique() <= 8]
    for chosen in ([], *([c] for c in names), *([c] for c in groups), names, [*names, *groups]):
        if (chosen or keys) and not frame.duplicated([*keys, *chosen]).any():
            break
    if not chosen:  # nothing is needed: what has most values, for the eye
        chosen = sorted(names, key=lambda c: -frame[c].nunique())[:1] or groups[:1]
    if len(chosen) <= 1 and not (chosen and chosen[0] in groups):
        return frame, chosen[0] if chosen else None
    joined = frame[chosen].astype(str).agg(" · ".join, axis=1)
    return (frame.assign(series=joined), "series") if joined.nunique() <= MOST_SERIES else (frame, None)


def _safe(name: Any) -> str:
    return str(name).replace(".", "_").replace("[", "(").replace("]", ")")


def _estimate(frame: pd.DataFrame) -> str | None:
    """The column that lies between ``low`` and ``high``, or, where there are none, the last one that is measured."""
    numeric = [str(c) for c in frame if is_numeric_dtype(frame[c]) and frame[c].dtype != bool]
    if {"low", "high"} <= set(numeric):
        known = frame.dropna(subset=["low", "high"])
        inside = [c for c in numeric if c not in ("low", "high", *_COUNTS) and c not in _COURSES
                  and len(known) and known[c].between(known["low"] - 1e-9, known["high"] + 1e-9).mean() > 0.95
                  and _varies(known[c])]  # fmt: skip
        return inside[0] if inside else None
    for c in numeric:
        if {f"{c}_low", f"{c}_high"} <= set(numeric):
            return c
    return next((c for c in ("value", "realised", "divergence", "gap") if c in numeric), None)


def _varies(column: pd.Series) -> bool:
    return is_numeric_dtype(column) and len(column.unique()) > 1


def _bounds(frame: pd.DataFrame, value: str) -> tuple[str | None, str | None]:
    for low, high in (("low", "high"), (f"{value}_low", f"{value}_high")):
        if low in frame and high in frame:
            return low, high
    return None, None


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")


def _tooltip(frame: pd.DataFrame) -> list[Any]:
    return [
        alt.Tooltip(f"{c}:Q", title=_words(str(c)), format=".4~g")
        if is_numeric_dtype(frame[c])
        else alt.Tooltip(f"{c}:N", title=_words(str(c)))
        for c in frame
    ]


def _hue(frame: pd.DataFrame, series: str | None, picked: Any) -> dict[str, Any]:
    if series is None:
        return {"color": alt.value("#8a9098")}
    names = list(dict.fromkeys(frame[series].astype(str)))
    legend = alt.Legend(columns=4, labelLimit=200)
    colour = alt.Color(f"{series}:N", scale=alt.Scale(domain=names), title=None, legend=legend)
    return {"color": colour, "opacity": alt.condition(picked, alt.value(1), alt.value(0.08))}


def _courses(frame: pd.DataFrame, across: str, line: _Line) -> dict[str, Any]:
    series, panel, value, low, high = line
    picked = alt.selection_point(fields=[series], bind="legend", name="series") if series else None
    x = alt.X(f"{across}:Q", title=_words(across), scale=alt.Scale(padding=14, nice=False, zero=False))
    y = alt.Y(f"{value}:Q", title=_words(value), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=6))
    base = alt.Chart(frame).encode(x=x, **_hue(frame, series, picked))
    layers: list[Any] = [base.mark_line(strokeWidth=2).encode(y=y)]
    if low and high:
        layers.append(base.mark_rule(strokeWidth=1.5).encode(y=alt.Y(f"{low}:Q"), y2=f"{high}:Q"))
    dense = frame[across].nunique() > 40
    points = base.mark_point(filled=True, size=20 if dense else 70).encode(y=y, tooltip=_tooltip(frame))
    layers.append(points.add_params(picked) if picked else points)
    return _finish(layers, frame, panel, 300)


def _rows(frame: pd.DataFrame, line: _Line) -> dict[str, Any]:
    series, panel, value, low, high = line
    order = list(dict.fromkeys(frame[str(series)].astype(str)))
    y = alt.Y(f"{series}:N", sort=order, title=None)
    axis = alt.X(f"{value}:Q", title=_words(value), scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=5))
    base = alt.Chart(frame).encode(y=y, color=alt.value("#5b8fbf"))
    layers: list[Any] = []
    if low and high:
        layers.append(base.mark_rule(strokeWidth=2).encode(x=alt.X(f"{low}:Q"), x2=f"{high}:Q"))
    layers.append(base.mark_point(filled=True, size=80).encode(x=axis, tooltip=_tooltip(frame)))
    return _finish(layers, frame, panel, 24 * len(order))


def _cloud(frame: pd.DataFrame, pairs: Sequence[str]) -> dict[str, Any]:
    long = pd.concat(
        [pd.DataFrame({"panel": c, "annotated": frame[f"true_{c}"], "predicted": frame[c]}) for c in pairs]
    )
    named = [c for c in ("clip_id", "bar_number") if c in frame]
    for c in named:
        long[c] = pd.concat([frame[c]] * len(pairs)).to_numpy()
    long = long.round(3)
    x = alt.X("annotated:Q", title="annotated", axis=alt.Axis(tickCount=5))
    y = alt.Y("predicted:Q", title="predicted", axis=alt.Axis(tickCount=5))
    base = alt.Chart(long).mark_point(filled=True, size=14, opacity=0.45)
    return _finish([base.encode(x=x, y=y, color=alt.value("#5b8fbf"), tooltip=_tooltip(long))], long, "panel", 300)


def _finish(layers: list[Any], frame: pd.DataFrame, panel: str | None, height: int) -> dict[str, Any]:
    chart = alt.layer(*layers, data=frame).properties(height=height)
    if panel:
        whole = chart.properties(width=330).facet(
            column=alt.Column(f"{panel}:N", title=None, sort=list(dict.fromkeys(frame[panel].astype(str))))
        )
        return specification(whole.properties(usermeta={"inks": list(_INKS)}))
    return specification(chart.properties(width="container", usermeta={"inks": list(_INKS)}))
