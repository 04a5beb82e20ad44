"""Intervals, tests, effect sizes, power and splits. NumPy only; generators are passed in; the group is the unit."""

from sonoscope.statistics.bootstrap import Interval, bootstrap_interval, resampled
from sonoscope.statistics.correlation import correlation_interval, pearson, spearman
from sonoscope.statistics.effects import auc, auc_interval, cohens_d, hedges_g, rank_biserial
from sonoscope.statistics.multiplicity import benjamini_hochberg, holm
from sonoscope.statistics.permutation import max_t_test, permutation_test, permuted_labels
from sonoscope.statistics.power import minimal_detectable_effect, power_two_sample, sample_size
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.statistics.splits import Split, grouped_folds, grouped_split, joined_groups, nested_folds, refuse_overlap

__all__ = [
    "Interval",
    "Split",
    "auc",
    "auc_interval",
    "benjamini_hochberg",
    "bootstrap_interval",
    "cohens_d",
    "correlation_interval",
    "grouped_folds",
    "grouped_split",
    "hedges_g",
    "holm",
    "joined_groups",
    "max_t_test",
    "minimal_detectable_effect",
    "nested_folds",
    "pearson",
    "permutation_test",
    "permuted_labels",
    "power_two_sample",
    "rank_biserial",
    "refuse_overlap",
    "resampled",
    "sample_size",
    "spearman",
    "wilson_interval",
]
