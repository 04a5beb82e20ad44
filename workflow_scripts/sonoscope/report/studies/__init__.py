"""The studies that the report knows. A study registers by one line in `STUDIES`."""

from collections.abc import Callable, Mapping

from sonoscope.report.blocks import Study
from sonoscope.report.results import Results
from sonoscope.report.studies import affect, attribution, dynamics, interpretability, steering

STUDIES: Mapping[str, Callable[[Results], Study]] = {
    "steering": steering.build,
    "interpretability": interpretability.build,
    "affect": affect.build,
    "attribution": attribution.build,
    "dynamics": dynamics.build,
}
"""By the name of the study's folder below the results, in the order of the pages: what makes its page.

A builder reads files through their contracts, and says `Missing` where there are none. It computes nothing that a rule
should have computed; it only chooses and words.
"""
