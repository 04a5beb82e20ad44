"""Acceptance tests 14 and 15 on the tests that the study uses, and 18 on the features of rated clips."""

import numpy as np
from scipy.stats import kstest

from sonoscope.corpora.deam import compose_deam, load_deam
from sonoscope.corpora.pmemo import compose_pmemo, load_pmemo
from sonoscope.interpretability.audio_table import feature_table
from sonoscope.statistics import benjamini_hochberg, max_t_test


def test_acceptance_14_p_values_are_uniform_under_the_null():
    g = np.random.default_rng(0)
    labels = np.repeat([0, 1], 10)
    p = [float(max_t_test(g.standard_normal((20, 1)), labels, g, permutations=199).p_value[0]) for _ in range(500)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_acceptance_15_the_false_discovery_rate_is_controlled():
    g = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        p = g.random(100)
        p[:20] *= 1e-3  # true findings
        found = benjamini_hochberg(p) <= 0.05
        shares.append(found[20:].sum() / max(found.sum(), 1))
    assert np.mean(shares) <= 0.05 + 2 * np.std(shares) / len(shares) ** 0.5


def test_acceptance_18_rated_corpora_are_read_and_described(tmp_path):
    """PMEmo's arousal stands before its valence, DEAM's names begin with blanks: both come back on one scale."""
    for name, compose, load in (("pmemo", compose_pmemo, load_pmemo), ("deam", compose_deam, load_deam)):
        compose(tmp_path / name, 4, 17.0, 5)
        corpus = load(tmp_path / name)
        clips = corpus.clips
        assert len(clips) == 4 and clips[["valence", "arousal"]].abs().to_numpy().max() <= 1
        described = feature_table(clips["clip_id"].tolist()[:1], [corpus.root / clips["file"].iloc[0]])
        assert described["rms"].iloc[0] > -60
