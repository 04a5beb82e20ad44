"""``doctor.md``: the examination for reading."""

from collections.abc import Iterable, Iterator, Sequence

from sonoscope.doctor.examination import Examination
from sonoscope.doctor.fitting import Fit
from sonoscope.doctor.memory import SECONDS
from sonoscope.logs import size

_STATES = {"here": "yes", "broken": "does not load", "absent": "no"}


def write_page(found: Examination) -> str:
    """Compose the page in Markdown."""
    parts = [
        "# This machine",
        _lines(f"- {line}" for line in found.advice) if found.advice else "Nothing to complain of.",
        _recommendation(found),
        "## Machine",
        _machine(found),
        "## Speed",
        "Median rate of square matrix products.",
        _speed(found),
        "## MusicGen",
        f"Clips of {SECONDS:.0f} s that fit at once, by a conservative estimate of weights, cache of keys and values, "
        "activations, codec and text encoder, on 90 % of a CUDA card or 80 % of the main memory.",
        *(_fits(found, device.torch_name, device.name) for device in found.devices),
        "## Optional tools",
        _tools(found),
    ]
    return "\n\n".join(parts) + "\n"


def _recommendation(found: Examination) -> str:
    advised = found.recommendation
    return f"**Take {advised.model}** (preset `{advised.preset}`, {advised.device}): {advised.why}."


def _machine(found: Examination) -> str:
    cpu, memory = found.processor, found.memory
    torch = f"torch {found.torch}" + (f" for CUDA {found.cuda}" if found.cuda else " without CUDA")
    rows = [
        ("Sonoscope", found.sonoscope),
        ("System", found.system),
        ("Python", f"{found.python}, {torch if found.torch else 'no torch'}"),
        ("Processor", f"{cpu.model}, {cpu.threads} threads"),
        ("Instructions of use", ", ".join(cpu.instructions) or "none known"),
        ("Memory", f"{size(memory.total)}, {size(memory.available)} available"),
        *((f"Disk at {disk.place}", f"{size(disk.free)} free of {size(disk.total)}") for disk in found.disks),
        *(_card(found)),
        ("audiocraft", found.audiocraft or "can be imported"),
        ("Soundfont", found.soundfonts[0] if found.soundfonts else "none"),
    ]
    return _table(("what", "found"), rows)


def _card(found: Examination) -> Iterator[tuple[str, str]]:
    for device in found.devices:
        if device.place != "cpu":
            capability = f", compute capability {device.capability}" if device.capability else ""
            free = f", {size(device.free)} free" if device.free is not None else ""
            yield device.torch_name, f"{device.name}, {size(device.memory)}{free}{capability}"
    if not any(device.place != "cpu" for device in found.devices):
        yield "Graphics card", "none that torch can use"


def _speed(found: Examination) -> str:
    rows = [
        (r.device, r.dtype, f"{r.size} × {r.size}", f"{r.gflops:,.0f} GFLOP/s", str(r.repeats)) for r in found.rates
    ]
    return _table(("device", "type", "size", "rate", "runs"), rows) if rows else "Not measured: there is no torch."


def _fits(found: Examination, device: str, name: str) -> str:
    rows: dict[str, dict[str, Fit]] = {}
    for fit in found.fits:
        if fit.device == device:
            rows.setdefault(fit.model, {})[fit.precision] = fit
    precisions = sorted({fit.precision for fit in found.fits if fit.device == device})
    header = ["model", *(column for p in precisions for column in (f"{p}: clips at once", "memory for one"))]
    body = [[model, *(c for p in precisions for c in _cells(by[p]))] for model, by in rows.items()]
    return f"{name} ({device}):\n\n{_table(header, body)}"


def _cells(fit: Fit) -> tuple[str, str]:
    return str(fit.largest_batch) if fit.largest_batch else "does not fit", size(fit.needed)


def _tools(found: Examination) -> str:
    rows = [(tool.name, _STATES[tool.state], tool.detail, tool.adds) for tool in found.tools]
    return _table(("tool", "here", "version or path", "adds"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table that reads well in a terminal too: columns padded to their widest entry."""
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    padded = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (w + 2) for w in widths) + "|"
    return _lines([padded[0], rule, *padded[1:]])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)
