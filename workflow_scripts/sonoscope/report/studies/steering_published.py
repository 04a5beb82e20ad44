"""Numbers that others published, to be set beside ours. They come from other models, prompts and clips."""

import pandas as pd

SOURCE = "Zhao et al., arXiv 2510.19127 (MusicGen-large)"

# Share heard by the circular probe at the largest coefficient tried (0.60), and chance
STEERED: dict[str, tuple[float, float]] = {
    "notes": (0.824, 1 / 12),
    "intervals": (0.223, 1 / 12),
    "scales": (0.176, 1 / 7),
    "chords": (0.344, 1 / 4),
    "simple_progressions": (0.114, 1 / 19),
    "time_signatures": (0.245, 1 / 8),
}
# Share heard in the sound: pitch class or chord that dominates, at the same coefficient
HEARD: dict[str, float] = {"notes": 0.665, "chords": 0.350}

# Test accuracy under random splits of single clips; of tempos, R²
_PROBED: dict[str, dict[str, float]] = {
    "notes": {"rfm": 0.850, "linear": 0.761, "mlp": 0.866},
    "intervals": {"rfm": 0.975, "linear": 0.618, "mlp": 0.972},
    "scales": {"rfm": 0.956, "linear": 0.158, "mlp": 0.905},
    "chords": {"rfm": 0.984, "linear": 0.834, "mlp": 0.989},
    "simple_progressions": {"rfm": 0.943, "linear": 0.725, "mlp": 0.901},
    "time_signatures": {"rfm": 0.900, "linear": 0.729, "mlp": 0.905},
    "tempos": {"rfm": 0.985, "linear": 0.972, "mlp": 0.965},
}


def probed(concept: str, probe: str) -> float | None:
    """Published score of a probe under the random split; None where there is none."""
    return _PROBED.get(concept, {}).get(probe)


def beside(curves: pd.DataFrame) -> pd.DataFrame:
    """Our headline arms (columns concept, chance, accuracy, probe) with the published ones beside them."""
    out = curves.copy()
    out["published_probe"] = [STEERED.get(c, (None, None))[0] for c in out["concept"]]
    out["published_heard"] = [HEARD.get(c) for c in out["concept"]]
    times = [STEERED[c][0] / STEERED[c][1] if c in STEERED else None for c in out["concept"]]
    out["published_times_chance"] = times
    out["times_chance"] = out["accuracy"] / out["chance"]
    return out
