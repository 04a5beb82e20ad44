"""Further sections of the page on latent dynamics: experiments 5 to 11, and what published conclusions are worth."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.contracts import read_json
from sonoscope.report.blocks import AudioGrid, AudioRow, Block, Clip, Missing, Prose, Section, present
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.report.studies import dynamics_more_figures as figures
from sonoscope.report.studies import dynamics_more_tables as tables

Sources = tuple[Source, ...]
Builder = Callable[[Path, Sources], list[Block]]
_ROWS = 2


def sections(results: Results, codec: str) -> tuple[Section, ...]:
    """All of them, where any of their results is there."""
    at = results.root / "dynamics"
    parts: tuple[tuple[str, str, Path, str, Builder], ...] = (
        ("conclusions", "What the published conclusions are worth", at / "weigh_conclusions" / "conclusions.csv",
         "dynamics", _conclusions),
        ("exp5", "Experiment 5: latents trained to be predictable", at / "compare_betavae" / "summary.csv", "exp5", _5),
        ("exp6", "Experiment 6: correction by a score", at / "correct_rollouts" / codec / "best.json", "exp6", _6),
        ("exp7", "Experiment 7: rollouts to listen to", at / "decode_rollouts" / codec / "summary.csv", "exp7", _7),
        ("exp8", "Experiment 8: codes for directions", at / "fit_codebooks" / "summary.csv", "exp8", _8),
        ("exp9", "Experiment 9: a VAE-GAN with a bottleneck", at / "compare_vaegan" / "summary.csv", "exp9", _9),
        ("exp10", "Experiment 10: autoregression over codes", at / "fit_direction_ar" / "rollout_metrics.json",
         "exp10", _10),
        ("exp11", "Experiment 11: rollouts denoised in one step", at / "denoise_rollouts" / "rollout_metrics.json",
         "exp11", _11),
    )  # fmt: skip
    if not any(path.is_file() for *_, path, _, _ in parts):
        return ()
    return tuple(
        Section(slug, title, tuple(_blocks(path, make, results, title, target)))
        for slug, title, path, target, make in parts
    )


def _blocks(path: Path, make: Builder, results: Results, title: str, target: str) -> list[Block]:
    if not path.is_file():
        return [Missing(title, target)]
    return make(path, present(results.source(path)))


def _conclusions(path: Path, sources: Sources) -> list[Block]:
    frame = pd.read_csv(path)
    counts = frame.verdict.value_counts()
    told = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    return [
        Prose(
            f"Of {len(frame)} published conclusions, {told}. A verdict is read off the interval of the numbers beside "
            "it, and holds on the evidence that is named, for no other: synthetic voices are not Mimi on LibriSpeech, "
            "and with little data a conclusion stays open."
        ),
        tables.conclusions(frame, sources),
    ]


def _5(path: Path, sources: Sources) -> list[Block]:
    frame = pd.read_csv(path)
    return [
        Prose(
            "A linear bottleneck with a Gaussian posterior between frozen features and a trained decoder, learned from "
            "training speakers alone. Smoothness and predictability are asked for relative to the variance of the "
            "latents, so that shrinking them gains nothing. Latents are alive where at least 80 % of their units vary."
        ),
        figures.quality(frame, sources),
        tables.bottlenecks(frame, "dynamics-exp5", "Variants", sources),
        *_pairs(path.parents[1] / "train_betavae", list(frame.variant), "dynamics-exp5-listen", sources),
    ]


def _pairs(folder: Path, names: Iterable[str], slug: str, sources: Sources) -> list[Block]:
    """Originals beside reconstructions of each bottleneck, where samples were kept."""
    by: dict[str, dict[str, Path]] = {}
    for name in names:
        for file in sorted((folder / name / "samples").glob("*.wav")):
            utterance, _, kind = file.stem.rpartition("_")
            by.setdefault(utterance, {}).setdefault(kind if kind == "original" else name.removeprefix("train_"), file)
    if not by:
        return []
    columns = tuple(dict.fromkeys(kind for clips in by.values() for kind in clips))
    rows = tuple(
        AudioRow(utterance, "", tuple(Clip(clips[c], c) if c in clips else None for c in columns))
        for utterance, clips in list(by.items())[:_ROWS]
    )
    return [AudioGrid(slug, "Listen", columns, rows, "Test utterances, there and back.", sources)]


def _6(path: Path, sources: Sources) -> list[Block]:
    found = read_json(path)
    known = path.with_name("known_answers.csv")
    blocks: list[Block] = [
        Prose(
            "The score is trained over noise that covers the error that rollouts show on validation speakers, "
            f"{found['rollout_error']:.2f} deviations of a coordinate; the published range ended at a third of it. "
            "Settings are chosen by the energy score of drawn rollouts of validation speakers. The control moves "
            "frames as far, but only towards the mean."
        ),
        tables.judged(found["judged"], sources),
    ]
    if known.is_file():
        frame = pd.read_csv(known)
        blocks += [figures.gaps(frame, sources), tables.known_scores(frame, sources)]
    summary = path.with_name("summary.csv")
    return [*blocks, tables.sweep(pd.read_csv(summary), sources)] if summary.is_file() else blocks


def _7(path: Path, sources: Sources) -> list[Block]:
    scores = path.with_name("scores.csv")
    blocks: list[Block] = [
        Prose(
            "True frames, then rolled ones, then true ones again. Scores are of the rolled frames and a few around "
            "them, against the decoded true path. A rollout has to beat holding the last frame and, since it does not "
            "know what follows, not a line to the next true one. A blind listening test lies beside the results, "
            f"dynamics/decode_rollouts/{path.parent.name}/listen/index.html; it opens offline."
        ),
        figures.lengths(pd.read_csv(path), sources),
        tables.lengths(pd.read_csv(path), sources),
    ]
    if scores.is_file():
        blocks += _rolled_clips(pd.read_csv(scores).to_dict("records"), path.parent, "dynamics-exp7-listen", sources)
    return blocks


def _rolled_clips(rows: list[Any], folder: Path, slug: str, sources: Sources) -> list[Block]:
    """Clips of the first utterances: one row per length, one column per way of rolling out."""
    if not rows:
        return []
    kinds = tuple(dict.fromkeys(str(r["kind"]) for r in rows))
    utterances = list(dict.fromkeys(r["utterance_id"] for r in rows))[:1]
    shown = []
    for utterance in utterances:
        own = [r for r in rows if r["utterance_id"] == utterance]
        for k in sorted({int(r["rollout_length"]) for r in own}):
            by = {str(r["kind"]): r for r in own if int(r["rollout_length"]) == k}
            truth = folder / str(own[0]["wav_path"]).rpartition("/")[0] / "GT.wav"
            clips = [Clip(truth, "truth"), *(_rolled(by[kind], folder) if kind in by else None for kind in kinds)]
            shown.append(AudioRow(f"{k} step{'s' * (k > 1)}", str(utterance), tuple(clips)))
    caption = "Decoded; every clip of a row has the same true frames around the rolled ones."
    return [AudioGrid(slug, "Listen", ("truth", *kinds), tuple(shown), caption, sources)]


def _rolled(row: Any, folder: Path) -> Clip:
    facts = (f"log-mel {row['log_mel_distance']:.2f}",) if row["log_mel_distance"] is not None else ()
    return Clip(folder / str(row["wav_path"]), str(row["kind"]), facts)


def _8(path: Path, sources: Sources) -> list[Block]:
    frame = pd.read_csv(path)
    return [
        Prose(
            "Angle between each difference of held-out speakers and its nearest code, beside codebooks of as many "
            "differences that have no preferred direction, that have the real covariance (all that a linear Gaussian "
            "process has), and that lead between real frames paired at random (all that going back to the mean gives). "
            "Paths are coded in an open loop, where errors add up, and in a closed one."
        ),
        figures.angles(frame, sources),
        tables.codebooks(frame, sources),
        *_coded_clips(path.with_name("eval_results.json"), sources),
    ]


def _coded_clips(path: Path, sources: Sources) -> list[Block]:
    if not path.is_file():
        return []
    rows = [r for r in read_json(path) if r["wav_path"]]
    if not rows:
        return []
    utterance = rows[0]["utterance_id"]
    truth = path.parent / "audio" / utterance / "truth.wav"
    columns = ("normalized, open", "normalized, closed", "unnormalized, closed", "state_vq, open")
    shown = []
    for k in sorted({r["k"] for r in rows}):
        by = {f"{r['kind']}, {r['loop']}": r for r in rows if r["k"] == k and r["utterance_id"] == utterance}
        clips = tuple(
            Clip(path.parent / by[c]["wav_path"], c, (f"log-mel {by[c]['log_mel_distance']:.2f}",)) if c in by else None
            for c in columns
        )
        shown.append(AudioRow(f"{k} codes", utterance, (Clip(truth, "truth"), *clips)))
    caption = "One test utterance through codebooks of directions, differences and states."
    return [AudioGrid("dynamics-exp8-listen", "Listen", ("truth", *columns), tuple(shown), caption, sources)]


def _9(path: Path, sources: Sources) -> list[Block]:
    frame, at = pd.read_csv(path), path.parents[1]
    first = frame.iloc[0]
    health = at / "train_vaegan" / "health.json"
    stand_in = "stand-in" in str(first.teacher)
    blocks: list[Block] = [
        Prose(
            f"The encoder of {first.codec} is frozen, its decoder fine-tuned; the discriminators see spectrograms of "
            f"several windows. Latents are taught to resemble: {first.teacher}. "
            + ("WavLM was not fetched, so distillation says nothing about WavLM here. " if stand_in else "")
            + f"Without the bottleneck the codec itself loses {first.codec_log_mel_distance:.2f} nats of log-mel."
        ),
        tables.bottlenecks(frame, "dynamics-exp9", "Beside the β-VAE", sources),
    ]
    if health.is_file() and read_json(health)["history"]:
        blocks.append(figures.history(pd.DataFrame(read_json(health)["history"]), sources))
    return [*blocks, *_pairs(at, ["train_vaegan"], "dynamics-exp9-listen", sources)]


def _10(path: Path, sources: Sources) -> list[Block]:
    steps, forced = path.with_name("per_step.csv"), path.with_name("teacher_forced_metrics.json")
    audio = path.with_name("audio_eval_results.json")
    blocks: list[Block] = [
        Prose(
            "The published rollout saw a true frame in its first window update, and its argmax drew lengths at random; "
            "here argmax is the likeliest code at its median length, and every frame from the start on is the "
            "rollout's own. What the model knows on true contexts is shown beside simple guesses."
        )
    ]
    if forced.is_file():
        blocks.append(tables.forced(read_json(forced), sources))
    if steps.is_file():
        blocks.append(figures.strategies(pd.read_csv(steps), sources))
    blocks.append(tables.rolled(read_json(path), sources))
    if audio.is_file():
        blocks += _rolled_clips(read_json(audio), path.parent, "dynamics-exp10-listen", sources)
    return blocks


def _11(path: Path, sources: Sources) -> list[Block]:
    paired, audio = path.with_name("paired.json"), path.with_name("audio_eval_results.json")
    blocks: list[Block] = [
        Prose(
            "Each frame is replaced by its denoised form before the model sees it. The noise level is chosen on "
            "validation speakers. Tweedie’s estimate is the mean of what may lie behind a noisy frame, so it shrinks; "
            "a consistency model would end where the probability flow ends, which keeps the spread and is shown "
            "beside, and the control shrinks as far without any score. Published runs of this experiment were smoke "
            "tests."
        )
    ]
    if paired.is_file():
        blocks.append(tables.paired(read_json(paired), sources))
    entries = read_json(path)
    blocks += [figures.denoised(entries, sources), tables.conditions(entries, sources)]
    if audio.is_file():
        blocks += _rolled_clips(read_json(audio), path.parent, "dynamics-exp11-listen", sources)
    return blocks
