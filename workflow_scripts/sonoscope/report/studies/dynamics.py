"""The page of the study of latent dynamics: the self-test first, then each experiment, corrected beside published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.contracts import read_json
from sonoscope.report.blocks import (
    Answer,
    AudioGrid,
    AudioRow,
    Block,
    Clip,
    Missing,
    Number,
    Prose,
    Section,
    Study,
    present,
)
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.report.studies import dynamics_figures as figures
from sonoscope.report.studies import dynamics_more
from sonoscope.report.studies import dynamics_published as published
from sonoscope.report.studies import dynamics_tables as tables

TARGET = "dynamics"
_GAP = 0.02
_HEARD = ("GT", "direction", "shorter", "longer", "noise", "hold_2", "A_stationary", "C_wrong_dir")
_ROWS = 3

_NO_PESQ = (
    "PESQ was not measured: the optional package pesq was not installed where the clips were scored. It needs a C "
    "compiler: pip install -r envs/pesq.txt, then snakemake --forcerun synthesise_trajectories."
)

Builder = Callable[[Path, tuple[Source, ...]], list[Block]]


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    codec = _codec(results)
    at = results.root / "dynamics"
    metrics = at / "fit_dynamics" / codec / "metrics.json"
    answers = at / "judge_processes" / "known_answers.csv"
    parts: tuple[tuple[str, str, Path, Builder], ...] = (
        ("self-test", "The self-test: known answers", answers, _self_test),
        ("exp1", "Experiment 1: direction × magnitude", metrics, _experiment1),
        ("exp1b", "Experiment 1B: training on rollouts", at / "finetune_rollout" / codec / "summary.json", _1b),
        ("exp2", "Experiment 2: injection", at / "diagnose_injection" / codec / "per_step.csv", _experiment2),
        ("exp3", "Experiment 3: representations", at / "compare_representations" / "lags.csv", _experiment3),
        ("exp3b", "Experiment 3B: what can be heard", at / "synthesise_trajectories" / codec / "scores.csv", _3b),
        ("exp4", "Experiment 4: principal components", at / "read_out_components" / codec / "summary.csv", _4),
    )
    sections = tuple(
        Section(slug, title, tuple(_blocks(path, make, results, title)))
        for slug, title, path, make in parts
        if answers.is_file() or metrics.is_file()
    )
    return Study(
        slug="dynamics",
        title="Dynamics",
        question="How predictable are continuous codec latents, and why do rollouts fail?",
        target=TARGET,
        answer=_answer(answers, metrics, results) if answers.is_file() and metrics.is_file() else None,
        sections=sections + dynamics_more.sections(results, codec),
    )


def _codec(results: Results) -> str:
    """The codec of the experiments: the one that was rolled out, or any that was trained on."""
    for rule in ("finetune_rollout", "read_out_components", "fit_dynamics"):
        found = [p.parent.name for p in results.find(f"dynamics/{rule}/*/*.json") if p.parent.name != "known"]
        if found:
            return found[0]
    return "none"


def _blocks(path: Path, make: Builder, results: Results, title: str) -> list[Block]:
    if not path.is_file():
        return [Missing(title, TARGET)]
    return make(path, present(results.source(path)))


def _answer(answers: Path, metrics: Path, results: Results) -> Answer:
    known, entries = pd.read_csv(answers), read_json(metrics)
    worst = known[known.chosen].groupby("process").gap.max()
    passed = int((worst <= _GAP).sum())
    k = min(e["horizon_k"] for e in entries)
    by = {e["model_type"]: e["eval"] for e in entries if e["horizon_k"] == k}
    vmf, full = by["vmf"] if "vmf" in by else by["ridge_var"], by["gaussian_full"]
    low, high = vmf["intervals"]["dnll"] or (None, None)
    r2_low, r2_high = vmf["intervals"]["state_r2"] or (None, None)
    source, known_source = results.source(metrics), results.source(answers)
    verdict: Any = "recovered" if passed == len(worst) else "partly recovered" if passed else "not recovered"
    return Answer(
        f"On {passed} of {len(worst)} processes with a known answer a model comes within 2 % of the best possible "
        f"likelihood. On {entries[0]['part']}, knowing the past saves {full['nll'] - vmf['nll']:.1f} nats per frame "
        "at the shortest horizon; what rollouts lose is what any sampler of a stochastic process must lose.",
        verdict,
        f"the target is a gap of at most 2 % at every horizon, and the worst is {100 * worst.max():.1f} %",
        (
            Number("Worst gap to the optimum", float(worst.max()), n=len(worst), share=True, places=1,
                   source=known_source),
            Number("ΔNLL of direction × magnitude", vmf["dnll"], low, high, n=vmf["n_speakers"], null=0.0,
                   baseline=by["ridge_var"]["dnll"], unit="nats per frame", change=True, source=source,
                   note="against the full-covariance Gaussian without context; n: speakers"),
            Number("State explained", vmf["state_r2"], r2_low, r2_high, n=vmf["n_speakers"], null=0.0,
                   baseline=by["ridge_var"]["state_r2"], share=True, source=source),
        ),
    )  # fmt: skip


def _self_test(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    frame = pd.read_csv(path)
    return [
        Prose(
            "Processes whose best prediction is known pass through the very same rules as speech, at the scale of "
            "codec latents. A model is chosen on validation sequences and judged on others against the true law on "
            "the same frames. Frames that know nothing of each other already give a cosine of 0.71 at the shortest "
            "horizon, by mean reversion alone: a high cosine is no sign of predictability. The published head, whose "
            "bounds cut gradients off, is shown beside."
        ),
        tables.known(frame, sources),
        figures.known_gaps(frame, sources),
    ]


def _experiment1(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    entries = read_json(path)
    blocks: list[Block] = [
        Prose(
            "All models and closed forms on the same frames of test speakers, in nats per frame of the difference in "
            "the latents' own units, so that densities over direction and magnitude and densities over coordinates "
            "are compared. Intervals: 95 %, speakers resampled, seeds averaged."
        ),
        figures.likelihoods(entries, sources),
        Prose(_beside_mdn(entries)),
        tables.experiment1(entries, sources),
        published.experiment1(entries, sources),
    ]
    calibrated = [e for e in entries if e.get("calibration")]
    return [*blocks, figures.calibration(calibrated, sources)] if calibrated else blocks


def _beside_mdn(entries: list[Any]) -> str:
    """By how much direction × magnitude beats the full-covariance Gaussian and the mixture density network, or not."""
    by = {(e["horizon_k"], e["model_type"]): e["eval"]["nll"] for e in entries}
    horizons = sorted({k for k, m in by if m == "vmf" and by[k, m] is not None})
    told = []
    for other, name in (("gaussian_full", "the full-covariance Gaussian"), ("mdn", "the mixture density network")):
        gains = [(k, by[k, other] - by[k, "vmf"]) for k in horizons if by.get((k, other)) is not None]
        if gains:
            told.append(f"than {name}: " + ", ".join(f"{g:+.2f} at horizon {k}" for k, g in gains).replace("-", "−"))
    return (
        "Nats per frame that direction × magnitude is better (+) or worse (−) "
        + "; ".join(told)
        + ". Updates kept: after how many updates validation speakers were predicted best, by seed. 0 means that no "
        "update helped: the model is then the closed form that training begins at, and seeds do not differ."
    )


def _1b(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    return [
        Prose(
            "Fine-tuning on self-generated context beside training of equal cost on true context, with and without "
            "noise. The published indexing, whose targets lie one frame too late, is the last arm."
        ),
        tables.arms(read_json(path), sources),
    ]


def _experiment2(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    frame = pd.read_csv(path)
    return [
        Prose(
            "A perfect sampler draws another future than the one that came: its distance to the truth grows and its "
            "cosine falls to 0. Tracking therefore cannot show a rollout to be wrong. The energy score can: it is "
            "lowest for the true law. A mean rollout must shrink, whatever the model."
        ),
        figures.rollouts(frame, sources),
        figures.modes(frame, sources),
        tables.modes(frame, sources),
        published.experiment2(frame, sources),
    ]


def _experiment3(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    frame = pd.read_csv(path)
    summary = path.with_name("summary.csv")
    blocks: list[Block] = [figures.lags(frame, sources)]
    return [*blocks, tables.representations(pd.read_csv(summary), sources)] if summary.is_file() else blocks


def _3b(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    frame = pd.read_csv(path)
    listen = path.parent / "listen" / "index.html"
    where = f"dynamics/synthesise_trajectories/{path.parent.name}/listen/index.html"
    return [
        Prose(
            "Published modes accumulate their errors, and differently; the matched ones are wrong by the same latent "
            "error about the true path, in direction or in length. "
            + (
                f"A blind listening test lies beside the results, {where}; it opens offline."
                if listen.is_file()
                else ""
            )
        ),
        *([] if frame.get("pesq", pd.Series(dtype=float)).notna().any() else [Prose(_NO_PESQ)]),
        tables.trajectories(frame, sources),
        _grid(frame, path.parent, sources),
    ]


def _grid(frame: pd.DataFrame, folder: Path, sources: tuple[Source, ...]) -> AudioGrid:
    modes = [m for m in dict.fromkeys(frame["mode"]) if m.split("_e")[0] in _HEARD or m in _HEARD]
    rows = []
    for utterance, own in list(frame.groupby("utterance_id", sort=False))[:_ROWS]:
        by = {str(r["mode"]): r for r in own.to_dict("records")}
        clips = tuple(_clip(by[m], folder) if m in by else None for m in modes)
        rows.append(AudioRow(str(utterance), f"speaker {own.speaker_id.iloc[0]}", clips))
    return AudioGrid(
        "dynamics-trajectories", "Listen", tuple(modes), tuple(rows),
        "Decoded latents, first utterances of the table; every clip of a row is from the same true path.", sources,
    )  # fmt: skip


def _clip(row: dict[Any, Any], folder: Path) -> Clip:
    facts = (f"error {row['latent_error']:.2f}", f"log-mel {row['log_mel_distance']:.2f}")
    return Clip(folder / str(row["wav_path"]), str(row["mode"]), facts)


def _4(path: Path, sources: tuple[Source, ...]) -> list[Block]:
    return [
        Prose(
            "Fewer coordinates have fewer nats. What can be compared is the share of the projected difference that is "
            "predicted: from the components alone, and by the full model seen through the same components."
        ),
        tables.components(pd.read_csv(path), sources),
    ]
