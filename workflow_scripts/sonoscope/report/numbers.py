"""How numbers are written: as many digits as their uncertainty allows, and a true minus sign."""

import math
from collections.abc import Sequence

MINUS = "\u2212"
_RAISED = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
SPACE = "\u00a0"  # keeps a number and its unit on one line


def decimals(value: float, low: float | None = None, high: float | None = None) -> int:
    """Places after the point that a number deserves.

    With an interval: so many that its half-width keeps two digits if they are below 35, and one otherwise (the rule of
    the Particle Data Group). Without one: three significant digits, or none after the point of a whole number.
    """
    if low is not None and high is not None and high > low:
        half = (high - low) / 2
        leading = half / 10 ** math.floor(math.log10(half))
        places = (1 if leading < 3.55 else 0) - math.floor(math.log10(half))
    elif value == round(value) and abs(value) < 1e6:
        places = 0
    else:
        places = 2 - math.floor(math.log10(abs(value)))
    return min(max(places, 0), 6)


def places_together(values: Sequence[tuple[float, float | None, float | None]]) -> int:
    """Places for numbers of one unit that are read side by side: the fewest that any needs, or one less than the most.

    Numbers between -1 and 1 keep two, so that a correlation of 0.55 is not rounded to 0.6 for its wide interval.
    """
    each = [decimals(*v) for v in values]
    if any(places for places in each) and all(abs(value) <= 1 for value, _, _ in values):
        each = [max(places, 2) for places in each]
    return max(min(each), max(each) - 1)


def show(value: float | None, places: int | None = None) -> str:
    """``value`` with ``places`` after the point (by default three significant digits); an en dash for None."""
    if value is None or not math.isfinite(value):
        return "\u2013"
    if places is None and value != 0 and abs(value) < 5e-7:
        return _scientific(value)
    text = f"{value:,.{decimals(value) if places is None else places}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


def _scientific(value: float) -> str:
    """A number too small for six places: two digits times a power of ten."""
    digits, _, power = f"{value:.1e}".partition("e")
    raised = str(int(power)).translate(_RAISED)
    return f"{digits.replace('-', MINUS)}\u00b710{raised}"


def interval(low: float | None, high: float | None, places: int) -> str:
    """``[low, high]``, or nothing where there is none."""
    return "" if low is None or high is None else f"[{show(low, places)},{SPACE}{show(high, places)}]"


def percent(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A share as a whole percentage, with its interval behind it."""
    if value is None:
        return "\u2013"
    text = f"{show(100 * value, 0)}{SPACE}%"
    return text if low is None or high is None else f"{text}{SPACE}{interval(100 * low, 100 * high, 0)}"


def decibels(amplitude: float) -> str:
    """An amplitude relative to full scale, in dBFS."""
    return f"{MINUS}\u221e{SPACE}dBFS" if amplitude <= 0 else f"{show(20 * math.log10(amplitude), 0)}{SPACE}dBFS"


def signed(value: float, places: int = 2) -> str:
    """A difference, with its sign."""
    text = show(value, places)
    return text if text.startswith(MINUS) else f"+{text}"
