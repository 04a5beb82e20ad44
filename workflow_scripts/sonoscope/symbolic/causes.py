"""What a piece of the known world is made from: every cause, with its unit and its range."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from sonoscope.symbolic.notes import PITCH_CLASSES
from sonoscope.symbolic.syntheory import PROGRESSIONS

Mode = Literal["major", "minor"]
Metre = Literal["4/4", "3/4", "6/8"]

MODES: tuple[Mode, ...] = get_args(Mode)
METRES: tuple[Metre, ...] = get_args(Metre)
REGISTERS: dict[str, int] = {"low": -12, "mid": 0, "high": 12}
"""Semitones by which a whole piece is moved, by name. Octaves only, so that register never changes the key."""

TEMPO_RANGE = (50.0, 210.0)
"""Beats per minute, the range of SynTheory's tempos."""
DENSITY_RANGE = (0.5, 3.0)
"""Melody notes per beat."""
ARTICULATION_RANGE = (0.3, 1.0)
"""Sounding fraction of the time to the next note: staccato to legato."""
DYNAMICS_RANGE = (32, 108)
"""Mean MIDI velocity; accents keep clear of 1 and 127."""

_CHURCH_MODE: dict[Mode, str] = {"major": "ionian", "minor": "aeolian"}
PROGRESSIONS_OF: dict[Mode, tuple[str, ...]] = {
    mode: tuple("".join(map(str, degrees)) for church, degrees in PROGRESSIONS if church == name)
    for mode, name in _CHURCH_MODE.items()
}
"""SynTheory's templates as scale degrees, one chord per bar, by the mode that they are written for."""
AMBIGUOUS: frozenset[str] = frozenset({"7671"})
"""Templates never drawn by chance: 7671 in minor is heard in the relative major (key profiles agree 6 times in 7)."""
DRAWN: dict[Mode, tuple[str, ...]] = {
    mode: tuple(t for t in templates if t not in AMBIGUOUS) for mode, templates in PROGRESSIONS_OF.items()
}
"""Templates that causes are drawn from."""


@dataclass(frozen=True, slots=True)
class Causes:
    """The causes of one piece. Each can be held or varied alone.

    Raises
    ------
    ValueError
        A cause lies outside its range; all such causes are named at once.
    """

    mode: Mode = "major"
    """Major, or minor with the leading tone raised in dominant chords."""
    key: int = 0
    """Pitch class of the tonic, 0 (C) to 11 (B)."""
    tempo: float = 110.0
    """Beats per minute; the beat of 6/8 is the dotted quarter."""
    metre: Metre = "4/4"
    """Time signature."""
    register: int = 0
    """Semitones by which the piece is moved: -12 (low), 0 (mid) or 12 (high)."""
    density: float = 1.5
    """Melody notes per beat, the last bar apart; the accompaniment follows in three steps."""
    articulation: float = 0.9
    """Sounding fraction of the time from a note to the next in its voice, within the bar."""
    dynamics: int = 70
    """Mean MIDI velocity of the pitched voices."""
    progression: str = "1564"
    """Scale degrees of the chords, one per bar, repeated; the last bar is always the tonic."""
    programs: tuple[int, ...] = (0,)
    """General-MIDI programs of melody, chords and bass; the last stands for those not given."""
    drums: bool = False
    """Whether a drum kit plays along."""

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be {expected}, got {getattr(self, name)!r}"
            for name, (valid, expected) in self._checks().items()
            if not valid
        ]
        if problems:
            raise ValueError("; ".join(problems))

    def _checks(self) -> dict[str, tuple[bool, str]]:
        def within(value: float, bounds: tuple[float, float]) -> tuple[bool, str]:
            return bounds[0] <= value <= bounds[1], f"in [{bounds[0]}, {bounds[1]}]"

        few = 1 <= len(self.programs) <= 3
        degrees = bool(self.progression) and all(d in "1234567" for d in self.progression)
        return {
            "mode": (self.mode in MODES, f"one of {', '.join(MODES)}"),
            "key": within(self.key, (0, 11)),
            "tempo": within(self.tempo, TEMPO_RANGE),
            "metre": (self.metre in METRES, f"one of {', '.join(METRES)}"),
            "register": (self.register in REGISTERS.values(), "-12, 0 or 12"),
            "density": within(self.density, DENSITY_RANGE),
            "articulation": within(self.articulation, ARTICULATION_RANGE),
            "dynamics": within(self.dynamics, DYNAMICS_RANGE),
            "progression": (degrees, "scale degrees 1 to 7, such as 1451"),
            "programs": (few and all(0 <= p <= 127 for p in self.programs), "one to three programs in [0, 127]"),
        }

    @property
    def tonic(self) -> str:
        """Name of the tonic, such as F#."""
        return PITCH_CLASSES[self.key]

    @property
    def register_name(self) -> str:
        """Low, mid or high."""
        return next(name for name, semitones in REGISTERS.items() if semitones == self.register)

    @property
    def voice_programs(self) -> tuple[int, int, int]:
        """Programs of melody, chords and bass."""
        melody, chords, bass = (self.programs + (self.programs[-1],) * 2)[:3]
        return melody, chords, bass


CAUSES: tuple[str, ...] = tuple(f.name for f in fields(Causes))
"""Names of all causes."""
