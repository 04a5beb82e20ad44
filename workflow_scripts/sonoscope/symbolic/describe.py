"""Prompts for SynTheory clips, in the words that lessons use."""

from typing import Any

from sonoscope.symbolic.instruments import CLICKS, INSTRUMENTS, TAUGHT_CLICKS
from sonoscope.symbolic.syntheory import INTERVALS

_CLICK_WORD = {c.name: c.word for c in CLICKS}
_SHAPE = {"UP": "rising", "DOWN": "falling", "UNISON": "simultaneous"}


def prompt(concept: str, labels: dict[str, Any]) -> str:
    """A prompt that names the causes of a clip, from its published labels."""
    on = f"on {labels['midi_program_name']}" if "midi_program_name" in labels else ""
    match concept:
        case "notes":
            return f"a repeated {labels['root_note_name']} {on}"
        case "intervals":
            return f"a {_SHAPE[labels['play_style_name']]} {INTERVALS[labels['interval'] - 1]} {on}"
        case "scales":
            return f"a {_SHAPE[labels['play_style_name']]} {labels['root_note_name']} {labels['mode']} scale {on}"
        case "chords":
            return f"a {labels['root_note_name']} {labels['chord_type']} chord {on}"
        case "simple_progressions":
            mode, _, degrees = labels["chord_progression"].partition("-")
            figures = degrees.strip("()").replace(",", "")
            quality = {"ionian": "major", "aeolian": "minor"}[mode]
            return f"a progression {figures} in {labels['key_note_name']} {quality} {on}"
        case "tempos":
            return f"a {_CLICK_WORD[labels['click_config_name']]} at {labels['bpm']} bpm"
        case "time_signatures":
            return f"a {_CLICK_WORD[labels['click_config_name']]} in {labels['time_signature']}"
    raise ValueError(f"concept: expected one of SynTheory's, got {concept!r}")


def _sounds(concept: str) -> list[str]:
    rhythmic = concept in ("tempos", "time_signatures")
    return [sound.word for sound in TAUGHT_CLICKS] if rhythmic else [sound.name for sound in INSTRUMENTS]


def open_prompts(concept: str, count: int) -> list[str]:
    """``count`` prompts that ask for a concept and leave its value open, over all instruments or clicks in turn."""
    words = _sounds(concept)
    return [open_prompt(concept, words[k % len(words)]) for k in range(count)]


def target_prompts(concept: str, target: str, count: int) -> list[str]:
    """``count`` prompts that ask for one value, over all instruments or clicks in turn.

    Parameters
    ----------
    target : str
        Value as settings name it, such as C, 6, dorian, major, ionian-1451 or 3-4.
    """
    words = _sounds(concept)
    return [target_prompt(concept, target, words[k % len(words)]) for k in range(count)]


def target_prompt(concept: str, target: str, sound: str) -> str:
    """A prompt that asks for one value of a concept on a sound, in the words of lessons."""
    match concept:
        case "notes":
            return f"a repeated {target} on {sound}"
        case "intervals":
            return f"a rising {INTERVALS[int(target) - 1]} on {sound}"
        case "scales":
            return f"a rising C {target} scale on {sound}"
        case "chords":
            return f"a C {target} chord on {sound}"
        case "simple_progressions":
            mode, _, degrees = target.partition("-")
            quality = {"ionian": "major", "aeolian": "minor"}[mode]
            return f"a progression {' '.join(degrees)} in C {quality} on {sound}"
        case "time_signatures":
            return f"a {sound} in {target.replace('-', '/')}"
    raise ValueError(f"concept: expected one with named values, got {concept!r}")


def open_prompt(concept: str, sound: str) -> str:
    """A prompt that asks for a concept on a sound and leaves its value open."""
    match concept:
        case "notes":
            return f"a repeated note on {sound}"
        case "intervals":
            return f"an interval on {sound}"
        case "scales":
            return f"a scale on {sound}"
        case "chords":
            return f"a chord on {sound}"
        case "simple_progressions":
            return f"a progression on {sound}"
        case "tempos":
            return f"a {sound}"
        case "time_signatures":
            return f"a {sound} in a metre"
    raise ValueError(f"concept: expected one of SynTheory's, got {concept!r}")
