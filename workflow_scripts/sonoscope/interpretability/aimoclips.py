"""What people heard in MusicGen's clips: published ratings of AImoclips (arXiv 2509.00813), the reference of steering.

165 clips of MusicGen, each asked for one of twelve emotions, rated by 4 to 9 people on scales from 1 to 9. Asked-for
places are those of the words' norms. The summary figures were computed from the published ratings of all clips.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Rated(NamedTuple):
    """One emotion that was asked for, and what was heard; scales from 1 to 9."""

    emotion: str
    asked_valence: float
    asked_arousal: float
    rated_valence: float
    rated_arousal: float


RATINGS: tuple[Rated, ...] = (
    Rated("happy", 8.47, 6.05, 5.38, 5.27),
    Rated("excited", 8.11, 6.43, 4.80, 5.49),
    Rated("energetic", 7.57, 6.10, 4.38, 6.10),
    Rated("angry", 2.53, 6.20, 3.43, 5.99),
    Rated("anxious", 3.80, 6.20, 4.54, 6.34),
    Rated("scared", 2.80, 6.10, 3.32, 4.55),
    Rated("sad", 2.10, 3.49, 3.25, 4.49),
    Rated("gloomy", 3.15, 3.32, 3.77, 4.74),
    Rated("dull", 3.40, 1.67, 3.72, 4.77),
    Rated("relaxed", 7.25, 2.49, 4.47, 4.53),
    Rated("calm", 6.89, 1.67, 4.67, 3.84),
    Rated("tranquil", 7.11, 2.61, 4.15, 3.64),
)
CLIPS = 165
SLOPES = {"valence": 0.234, "arousal": 0.342}
"""Rise of the rating per rise of what was asked for, over all clips: 1 would be full control, 0 none."""
CORRELATIONS = {"valence": 0.476, "arousal": 0.495}
"""Between what was asked for and what was rated, over all clips."""


def reference_table() -> pd.DataFrame:
    """The ratings as a table."""
    return pd.DataFrame([rated._asdict() for rated in RATINGS])


def slope(asked: NDArray[np.float64], heard: NDArray[np.float64]) -> float:
    """Rise of what is heard per rise of what is asked for, by least squares; the scale, if shared, cancels."""
    return float(np.cov(asked, heard)[0, 1] / np.var(asked, ddof=1))
