"""Interactive charts: Vega-Lite specifications by Altair, and the JavaScript that draws them, both offline."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd
import vl_convert


@cache
def javascript() -> str:
    """Vega, Vega-Lite and vega-embed as one script that defines ``vegaEmbed``; nothing is loaded from elsewhere."""
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
    return text


def specification(chart: Any) -> dict[str, Any]:
    """A chart as plain data, without the address of its schema (nothing shall look like a link to the network)."""
    found: dict[str, Any] = chart.to_dict()
    found.pop("$schema", None)
    return found


def lines_with_intervals(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    low: str,
    high: str,
    series: str,
    inks: Sequence[str],
    x_title: str,
    y_title: str,
    share: bool,
    level: float | None,
) -> dict[str, Any]:
    """Lines with points and error bars; the legend switches series, a pointer shows the values.

    Parameters
    ----------
    frame
        One row per point, with columns named by the following five.
    inks
        Names of the page's colours (``c0`` …, ``muted``), one per series in order of appearance.
    share
        Show y as a percentage from 0 to 1.
    level
        Height of a dashed line (chance), or None.
    """
    names = list(dict.fromkeys(frame[series]))
    form = ".0%" if share else ".3f"
    scale = alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=False)
    pick = alt.selection_point(fields=[series], bind="legend", name="series")
    hue = alt.Color(f"{series}:N", sort=names, scale=alt.Scale(domain=names), title=None)
    tried = sorted(set(frame[x]))
    ticks = alt.Axis(format="~g", values=tried) if len(tried) <= 9 else alt.Axis(format="~g")
    across = alt.X(f"{x}:Q", title=x_title, scale=alt.Scale(padding=14, nice=False), axis=ticks)
    base = alt.Chart(frame).encode(x=across, color=hue, opacity=alt.condition(pick, alt.value(1), alt.value(0.1)))
    up = alt.Y(f"{y}:Q", title=y_title, scale=scale, axis=alt.Axis(format=form, tickCount=6))
    tooltip = [
        alt.Tooltip(f"{series}:N", title="direction"),
        alt.Tooltip(f"{x}:Q", title=x_title),
        alt.Tooltip(f"{y}:Q", title=y_title, format=form),
        alt.Tooltip(f"{low}:Q", title="95 % from", format=form),
        alt.Tooltip(f"{high}:Q", title="to", format=form),
        alt.Tooltip("n:Q", title="clips"),
    ]
    layers: list[Any] = [
        base.mark_line(strokeWidth=2).encode(y=up),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y(f"{low}:Q"), y2=f"{high}:Q"),
        base.mark_point(filled=True, size=70).encode(y=up, tooltip=tooltip).add_params(pick),
    ]
    if level is not None:
        dashed = alt.Chart(pd.DataFrame({"level": [level]})).mark_rule(strokeDash=[4, 4], color="#8a9098")
        layers.insert(0, dashed.encode(y="level:Q"))
    chart = alt.layer(*layers).properties(width="container", height=300, usermeta={"inks": list(inks)})
    return specification(chart)
