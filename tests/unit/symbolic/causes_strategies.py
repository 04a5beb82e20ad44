"""Hypothesis strategies of causes."""

from hypothesis import strategies as st

from sonoscope.symbolic.causes import (
    ARTICULATION_RANGE,
    DENSITY_RANGE,
    DYNAMICS_RANGE,
    METRES,
    MODES,
    PROGRESSIONS_OF,
    REGISTERS,
    TEMPO_RANGE,
    Causes,
)

SEEDS = st.integers(0, 2**63 - 1)
VALUES = {
    "mode": st.sampled_from(MODES),
    "key": st.integers(0, 11),
    "tempo": st.floats(*TEMPO_RANGE),
    "metre": st.sampled_from(METRES),
    "register": st.sampled_from(tuple(REGISTERS.values())),
    "density": st.floats(*DENSITY_RANGE),
    "articulation": st.floats(*ARTICULATION_RANGE),
    "dynamics": st.integers(*DYNAMICS_RANGE),
    "progression": st.sampled_from(PROGRESSIONS_OF["major"] + PROGRESSIONS_OF["minor"]),
    "programs": st.lists(st.integers(0, 127), min_size=1, max_size=3).map(tuple),
    "drums": st.booleans(),
}
CAUSES = st.builds(Causes, **VALUES)
