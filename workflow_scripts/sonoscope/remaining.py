"""How far a call of snakemake is, and how long the rest will take.

Rules differ by a factor of a hundred in what they cost, so that counting jobs says little. Each rule has a weight: the
seconds that it took in this results folder before or, failing that, in a demo that was measured. The call itself shows
how many seconds of the clock a second of weight takes, on this machine, with these cores and settings.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sonoscope import manifest

UNKNOWN = 20.0
"""Weight in seconds of a rule that was never measured."""

_TRUST = 60.0
"""Seconds of weight after which what was seen counts as much as what was expected."""

_MOST = 0.9
"""Share of its weight that a running job is credited with at most: it may take longer than ever before."""


def weights(measured: Path, diary: Path) -> dict[str, float]:
    """Seconds of a job of each rule: the mean in ``diary``, or what the file ``measured`` says.

    Parameters
    ----------
    measured : Path
        JSON: rule → seconds. May be missing.
    diary : Path
        ``manifest.jsonl`` of the results folder. May be missing.
    """
    found: dict[str, float] = json.loads(measured.read_text(encoding="utf-8")) if measured.is_file() else {}
    own: dict[str, list[float]] = {}
    for line in manifest.read(diary):
        if line.get("event") == "completed":
            own.setdefault(line["rule"], []).append(float(line["seconds"]))
    return found | {rule: sum(seconds) / len(seconds) for rule, seconds in own.items()}


class Remaining:
    """Reads in the diary of a run how far one call is.

    Parameters
    ----------
    rules : sequence of str
        The rule of each job that the call will make.
    weight : mapping
        Seconds of a job of each rule, as `weights` gives them.
    cores : int
        Jobs that may run side by side, as first guess of the pace.
    diary : Path
        ``manifest.jsonl`` of the results folder.
    invocation : str
        Name of the call in the diary.
    """

    def __init__(
        self, rules: Sequence[str], weight: Mapping[str, float], cores: int, diary: Path, invocation: str
    ) -> None:
        self.jobs = len(rules)
        self.weight = {rule: weight.get(rule, UNKNOWN) for rule in rules}
        self.work = sum(self.weight[rule] for rule in rules)
        self.pace = 1 / max(cores, 1)
        self.diary, self.invocation = diary, invocation

    def say(self, elapsed: float, now: float) -> str:
        """One line: jobs done, and the time that is left.

        Parameters
        ----------
        elapsed : float
            Seconds since the call began its first job.
        now : float
            Seconds since the epoch.
        """
        done, running = self._seen()
        credit = sum(self._weight(rule) for rule in done)
        credit += sum(min(_MOST * self._weight(rule), now - start) for rule, start in running.values())
        pace = (_TRUST * self.pace + elapsed) / (_TRUST + credit)
        left = duration(max(self.work - credit, 0.0) * pace)
        return f"{len(done)} of {self.jobs} jobs done, {len(running)} running, about {left} left"

    def _weight(self, rule: str) -> float:
        return self.weight.get(rule, UNKNOWN)

    def _seen(self) -> tuple[list[str], dict[str, tuple[str, float]]]:
        """Rules of the jobs that ended, and rule and start of those that did not."""
        done, running = [], {}
        for line in manifest.read(self.diary):
            if line.get("invocation") != self.invocation:
                continue
            if line["event"] == "started":
                running[line["job"]] = (line["rule"], datetime.fromisoformat(line["time"]).timestamp())
                continue
            running.pop(line["job"], None)
            if line["event"] == "completed":
                done.append(line["rule"])
        return done, running


def duration(seconds: float) -> str:
    """Seconds in the words that one would use: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{max(round(seconds / 10), 1) * 10} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def watch(remaining: Remaining, tell: Callable[[str], None], like_measured: bool, every: float = 60.0) -> None:
    """Tell now, and again every so many seconds for as long as the process lives.

    Parameters
    ----------
    like_measured : bool
        Whether the weights are of such a run as this one; otherwise its pace is said only once it has been seen.
    """
    start = time.monotonic()
    jobs = "1 job" if remaining.jobs == 1 else f"{remaining.jobs} jobs"
    tell(jobs + like_measured * f", about {duration(remaining.work * remaining.pace)}")

    def loop() -> None:
        while True:
            time.sleep(every)
            tell(remaining.say(time.monotonic() - start, time.time()))

    threading.Thread(target=loop, daemon=True, name="remaining").start()
