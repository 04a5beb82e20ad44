"""Emotion steering on the page of the interpretability study: effects, dose and response, sound, what people heard."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.contracts import emotion_steering as files
from sonoscope.interpretability import aimoclips
from sonoscope.interpretability.emotion_scoring import CUES, cost_of
from sonoscope.report import style
from sonoscope.report.blocks import (
    AudioGrid,
    AudioRow,
    Block,
    Clip,
    Column,
    Figure,
    Missing,
    Number,
    Numbers,
    Prose,
    Section,
    Table,
    present,
)
from sonoscope.report.numbers import percent, show
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.symbolic.emotions import BY_WORD

_ARMS = {"steered": "steered", "prompt": "asked by prompt", "top_pc": "first principal component", "feature": "feature"}


def steering_section(root: Path, model: str, results: Results, target: str, suffix: str) -> Section:
    """The part of the page that tells what pushing towards emotions did."""
    folder = root / "judge_emotions" / model
    title = f"Emotion steering{suffix}"
    if not (folder / "effects.parquet").is_file():
        return Section(f"steering-{model}", title, (Missing(title, target),))
    effects, responses = (
        files.EMOTION_EFFECTS.read(folder / "effects.parquet"), files.RESPONSES.read(folder / "responses.parquet")
    )  # fmt: skip
    sources = present(results.source(folder / "effects.parquet"))
    blocks: list[Block] = [
        Prose(
            "Directions were fitted to states of rendered pieces under null text; no emotion was ever named. What the "
            "model then writes is judged by a listener of audio features that learned from other pieces and sees no "
            "state, so that no direction is scored by what made it. Asking by prompt, random directions of the same "
            "size, and the first principal component stand beside."
        ),
        _listener(files.LISTENER.read(folder / "listener.parquet"), sources),
        effect_figure(model, effects, sources),
        _effects(model, effects, responses, sources),
        _cues(model, effects, sources),
        _responses(model, responses, sources),
    ]
    grid = _grid(model, folder / "clips", sources)
    blocks += [grid] if grid else []
    blocks += [_reference(model, effects, sources)]
    return Section(f"steering-{model}", title, tuple(blocks))


def _listener(quality: pd.DataFrame, sources: tuple[Source, ...]) -> Numbers:
    source = sources[0] if sources else None
    return Numbers(
        tuple(
            Number(f"Listener: {r['target']} (R²)", r["r2"], r["low"], r["high"], int(r["n"]), places=2, source=source)
            for r in quality.to_dict("records")
        )
    )  # fmt: skip


def own_axis(effects: pd.DataFrame) -> pd.DataFrame:
    """Effects of each arm along the axis of its own target."""
    return effects[effects["outcome"] == "along_" + effects["target"]]


def effect_figure(model: str, effects: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    """Effects along each target's own axis."""
    own = own_axis(effects)
    told = "; ".join(
        f"{r['target']} {show(r['effect'], 2)} [{show(r['low'], 2)}, {show(r['high'], 2)}]"
        for r in own[own["arm"] == "steered"].to_dict("records")
    )
    return Figure(
        name=f"emotion-effects-{model}",
        title="How far the listener is moved",
        draw=partial(_draw_effects, own),
        data=effects,
        caption=(
            "Change of the listener's reading along the target's own axis of the plane of valence and arousal, which "
            "runs from −1 to 1, at the largest push; half the difference between push and opposite push, paired by "
            "prompt "
            f"and seed. Bars: 95 % intervals over {int(own['n'].max())} prompts. Grey: the range within which random "
            "directions of the same size stay."
        ),
        alt=f"Dot plot of effects by target. Steered: {told}.",
        sources=sources,
    )


