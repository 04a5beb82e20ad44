"""Storage and time for a number of tracks, from constants that were measured; the docs page is made of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Constants:
    """What was measured, on one core of a shared 2-core machine (CPU time)."""

    segments: float = 52.5
    """Rows per track: 3.5 minutes in windows of 4 s."""
    dim: int = 4096
    """Numbers per row, of 4 bytes; 1 byte in an 8-bit index."""
    seconds_per_row: float = 0.17
    """Pass, backward pass and sketch of one window of 200 frames with the shipped model (5 million parameters)."""
    exact_per_million: float = 0.67
    """Exact scan of a million rows for one query; 0.14 for each of 50 queries at once."""
    sq8_per_million: float = 0.74
    """Scan of a million rows of 8 bits for one query, with 0.998 of the exact first ten found."""


@dataclass(frozen=True)
class Cost:
    """What a corpus takes."""

    tracks: int
    rows: int
    gigabytes: float
    """Rows of one feature and checkpoint."""
    sq8_gigabytes: float
    gram_gigabytes: float
    """Gram matrix in float64, whatever the number of rows."""
    hours: float
    """CPU hours to embed, one feature and checkpoint."""
    exact_seconds: float
    """CPU time of one query."""
    sq8_seconds: float


def cost(tracks: int, c: Constants | None = None) -> Cost:
    """Cost of ``tracks`` tracks; all but the Gram matrix grow in proportion."""
    c = c or Constants()
    rows = round(tracks * c.segments)
    return Cost(
        tracks,
        rows,
        rows * c.dim * 4 / 1e9,
        rows * c.dim / 1e9,
        c.dim**2 * 8 / 1e9,
        rows * c.seconds_per_row / 3600,
        rows / 1e6 * c.exact_per_million,
        rows / 1e6 * c.sq8_per_million,
    )


def table(tracks: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)) -> str:
    """A Markdown table."""
    head = ["tracks", "rows", "store (GB)", "8-bit index (GB)", "Gram matrix (GB)", "embedding (CPU h)"]
    head += ["exact query (s)", "8-bit query (s)"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    for count in tracks:
        c = cost(count)
        numbers = (c.gigabytes, c.sq8_gigabytes, c.gram_gigabytes, c.hours, c.exact_seconds, c.sq8_seconds)
        lines.append(f"| {c.tracks:,} | {c.rows:,} | " + " | ".join(f"{n:.3g}" for n in numbers) + " |")
    return "\n".join(lines)
