"""All 92 General-MIDI programs that SynTheory uses: those with a clear pitch, by the families of the standard."""

from sonoscope.symbolic.instruments import BY_PROGRAM, Instrument

FAMILIES: tuple[str, ...] = (
    "piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe",
    "synth lead", "synth pad", "synth effects", "ethnic", "percussive", "sound effects",
)  # fmt: skip
"""Eight programs each."""
LEFT_OUT: frozenset[int] = frozenset({*range(96, 104), *range(112, 128), 8, 9, 14, 21, 23, 47, 86, 22, 31, 55, 77, 78})
"""Effects, programs with ambiguous overtones (celesta, glockenspiel, …), and those that articulate by themselves."""


def all_instruments() -> tuple[Instrument, ...]:
    """The 92 instruments, by program; those of the compact subset keep their word."""
    from pretty_midi import program_to_instrument_name

    programs = [p for p in range(128) if p not in LEFT_OUT]
    return tuple(
        BY_PROGRAM.get(p, Instrument(p, str(program_to_instrument_name(p)).lower(), FAMILIES[p // 8], 36, 95))
        for p in programs
    )