def _draw_effects(own: pd.DataFrame) -> Drawing:
    targets = list(dict.fromkeys(own.loc[own["arm"] == "steered", "target"]))
    figure, ax = style.axes(0.42 * len(targets) + 1.2)
    for k, target in enumerate(targets):
        null = own.loc[(own["target"] == target) & (own["arm"] == "steered"), "null"].iloc[0]
        if np.isfinite(null):
            ax.fill_betweenx([k - 0.38, k + 0.38], -null, null, color=style.ink("muted"), alpha=0.18, linewidth=0)
        for shift, arm, ink in ((-0.14, "steered", "c0"), (0.14, "prompt", "c1")):
            part = own[(own["target"] == target) & (own["arm"] == arm)]
            for row in part.to_dict("records"):
                ax.hlines(k + shift, row["low"], row["high"], color=style.ink(ink), linewidth=1.4)
                label = _ARMS[arm] if k == 0 else None
                ax.plot(row["effect"], k + shift, "o", color=style.ink(ink), markersize=5, label=label)
    ax.axvline(0, color=style.ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
    ax.set_yticks(range(len(targets)), targets)
    ax.invert_yaxis()
    ax.set_xlabel("change of the listener's reading along the target's axis")
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _effects(model: str, effects: pd.DataFrame, responses: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    """One row per target: steered, asked, random, first component, and the cost."""
    own = own_axis(effects)
    rows = []
    for target in dict.fromkeys(own.loc[own["arm"] == "steered", "target"]):
        steered = own[(own["arm"] == "steered") & (own["target"] == target)].iloc[0]
        asked = own[(own["arm"] == "prompt") & (own["target"] == target)]["effect"]
        top = effects[(effects["arm"] == "top_pc") & (effects["outcome"] == f"along_{target}")]["effect"].abs()
        rows.append(
            {
                "target": target, "effect": steered["effect"], "low": steered["low"], "high": steered["high"],
                "prompt": asked.iloc[0] if len(asked) else np.nan, "random": steered["null"],
                "top_pc": top.max() if len(top) else np.nan, "cost": cost_of(responses, "steered", target),
                "prompts": steered["n"],
            }
        )  # fmt: skip
    columns = {
        "target": Column("target"), "effect": Column("steered", 2), "low": Column("from", 2), "high": Column("to", 2),
        "prompt": Column("asked by prompt", 2), "random": Column("largest of random", 2),
        "top_pc": Column("first component", 2), "cost": Column("rise of NLL", 0, "%", 100.0),
        "prompts": Column("prompts", 0),
    }  # fmt: skip
    caption = "Steering works where the whole interval lies above the largest random effect, at a cost one accepts."
    return Table(f"emotion-targets-{model}", "By target", pd.DataFrame(rows), columns, caption, sources=sources)


def _cues(model: str, effects: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    """Effects of steering on every reading and physical cue: the matrix of what moves what."""
    shown = effects[effects["arm"].isin(("steered", "feature"))]
    wide = shown.assign(
        target=[t if a == "steered" else f"feature {t}" for a, t in zip(shown["arm"], shown["target"], strict=True)]
    ).pivot_table(index="target", columns="outcome", values="effect")
    order = [c for c in ("along_valence", "along_arousal", *CUES) if c in wide.columns]
    wide = wide[order].reset_index()
    units = {"tempo": "octaves", "majorness": "", "rms": "dB", "centroid": "Hz", "onset_rate": "1/s"}
    columns = {"target": Column("pushed towards")} | {
        c: Column(c.removeprefix("along_").replace("_", " "), 0 if c == "centroid" else 2, units.get(c, ""))
        for c in order
    }
    caption = (
        "Effects at the largest push on both readings of the listener and on physical cues of the raw waveform. "
        "Tempo is "
        "in octaves, folded, so that octave errors of the tracker cancel."
    )
    return Table(f"emotion-cues-{model}", "What else moves", wide, columns, caption, sources=sources)


def _responses(model: str, responses: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    columns = {
        "arm": Column("arm"), "target": Column("target"), "coefficient": Column("coefficient", 2),
        "n": Column("clips", 0),
        "along": Column("reading", 2), "low": Column("from", 2), "high": Column("to", 2),
        "tempo": Column("tempo", 0, "BPM"),
        "majorness": Column("majorness", 2), "rms": Column("level", 1, "dB"), "centroid": Column("centroid", 0, "Hz"),
        "onset_rate": Column("onsets", 1, "1/s"), "nll": Column("NLL", 2), "silent": Column("silent", 0, "%", 100.0),
    }  # fmt: skip
    caption = "Coefficients are shares of the mean norm of the states; the reading is along the target's own axis."
    return Table(f"emotion-doses-{model}", "Dose and response", responses, columns, caption, True, sources)


def _grid(model: str, folder: Path, sources: tuple[Source, ...]) -> AudioGrid | None:
    """Clips of the first prompts, as the judging rule put them aside: {prompt}/{column}.flac."""
    prompts = sorted(p for p in folder.glob("*") if p.is_dir()) if folder.is_dir() else []
    if not prompts:
        return None
    names = sorted({f.stem for p in prompts for f in p.glob("*.flac")})
    rows = []
    for prompt in prompts:
        cells = tuple(
            Clip(prompt / f"{name}.flac", name[3:].replace("_", " ")) if (prompt / f"{name}.flac").is_file() else None
            for name in names
        )
        rows.append(AudioRow(prompt.name[3:].replace("_", " "), "one seed", cells))
    caption = "The same prompt and seed in every row; the prompt names no emotion, except where asked by prompt."
    heads = tuple(name[3:].replace("_", " ") for name in names)
    return AudioGrid(f"emotion-clips-{model}", "Listen", heads, tuple(rows), caption, sources)


def _reference(model: str, effects: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    """Published human ratings of MusicGen, with this model's own slopes in the caption."""
    frame = aimoclips.reference_table()
    columns = {
        "emotion": Column("asked for"), "asked_valence": Column("asked: valence", 2),
        "rated_valence": Column("heard: valence", 2), "asked_arousal": Column("asked: arousal", 2),
        "rated_arousal": Column("heard: arousal", 2),
    }  # fmt: skip
    told = []
    for axis, place in (("valence", 1), ("arousal", 2)):
        asked = effects[(effects["arm"] == "prompt") & (effects["outcome"] == f"along_{axis}")]
        asked = asked[asked["target"].isin(BY_WORD)]
        if len(asked) > 1:
            places = np.array([BY_WORD[t][place] for t in asked["target"]], dtype=float)
            told.append(f"{axis} {show(aimoclips.slope(places, asked['effect'].to_numpy(float)), 2)}")
    ours = f" For this model, by the listener above: {', '.join(told)}." if told else ""
    caption = (
        f"What people heard in {aimoclips.CLIPS} clips of MusicGen that were asked for twelve emotions (AImoclips, "
        "arXiv 2509.00813; 1 to 9). Over all clips the rating rises by "
        f"{show(aimoclips.SLOPES['valence'], 2)} (valence) and {show(aimoclips.SLOPES['arousal'], 2)} (arousal) per "
        "unit "
        f"asked for, where 1 would be full control.{ours} A way of steering is useful if it exceeds such slopes."
    )
    name, title = f"aimoclips-{model}", "What people hear when MusicGen is asked by prompt"
    return Table(name, title, frame, columns, caption, True, sources)


def steering_condition(effects: pd.DataFrame, responses: pd.DataFrame, most: float = 0.1) -> tuple[bool, str]:
    """Whether pushing moves valence and arousal beyond random directions and prompts, at a cost below ``most``."""
    own = own_axis(effects)
    passed, told = True, []
    for target in ("valence", "arousal"):
        steered = own[(own["arm"] == "steered") & (own["target"] == target)]
        if steered.empty:
            return False, f"{target} was not pushed"
        row = steered.iloc[0]
        asked = own[(own["arm"] == "prompt") & (own["target"] == target)]["effect"]
        prompt = float(asked.iloc[0]) if len(asked) else 0.0
        cost = cost_of(responses, "steered", target)
        passed &= bool(row["low"] > row["null"] and row["effect"] > prompt and cost <= most)
        told.append(
            f"{target}: {show(row['effect'], 2)} [{show(row['low'], 2)}, {show(row['high'], 2)}], random at most "
            f"{show(row['null'], 2)}, by prompt {show(prompt, 2)}, NLL up {percent(cost)}"
        )
    return passed, "; ".join(told)
