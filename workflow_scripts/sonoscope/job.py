"""One main, three doors: a Snakemake job, the command line, a plain call from a test or a notebook.

A rule script defines ``main`` with typed, named parameters and ends with ::

    if __name__ == "__main__":
        run(main)

In a Snakemake job every named input, output, wildcard and param of the rule is offered to ``main`` by its name, and so
are ``threads`` and ``attempt``; the params ``code`` and ``state`` only make the job run again, when code or a folder of
the user's changes. On the command line the options are derived from the signature. Both convert values to the declared
types. A script that imports ``main`` and calls it needs none of this.

``main`` may return a dictionary of facts worth keeping (the revision of a model, its dtype); they stand in the
provenance. Around ``main`` a job gets its log, its threads, its card, its manifest lines and its provenance.
"""

import contextlib
import faulthandler
import json
import logging
import os
import platform
import resource
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from sonoscope import cli, device, lease, logs, manifest, provenance, storage
from sonoscope.errors import SonoscopeError, sentence
from sonoscope.signature import fit

logger = logging.getLogger(__name__)

Main = Callable[..., Mapping[str, Any] | None]

RESULTS = "SONOSCOPE_RESULTS"
"""Environment variable through which the workflow tells its jobs the results folder of the run."""

INVOCATION = "SONOSCOPE_INVOCATION"
"""Environment variable that names one call of ``snakemake``; all of its jobs carry it."""

_ROOT = storage.WORKFLOW


def run(main: Main, *, network: bool = False) -> None:
    """Call ``main`` with the values of the running job, or with those of the command line.

    Parameters
    ----------
    main : callable
        The work of the rule; its parameters are annotated.
    network : bool
        Whether it may use the network. All other scripts tell the Hugging Face libraries to stay offline, which
        otherwise wait minutes for a server before they use the files that are already there.
    """
    scope = sys._getframe(1).f_globals
    _allow_network(network)
    job = scope.get("snakemake")
    code = _run_command(main, scope.get("__doc__")) if job is None else Job(job).run(main)
    if code:
        sys.exit(code)


def _run_command(main: Main, about: str | None) -> int:
    logs.set_up()
    try:
        main(**cli.parse(main, about=about))
    except (SonoscopeError, FileNotFoundError) as error:
        logger.error("%s", sentence(error))
        return 1
    return 0


