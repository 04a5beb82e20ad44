"""What was published, and whether these experiments bear it out: a verdict for each conclusion, from scorecard rows.

A verdict is read off an interval, so that little data leaves a conclusion open. ``supported`` and ``contradicted`` hold
for the tier of evidence that is named beside them, and for no other: synthetic voices are not Mimi on LibriSpeech.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from sonoscope.scorecard import Row

Verdict = Literal["supported", "contradicted", "open", "not tested"]
Rows = Mapping[str, Row]
NO_RESULT = "no result was published"
_GOOD_LOG_MEL = 1.0
_SHARP = 20.0
_ALIVE = 0.8


@dataclass(frozen=True)
class Weighed:
    """What the numbers say of one conclusion."""

    verdict: Verdict
    reason: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conclusion:
    """One published conclusion.

    Attributes
    ----------
    published
        The numbers that were given for it, and what is known to be wrong with them.
    weigh
        Reads scorecard rows.
    """

    experiment: str
    text: str
    published: str
    weigh: Callable[[Rows], Weighed]


def against(row: Row | None, level: float | None, says: str, higher: bool = True, opposite: bool = False) -> Weighed:
    """Whether an interval lies beyond a level: above it (``higher``) or below.

    With ``opposite`` the conclusion says that it does not.
    """
    if row is None or level is None:
        return Weighed("not tested", "the rows that it needs are not there")
    ends = "" if row.low is None or row.high is None else f" [{row.low:.3g}, {row.high:.3g}]"
    text = f"{says}: {row.value:.3g}{ends} against {level:.3g}"
    low, high = (row.value, row.value) if row.low is None or row.high is None else (row.low, row.high)
    if row.low is None and row.n is not None and row.n < 2:
        return Weighed("open", f"{text}; one speaker gives no interval", (row.name,))
    beyond, short = (low > level, high < level) if higher else (high < level, low > level)
    verdict: Verdict = "open"
    if beyond or short:
        verdict = "supported" if beyond != opposite else "contradicted"
    return Weighed(verdict, text, (row.name,))


def shortest(rows: Rows, pattern: str) -> Row | None:
    """The row whose name fits ``pattern`` with the smallest number in it."""
    found = [(int(m.group(1)), row) for name, row in rows.items() if (m := re.fullmatch(pattern, name))]
    return min(found, key=lambda f: f[0])[1] if found else None


def longest(rows: Rows, pattern: str) -> Row | None:
    """The same with the largest."""
    found = [(int(m.group(1)), row) for name, row in rows.items() if (m := re.fullmatch(pattern, name))]
    return max(found, key=lambda f: f[0])[1] if found else None


def _direction(rows: Rows) -> Weighed:
    row = shortest(rows, r"dynamics\.exp1\.k(\d+)\.vmf\.cos")
    return against(row, row.null if row else None, "cosine, against going straight back to the mean")


def _magnitude(rows: Rows) -> Weighed:
    row = shortest(rows, r"dynamics\.exp1\.k(\d+)\.vmf\.logmag_r2")
    return against(row, 0.0, "R² of the log-length", opposite=True)


def _gain(rows: Rows) -> Weighed:
    row = shortest(rows, r"dynamics\.exp1\.k(\d+)\.vmf\.nll")
    return against(row, row.target if row else None, "nats per frame, against a Gaussian without context", higher=False)


def _collapse(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp1b.rollout.energy_score")
    return against(row, row.null if row else None, "energy score of free running, against the model before")


def _catastrophe(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp2.D_rollout.energy_score")
    return against(row, row.null if row else None, "energy score of drawn rollouts, against holding the last frame")


def _codecs(rows: Rows) -> Weighed:
    mimi, encodec = rows.get("dynamics.exp3.mimi"), rows.get("dynamics.exp3.encodec_24khz")
    if mimi is None or encodec is None:
        return Weighed("not tested", "needs both codecs among dynamics.codecs")
    return against(mimi, encodec.value, "R² of the state at an equal lag in time, Mimi against EnCodec")


def _perception(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp3b.direction_minus_magnitude")
    return against(row, 0.0, "log-mel distance of wrong directions less that of wrong lengths, at equal latent error")


def _components(rows: Rows) -> Weighed:
    row = longest(rows, r"dynamics\.exp4\.pca(\d+)")
    return against(
        row, row.baseline if row else None, "R² in components alone, against the full model on the same axes"
    )


def _friendly(rows: Rows) -> Weighed:
    names = sorted(n for n in rows if re.fullmatch(r"dynamics\.exp5\.\w+\.state_r2", n))
    first = rows.get("dynamics.exp5.baseline_betavae.state_r2")
    others = [rows[n] for n in names if first is not None and n != first.name]
    if first is None or not others:
        return Weighed("not tested", "needs the baseline and another variant")
    best = max(others, key=lambda row: row.value)
    found = against(best, first.high if first.high is not None else first.value, f"R² of the state, {best.name}")
    if found.verdict == "supported":  # the losses do something: not marginal
        return Weighed("contradicted", found.reason, (first.name, best.name))
    apart = best.value - first.value
    return Weighed(
        "supported" if abs(apart) < 0.05 else "open", f"R² of the state: {apart:+.3f} at best; intervals overlap",
        (first.name, best.name),
    )  # fmt: skip


def _quality(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp5.baseline_betavae.logmel")
    return against(row, _GOOD_LOG_MEL, "log-mel distance in nats, against what a healthy VAE reaches", higher=False)


def _correction(rows: Rows) -> Weighed:
    row, known = rows.get("dynamics.exp6.best"), rows.get("dynamics.exp6.known_answer_gap")
    if row is None or known is None or row.null is None:
        return Weighed("not tested", "the rows that it needs are not there")
    gap = f"; on known answers denoising is within {100 * known.value:.1f} % of the best"
    gain = 1 - row.value / row.null
    says = f"energy score {100 * gain:+.1f} % lower than without{gap}"
    names = (row.name, known.name)
    if row.met:
        return Weighed("contradicted", says, names)
    return Weighed("supported" if known.met else "open", says, names)


def _heard(rows: Rows) -> Weighed:
    near, far = (f(rows, r"dynamics\.exp7\.k(\d+)\.vmf") for f in (shortest, longest))
    if near is None or far is None or near is far:
        return Weighed("not tested", "the rows that it needs are not there")
    text = (
        f"log-mel distance around the rolled frames: {near.value:.2f} at the shortest, {far.value:.2f} at the longest"
    )
    return Weighed("open", f"{text}; whether it is heard takes listeners (the page is there)", (near.name, far.name))


def _clusters(rows: Rows) -> Weighed:
    row = longest(rows, r"dynamics\.exp8\.k(\d+)\.angle")
    return against(
        row, row.baseline if row else None, "angle in degrees, against pairs of frames at random", higher=False
    )


def _sharp(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp8.k64.angle") or longest(rows, r"dynamics\.exp8\.k(\d+)\.angle")
    alive = rows.get("dynamics.exp5.baseline_betavae.active_units")
    found = against(row, _SHARP, "angle in degrees", higher=False)
    if alive is None:
        return found
    return Weighed(found.verdict, f"{found.reason}; {100 * alive.value:.0f} % of units are active", found.rows)


def _frozen(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp9.active_units")
    return against(row, _ALIVE, "share of active units", opposite=True)


def _codes(rows: Rows) -> Weighed:
    row = rows.get("dynamics.exp10.top1")
    if row is None:
        return Weighed("not tested", "the rows that it needs are not there")
    return against(row, row.baseline, "top-1, against the best simple guess")


def _stable(rows: Rows) -> Weighed:
    found = {n: r for n, r in rows.items() if re.fullmatch(r"dynamics\.exp11\.\w+_tweedie", n)}
    if not found:
        return Weighed("not tested", "the rows that it needs are not there")
    met = [n.rpartition(".")[2] for n, r in found.items() if r.met]
    beats = [n for n, r in found.items() if r.met and r.baseline is not None and r.value < r.baseline]
    text = f"{len(met)} of {len(found)} conditions are better than without ({', '.join(met) or 'none'}); "
    text += f"{len(beats)} of those also better than shrinking as far without a score"
    verdict: Verdict = "supported" if len(beats) == len(found) else "open" if met else "contradicted"
    return Weighed(verdict, text, tuple(found))


CONCLUSIONS = (
    Conclusion("1", "The direction of the next change is predictable", "cosine .73 at k = 1, .06 at k = 8; .71 is what "
               "frames that know nothing of each other give", _direction),
    Conclusion("1", "The length of the next change is not predictable", "log-magnitude R² -3686, which is E[m] of a "
               "deviation stuck at its bound", _magnitude),
    Conclusion("1", "Direction × magnitude beats no context", "ΔNLL -2.20 nats in the text, +2.20 in the file; a "
               "concentration that never learned", _gain),
    Conclusion("1B", "Training on rollouts makes free running collapse", "teacher cosine .73 → .12; targets were one "
               "frame late", _collapse),
    Conclusion("2", "Rollouts fail by the second or third step", "state error and cosine to the one future that came, "
               "which a perfect sampler loses too", _catastrophe),
    Conclusion("3", "Mimi is more predictable than EnCodec", "ΔNLL -184 against -94 nats per frame, at 12.5 and 75 Hz",
               _codecs),
    Conclusion("3B", "Direction is heard, magnitude is not", "one listener; errors of different size", _perception),
    Conclusion("4", "Fewer dimensions make dynamics easier", "cosine .70 against .62, of another target", _components),
    Conclusion("5", "Losses for smoothness and predictability change little", "ΔNLL -41.4 against -44.7, one seed, "
               "collapsed latents", _friendly),
    Conclusion("5", "32 dimensions reconstruct speech well", "called excellent at a log-mel distance of 2.47 nats",
               _quality),
    Conclusion("6", "Correction by a score does not help", "state error 80.01 → 80.01; noise a third of the error",
               _correction),
    Conclusion("7", "One step goes unheard, sixteen do not", "one listener, not blind", _heard),
    Conclusion("8", "Directions of change cluster", "57.8° at K = 64 in 512 dimensions, 54.4° in 32; isotropic ones "
               "have 84° and 65°", _clusters),
    Conclusion("8", "64 codes describe directions sharply", "13.5° in a space that had collapsed to four dimensions",
               _sharp),
    Conclusion("9", "A frozen encoder gives dead latents", "rollout cosine exactly 0: weights that were not there",
               _frozen),
    Conclusion("10", "Codes of directions can be predicted", "top-1 15.4 % of 256, its own gate of 40 % not met",
               _codes),
    Conclusion("11", "Denoising each frame keeps rollouts alive", NO_RESULT, _stable),
)  # fmt: skip
"""In the order of the experiments."""


def table(rows: Rows, tiers: Mapping[str, str], corpus: str) -> pd.DataFrame:
    """One row per conclusion.

    Parameters
    ----------
    rows : mapping
        Scorecard rows by name.
    tiers : mapping
        Tier of evidence by experiment; where one is missing, that of experiment 1.
    corpus : str
        What the speech is, to be named beside the tier.
    """
    found = []
    for c in CONCLUSIONS:
        weighed = c.weigh(rows)
        own = [rows[name] for name in weighed.rows]
        sizes = [r.n for r in own if r.n is not None]
        tier = tiers.get(c.experiment, tiers["1"])
        found.append(
            {
                "experiment": c.experiment, "conclusion": c.text, "published": c.published,
                "verdict": weighed.verdict, "measured": weighed.reason,
                "tier": f"{tier}, {corpus}" if tier == "speech" else tier, "n": min(sizes) if sizes else None,
                "rows": " ".join(weighed.rows),
            }
        )  # fmt: skip
    return pd.DataFrame(found)


def counts(frame: pd.DataFrame) -> dict[str, int]:
    """How many conclusions have each verdict."""
    return {str(v): int(n) for v, n in frame.verdict.value_counts().items()}
