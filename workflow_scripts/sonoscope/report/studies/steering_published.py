"""Numbers that others published, to be set beside ours. They come from other models, prompts and clips."""

from dataclasses import dataclass

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


# Table 2: share heard by the circular probe at coefficients 0.15, 0.30, 0.45, 0.60 (gate 0.3, κ 0.95)
CURVES: dict[str, tuple[float, float, float, float]] = {
    "notes": (0.231, 0.461, 0.684, 0.824),
    "intervals": (0.121, 0.156, 0.187, 0.223),
    "scales": (0.154, 0.157, 0.161, 0.176),
    "chords": (0.271, 0.288, 0.320, 0.344),
    "simple_progressions": (0.070, 0.079, 0.096, 0.114),
    "time_signatures": (0.172, 0.204, 0.238, 0.245),
}


@dataclass(frozen=True)
class Ablation:
    """One row of the ablations on notes: what it says, probe accuracy, Fréchet distance, CLAP."""

    words: str
    accuracy: float | None
    frechet: float
    clap: float


# By the names of the variants of the presets and examples. Coefficient 0.60; no embedding of the distance is stated
ABLATIONS: dict[str, Ablation] = {
    "gate_30": Ablation("gate 0.30", 0.697, 0.118, 0.306),
    "gate_60": Ablation("gate 0.60", 0.931, 0.281, 0.265),
    "gate_100": Ablation("gate 1.00", 0.964, 0.599, 0.155),
    "all": Ablation("uniform weights", 0.964, 0.599, 0.155),
    "linear": Ablation("linear weights", 0.959, 0.482, 0.166),
    "power": Ablation("κ = 0.95", 0.961, 0.465, 0.194),
    "exp_weighting": Ablation("κ = 0.95", 0.961, 0.465, 0.194),
    "top_2": Ablation("12 of 48 layers", 0.882, 0.225, 0.263),
    "top_k": Ablation("16 of 48 layers", 0.941, 0.347, 0.225),
    "exponential_decay": Ablation("exponential decay", None, 0.229, 0.312),
    "exp_decay": Ablation("exponential decay", None, 0.229, 0.312),
    "linear_decay": Ablation("linear decay", None, 0.321, 0.257),
    "linear_rise": Ablation("linear rise", None, 0.358, 0.227),
    "logistic": Ablation("logistic", None, 0.360, 0.208),
    "sine": Ablation("sine", None, 0.413, 0.225),
    "crossfade": Ablation("crossfade", None, 0.350, 0.250),
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
