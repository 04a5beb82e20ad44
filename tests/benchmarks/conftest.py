"""Ratios of a run: ours and a peer's, timed in turn in one process, printed at the end and stored for the docs."""

import json
import os
import resource
import statistics
import time
from pathlib import Path

import pytest

from sonoscope.scale.machine import describe_machine

ROWS = []


def cpu_seconds(work):
    """Processor time of a call, which other programs on the machine hardly lengthen; on a card, the clock's."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        return time.perf_counter() - start
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_mb(work):
    """How far a call raises the resident memory of a process, in a child that does nothing else."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            work()
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            os.write(writer, f"{(after - before) / 1024:.1f}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    return float(text) if text else None


class Ratios:
    """Compare calls and keep what was found."""

    def compare(self, name, peer, ours, theirs, *, what, target=1.0, better="higher", rounds=5, memory=True):
        """Keep, and give, the median over rounds of their time over ours; of a cost, ``better="lower"``."""
        ours(), theirs()  # the first call pays for what is set up once
        pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(rounds)]
        each = [b / a if better == "higher" else a / b for a, b in pairs]
        ratio = statistics.median(each)
        card = describe_machine()["gpu"]
        ROWS.append(
            {
                "name": name, "peer": peer, "what": what, "ratio": ratio, "least": min(each), "most": max(each),
                "n": rounds, "ours_seconds": statistics.median(a for a, _ in pairs),
                "theirs_seconds": statistics.median(b for _, b in pairs), "target": target, "better": better,
                "ours_peak_mb": peak_mb(ours) if memory and not card else None,
                "theirs_peak_mb": peak_mb(theirs) if memory and not card else None,
            }
        )  # fmt: skip
        return ratio

    def single(self, name, seconds, *, what, target):
        """Keep a time that has no peer."""
        ROWS.append(
            {
                "name": name, "peer": "", "what": what, "ratio": None, "least": min(seconds), "most": max(seconds),
                "n": len(seconds), "ours_seconds": statistics.median(seconds), "theirs_seconds": None,
                "target": target, "better": "lower", "ours_peak_mb": None, "theirs_peak_mb": None,
            }
        )  # fmt: skip


@pytest.fixture(scope="session")
def ratios():
    return Ratios()


def pytest_terminal_summary(terminalreporter):
    if not ROWS:
        return
    terminalreporter.section("ratios, side by side")
    for row in ROWS:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} [{row['least']:.2f}, {row['most']:.2f}]"
        theirs = "" if row["theirs_seconds"] is None else f"{row['theirs_seconds']:.4g} s"
        terminalreporter.write_line(
            f"{row['name']:34} {row['peer']:22} ours {row['ours_seconds']:.4g} s  theirs {theirs:10}  {ratio}"
        )
    if folder := os.environ.get("SONOSCOPE_BENCHMARKS"):
        machine = describe_machine()
        name = f"{machine['date']}-{'gpu' if machine['gpu'] else 'cpu'}.json"
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text(json.dumps({"machine": machine, "rows": ROWS}, indent=2) + "\n")
