"""MuseTok's published rules, one note at a time, as close to their statement as can be: the measure of `events`.

It looks notes up in dictionaries where the published code searches lists, and so is the faster of the two.
"""

import io
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec

RawNote = tuple[int, int, int]
"""First tick, last tick, pitch."""

STRAIGHT = [120, 240, 360, 480, 720, 960, 1440, 1920]
TRIPLETS = [80, 160, 320, 640]
PATTERNS = [
    (80, 160, 240, 320, 400),
    (160, 320, 480, 640, 800),
    (320, 640, 960, 1280, 1600),
    (80, 160),
    (160, 320),
    (320, 640),
    (640, 1280),
]


def nearest(value: int, candidates: Sequence[int]) -> int:
    """The candidate nearest to a value, the first of equally near ones."""
    return min(candidates, key=lambda c: abs(c - value))


class SlowNote:
    """A note on its way to the grid."""

    def __init__(self, start: int, end: int, pitch: int) -> None:
        self.start, self.end, self.pitch = start, end, pitch
        self.q = self.q_end = 0
        self.triplet = False


Raw = tuple[list[RawNote], int, tuple[int, int]]
"""Notes of all tracks, ticks per quarter note, and the first time signature."""


def reader() -> tuple[str, Callable[[bytes], Raw]]:
    """Name and version of the parser, and how it reads: miditoolkit, as the published code, or mido below it."""
    if find_spec("miditoolkit") is not None:
        return f"miditoolkit {version('miditoolkit')}", read_with_miditoolkit
    return f"mido {version('mido')}", read_with_mido


def read_with_miditoolkit(content: bytes) -> Raw:
    """Read as the published code does: every note of every instrument, drums among them."""
    import miditoolkit

    midi = miditoolkit.MidiFile(file=io.BytesIO(content))
    notes = [(n.start, n.end, n.pitch) for instrument in midi.instruments for n in instrument.notes]
    metres = midi.time_signature_changes
    first = (metres[0].numerator, metres[0].denominator) if metres else (4, 4)
    return notes, midi.ticks_per_beat, first


def read_with_mido(content: bytes) -> Raw:
    """Read event by event; a note that ends closes the oldest open one of its pitch and channel."""
    import mido

    midi = mido.MidiFile(file=io.BytesIO(content))
    notes: list[RawNote] = []
    metres: list[tuple[int, int, int]] = []
    for track in midi.tracks:
        now = 0
        waiting: dict[tuple[int, int], deque[int]] = defaultdict(deque)
        own: list[RawNote] = []
        for event in track:
            now += event.time
            if event.type == "time_signature":
                metres.append((now, event.numerator, event.denominator))
            elif event.type == "note_on" and event.velocity > 0:
                waiting[event.channel, event.note].append(now)
            elif event.type in ("note_on", "note_off") and waiting[event.channel, event.note]:
                own.append((waiting[event.channel, event.note].popleft(), now, event.note))
        notes += sorted(own, key=lambda n: n[0])
    first = min(metres, key=lambda m: m[0])[1:] if metres else (4, 4)
    return notes, midi.ticks_per_beat, first


def slow_events(
    raw: Sequence[RawNote], ticks_per_quarter: int, numerator: int, denominator: int
) -> tuple[list[list[str]], int]:
    """Names of tokens, a list per bar, and the number of empty bars left out in front.

    ``raw`` holds the notes of every track in the file's order.
    """
    notes = []
    for start, end, pitch in raw:
        if not 21 <= pitch <= 108:
            raise ValueError("pitch out of range")
        if ticks_per_quarter != 480:
            length = int((end - start) / ticks_per_quarter * 480)
            start = int(start / ticks_per_quarter * 480)
            end = start + length
        notes.append(SlowNote(start, end, pitch))
    notes.sort(key=lambda n: (n.start, n.pitch))
    notes.sort(key=lambda n: (n.start, -n.pitch))

    bar = int(480 * 4 * numerator / denominator)
    straight_grid = [*range(0, bar, 120), bar]
    whole_grid = sorted({*range(0, bar, 80), *straight_grid})
    for n in notes:
        n.q = n.start - n.start % bar + nearest(n.start % bar, whole_grid)

    taken = {n.q for n in notes}
    validated: set[int] = set()
    for n in notes:
        if n.q % 80 != 0:
            continue
        if n.q not in validated:
            for pattern in PATTERNS:
                members = [n.q + p for p in pattern]
                if all(m in taken for m in members) and members[-1] < n.q // bar * bar + bar:
                    validated.update([n.q, *members])
                    break
        if n.q in validated:
            n.triplet = True
        else:
            n.q = n.start - n.start % bar + nearest(n.start % bar, straight_grid)

    for n in notes:
        d = nearest(n.end - n.q, STRAIGHT + TRIPLETS if n.triplet else STRAIGHT)
        n.q_end = n.q + d

    groups: dict[int, list[SlowNote]] = {}
    for n in notes:
        groups.setdefault(n.q, []).append(n)
    onsets = sorted(groups)
    group_end = [max(n.q_end for n in groups[o]) for o in onsets]
    place = {o: i for i, o in enumerate(onsets)}
    for n in notes:
        i = place[n.q]
        if i == len(onsets) - 1:
            continue
        j = i + 1
        while j < len(onsets) - 1 and n.q_end > onsets[j]:
            if n.q_end >= group_end[j]:
                j += 1
                continue
            if onsets[j] - n.q in STRAIGHT + TRIPLETS:
                n.q_end = onsets[j]
            break

    first = notes[0].q // bar
    count = -(-notes[-1].q_end // bar) - first
    bars = []
    for b in range(first, first + count):
        tokens = ["Bar_None"]
        for position in range(0, bar, 40):
            for n in groups.get(b * bar + position, []):
                tokens.append(f"Beat_{position // 40}")
                tokens.append(f"Note_Pitch_{n.pitch}")
                tokens.append(f"Note_Duration_{min(n.q_end - n.q, bar)}")
        tokens.append(f"Time_Signature_{numerator}/{denominator}")
        bars.append(tokens)
    bars[-1].append("EOS_None")
    return bars, first