class Job:
    """A running Snakemake job.

    Parameters
    ----------
    snakemake : object
        What Snakemake puts into the script: ``rule``, ``input``, ``output``, ``wildcards``, ``params``, ``threads``,
        ``resources`` and ``log``.
    """

    def __init__(self, snakemake: Any) -> None:
        self.rule: str = snakemake.rule
        self.wildcards: dict[str, str] = dict(snakemake.wildcards.items())
        self.params: dict[str, Any] = dict(snakemake.params.items())
        self.inputs: dict[str, Any] = _named(snakemake.input)
        self.outputs: dict[str, Any] = _named(snakemake.output)
        self.input_paths = [Path(p) for p in snakemake.input]
        self.output_paths = [Path(p) for p in snakemake.output]
        self.threads: int = snakemake.threads
        self.cards: int = int(snakemake.resources.get("gpu", 0))
        self.log: Path | None = Path(snakemake.log[0]) if snakemake.log else None
        results = os.environ.get(RESULTS)
        self.manifest: Path | None = Path(results) / manifest.NAME if results else None
        self.code: str | None = self.params.pop("code", None)
        self.sidecar: Path | None = None
        if self.output_paths:
            self.sidecar = provenance.sidecar(self.output_paths, self.rule, self.wildcards)
        self._id = uuid.uuid4().hex[:12]
        self._start = psutil.Process().create_time()  # imports belong to the job's duration

    def run(self, main: Main) -> int:
        """Do the work and keep its records. Returns the exit code."""
        terminal = _send_output_to(self.log) if self.log else sys.stderr.fileno()
        logs.set_up()
        try:
            attempt = self._note_start()
            if self.sidecar is not None:
                self.sidecar.unlink(missing_ok=True)  # the outputs that it tells of are gone
            values = self._values(attempt)
            self._write_header(attempt)
            self._set_threads()
            lease.show_leased_cards(self.cards)
            facts = main(**fit(main, values)) or {}
            self._write_provenance(facts)
        except Exception as error:
            # The last line of the log is the sentence that a user reads first; the traceback stands above it.
            with contextlib.suppress(OSError):  # on a full disk the records cannot be written either
                traceback.print_exc()
                logger.error("%s", sentence(error))
                self._note("failed", error=sentence(error))
            where = "".join(f" {value}" for value in self.wildcards.values())
            os.write(terminal, f"{self.rule}{where}: {sentence(error)} [log: {self.log}]\n".encode())
            return 1
        self._note_end()
        return 0

    def _values(self, attempt: int) -> dict[str, Any]:
        """Every named input, output, wildcard and param by its name, which must be the only one."""
        values: dict[str, Any] = {"threads": self.threads, "attempt": attempt}
        owner = dict.fromkeys(values, "Snakemake")
        for kind, named in (
            ("input", self.inputs),
            ("output", self.outputs),
            ("wildcards", self.wildcards),
            ("params", self.params),
        ):
            for name, value in named.items():
                if name in values:
                    raise SonoscopeError(f"{name!r} is named by {owner[name]} and by {kind} of the rule; rename one")
                values[name], owner[name] = value, kind
        return values

    def _set_threads(self) -> None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
            os.environ[name] = str(self.threads)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(self.threads)

    def _note_start(self) -> int:
        attempt, log = 1, provenance.portable(self.log) if self.log else None
        if self.manifest is not None:
            attempt += manifest.attempts(self.manifest, self.rule, self.wildcards, os.environ.get(INVOCATION, ""))
        self._note("started", attempt=attempt, host=platform.node(), pid=os.getpid(), log=log, code=self.code)
        return attempt

    def _note_end(self) -> None:
        seconds = time.time() - self._start
        peak, card = _peak_memory()
        on_card = f", {logs.size(card)} on the card" if card else ""
        logger.info("done in %s, peak memory %s%s", logs.duration(seconds), logs.size(peak), on_card)
        for path in self.output_paths:
            logger.info("wrote %s, %s", path, logs.size(_size(path)))
        self._note("completed", seconds=round(seconds, 3), peak_bytes=peak, peak_card_bytes=card)

    def _note(self, event: str, **more: Any) -> None:
        if self.manifest is None:
            return
        moment = self._start if event == "started" else time.time()
        line = {
            "event": event,
            "job": self._id,
            "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds"),
            "rule": self.rule,
            "wildcards": self.wildcards,
            "outputs": [provenance.portable(p) for p in self.output_paths],
            "invocation": os.environ.get(INVOCATION, ""),
        }
        manifest.append(self.manifest, line | more)

    def _write_header(self, attempt: int) -> None:
        where = " ".join(f"{k}={v}" for k, v in self.wildcards.items())
        again = f" (attempt {attempt})" if attempt > 1 else ""
        started = datetime.fromtimestamp(self._start).astimezone().isoformat(timespec="seconds")
        logger.info("rule %s %s%s", self.rule, where, again)
        logger.info("started %s on %s, threads %d, gpu %d", started, platform.node(), self.threads, self.cards)
        logger.info("params %s", json.dumps(self.params, ensure_ascii=False, default=str))
        logger.info("code %s %s", self.code, json.dumps(provenance.commit(_ROOT)))
        logger.info("versions %s", json.dumps(provenance.versions()))

    def _write_provenance(self, facts: Mapping[str, Any]) -> None:
        if self.sidecar is None:
            return
        torch = sys.modules.get("torch")
        record = {
            "rule": self.rule,
            "wildcards": self.wildcards,
            "params": self.params,
            "code": self.code,
            **provenance.commit(_ROOT),
            "versions": provenance.versions(),
            "seed": self.params.get("seed"),
            "device": device.kind(),
            "dtype": str(torch.get_default_dtype()).removeprefix("torch.") if torch else None,
            "facts": json.loads(json.dumps(dict(facts), default=str)),  # a path or a dtype must not spoil the work
        }
        inputs = {name: _paths(value) for name, value in self.inputs.items()}
        named = {path for paths in inputs.values() for path in paths}
        if unnamed := [path for path in self.input_paths if path not in named]:
            inputs["unnamed"] = unnamed
        provenance.write(self.sidecar, record, inputs, self.output_paths)


def _named(items: Any) -> dict[str, Any]:
    """Give the named entries of a rule's input or output, as text or lists of text."""
    return {name: value if isinstance(value, str) else list(value) for name, value in items.items()}


def _paths(value: str | list[str]) -> list[Path]:
    return [Path(value)] if isinstance(value, str) else [Path(v) for v in value]


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 if it is not there (Snakemake will say so)."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size if path.exists() else 0


def _peak_memory() -> tuple[int, int]:
    """Largest resident memory of this process or one of its children, and largest on the card, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    torch = sys.modules.get("torch")
    card = torch.cuda.max_memory_allocated() if torch and torch.cuda.is_initialized() else 0
    return max(own, children) * unit, int(card)


def _send_output_to(log: Path) -> int:
    """Append what this process prints, C code and CUDA included, to the log. Returns the old standard error."""
    log.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.dup(2)
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()  # a crash in C code leaves a traceback
    return terminal


def _allow_network(network: bool) -> None:
    """Switch the Hugging Face libraries on- or offline, also where they were imported already."""
    os.environ["HF_HUB_OFFLINE"] = "0" if network else "1"
    for module in ("huggingface_hub.constants", "datasets.config"):
        if module in sys.modules:
            sys.modules[module].HF_HUB_OFFLINE = not network  # type: ignore[attr-defined]
