"""Made-up English sentences from a small grammar, for voices to read."""

import numpy as np

_ADJECTIVES = (
    "old", "young", "quiet", "bright", "narrow", "heavy", "gentle", "distant", "broken", "golden", "careful", "curious",
    "frozen", "hollow", "patient", "silver", "crooked", "faithful", "shallow", "weary", "modest", "stubborn",
)  # fmt: skip
_PEOPLE = (
    "farmer", "teacher", "sailor", "painter", "doctor", "traveller", "child", "baker", "soldier", "widow", "judge",
    "gardener", "stranger", "captain", "neighbour", "musician", "merchant", "shepherd", "carpenter", "nurse",
)  # fmt: skip
_THINGS = (
    "house", "river", "letter", "window", "bridge", "garden", "boat", "mountain", "village", "table", "lantern", "road",
    "forest", "book", "basket", "tower", "kettle", "harbour", "mirror", "orchard", "ladder", "chimney", "path", "field",
)  # fmt: skip
_VERBS = (
    "watched", "found", "remembered", "described", "carried", "followed", "painted", "visited", "forgot", "praised",
    "measured", "repaired", "noticed", "avoided", "admired", "crossed", "guarded", "searched", "drew", "left",
)  # fmt: skip
_PLACES = (
    "near", "behind", "beyond", "above", "beside", "under", "across from", "not far from", "in front of", "along",
)  # fmt: skip
_TIMES = (
    "in the morning", "after the storm", "before winter", "that evening", "for many years", "at the end of summer",
    "without a word", "with great care", "as the sun went down", "long ago", "on the third day", "every Thursday",
)  # fmt: skip
_SAYINGS = (
    "said that", "believed that", "wrote that", "had heard that", "was certain that", "could not deny that",
)  # fmt: skip
_JOINS = ("and", "but", "while", "because", "although", "until")


def sentence(rng: np.random.Generator) -> str:
    """One sentence of about 8 to 25 words, capitalised, with a full stop."""
    kind = rng.random()
    if kind < 0.35:
        text = f"{_clause(rng)} {_pick(rng, _TIMES)}"
    elif kind < 0.65:
        text = f"{_clause(rng)}, {_pick(rng, _JOINS)} {_clause(rng)}"
    elif kind < 0.85:
        text = f"{_person(rng)} {_pick(rng, _SAYINGS)} {_clause(rng)} {_pick(rng, _TIMES)}"
    else:
        text = f"{_pick(rng, _TIMES)}, {_clause(rng)} {_pick(rng, _PLACES)} {_thing(rng)}"
    return text[0].upper() + text[1:] + "."


def unique_texts(count: int, sentences: int, rng: np.random.Generator) -> list[str]:
    """``count`` texts of ``sentences`` sentences each, in which no sentence stands twice."""
    seen: set[str] = set()
    texts: list[str] = []
    while len(texts) < count:
        chosen: list[str] = []
        while len(chosen) < sentences:
            found = sentence(rng)
            if found not in seen:
                seen.add(found)
                chosen.append(found)
        texts.append(" ".join(chosen))
    return texts


def transcript(text: str) -> str:
    """``text`` as LibriSpeech writes it: capital letters, apostrophes and single spaces."""
    kept = "".join(c if c.isalpha() or c == "'" else " " for c in text)
    return " ".join(kept.upper().split())


def _clause(rng: np.random.Generator) -> str:
    text = f"{_person(rng)} {_pick(rng, _VERBS)} {_thing(rng)}"
    return f"{text} {_pick(rng, _PLACES)} {_thing(rng)}" if rng.random() < 0.4 else text


def _person(rng: np.random.Generator) -> str:
    return _phrase(rng, _PEOPLE)


def _thing(rng: np.random.Generator) -> str:
    return _phrase(rng, _THINGS)


def _phrase(rng: np.random.Generator, nouns: tuple[str, ...]) -> str:
    described = f"{_pick(rng, _ADJECTIVES)} {_pick(rng, nouns)}" if rng.random() < 0.6 else _pick(rng, nouns)
    if rng.random() < 0.7:
        return f"the {described}"
    return f"{'an' if described[0] in 'aeiou' else 'a'} {described}"


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
