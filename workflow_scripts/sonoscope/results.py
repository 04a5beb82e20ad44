"""Stored results of a run in one line: ``results.load("demo", "steering/dose_response")`` gives a DataFrame."""

import difflib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sonoscope import provenance, scorecard, storage
from sonoscope.contracts import read_json
from sonoscope.errors import SonoscopeError

_KINDS = (".parquet", ".csv")
_NOT_STUDIES = {"benchmarks", "logs", "report", "report_now", "world"}
_PIECES = {"shards", "parts", "audio", "data"}


def folder(run: str | Path) -> Path:
    """Give the folder of a run.

    Parameters
    ----------
    run
        Name of a run, such as ``"demo"``, or its folder.

    Raises
    ------
    SonoscopeError
        There is no such folder; the message lists the runs that there are.
    """
    asked = Path(run)
    places = [asked, storage.results(str(run)), storage.WORKFLOW / "results" / str(run)]
    if len(asked.parts) == 1:  # a name comes before a folder that happens to be called the same
        places = [*places[1:], asked]
    for place in places:
        if place.is_dir():
            return place
    known = runs()
    there = f"runs that are there: {', '.join(known)}" if known else "no run has results yet; `make demo` makes some"
    raise SonoscopeError(
        f"results of {str(run)!r}: expected the name of a run or its folder, found nothing at {places[0]}; {there}"
    )


def runs() -> list[str]:
    """Names of the runs that have results."""
    homes = {storage.results("").absolute(), storage.WORKFLOW / "results"}
    return sorted(
        {p.name for home in homes if home.is_dir() for p in home.iterdir() if (p / "manifest.jsonl").is_file()}
    )


def tables(run: str | Path) -> pd.DataFrame:
    """List the tables that a run has: one row per kind of table.

    Returns
    -------
    DataFrame
        ``name`` as `load` takes it, ``files`` (one per combination of wildcards), ``rows``, and ``columns``.
    """
    found: dict[str, list[Path]] = {}
    root = folder(run)
    for path in _paths(root):
        found.setdefault(_name(path, root), []).append(path)
    rows = [
        {"name": name, "files": len(paths), "rows": sum(map(_rows, paths)), "columns": ", ".join(_columns(paths[0]))}
        for name, paths in sorted(found.items())
    ]
    return pd.DataFrame(rows, columns=["name", "files", "rows", "columns"])


def load(run: str | Path, table: str, **wildcards: str) -> pd.DataFrame:
    """Load all files of one kind of table as one DataFrame.

    The wildcards of the jobs that wrote the files (model, experiment, corpus …) are put in front as columns where the
    tables do not hold them. Units and the meaning of columns are in ``frame.attrs["units"]`` and
    ``frame.attrs["descriptions"]``, the files that were read in ``frame.attrs["files"]``.

    Parameters
    ----------
    run
        Name of a run, such as ``"demo"``, or its folder.
    table
        ``study/table`` or, where several rules of a study write a table of that name, ``study/rule/table``.
    wildcards
        Only files of these wildcards, such as ``experiment="notes-C"``.

    Raises
    ------
    SonoscopeError
        There is no such run or table, the name fits the tables of several rules, or no file has these wildcards. The
        message says what there is.

    Examples
    --------
    >>> from sonoscope import results
    >>> curve = results.load("demo", "steering/dose_response", experiment="notes-C")  # doctest: +SKIP
    >>> curve.groupby("estimator").accuracy.max()  # doctest: +SKIP
    """
    root = folder(run)
    parts = PurePosixPath(table).parts
    everything = list(_paths(root))
    chosen = [p for p in everything if _fits(_name(p, root), parts)]
    names = sorted({_name(p, root) for p in chosen})
    if not names:
        raise SonoscopeError(_nothing(table, root, sorted({_name(p, root) for p in everything})))
    if len(names) > 1:
        raise SonoscopeError(f"results of {root.name!r}: several rules write {table!r}; name one: {', '.join(names)}")
    pairs = [(p, _wildcards(p, root)) for p in chosen]
    kept = [(p, w) for p, w in pairs if all(w.get(k) == v for k, v in wildcards.items())]
    if not kept:
        there = "; ".join(sorted({", ".join(f"{k}={v}" for k, v in w.items()) or "none" for _, w in pairs}))
        asked = ", ".join(f"{k}={v}" for k, v in wildcards.items())
        raise SonoscopeError(f"results of {root.name!r}: no {table!r} with {asked}; wildcards that there are: {there}")
    frame = pd.concat([_read(p, w) for p, w in kept], ignore_index=True)
    frame.attrs.update(_meaning(kept[0][0]), files=[p.relative_to(root).as_posix() for p, _ in kept])
    return frame


def _paths(root: Path) -> Iterator[Path]:
    """Tables of the studies, in order; not the pieces that a table was put together from."""
    for path in sorted(p for kind in _KINDS for p in root.glob(f"*/**/*{kind}")):
        inside = path.relative_to(root).parts
        if inside[0] in _NOT_STUDIES or _PIECES & set(inside[1:-1]):
            continue
        if path.suffix == ".csv" and path.with_suffix(".parquet").is_file():  # the same for a spreadsheet
            continue
        yield path


def _name(path: Path, root: Path) -> str:
    study, rule = path.relative_to(root).parts[:2]
    return f"{study}/{path.stem}" if rule == path.name else f"{study}/{rule}/{path.stem}"


def _fits(name: str, asked: tuple[str, ...]) -> bool:
    own = name.split("/")
    return list(asked) == own or (len(asked) == 2 and [own[0], own[-1]] == list(asked))


def _nothing(table: str, root: Path, names: list[str]) -> str:
    short = sorted({f"{n.split('/')[0]}/{n.split('/')[-1]}" for n in names})
    near = difflib.get_close_matches(table, [*short, *names], n=3, cutoff=0.5)
    study = table.split("/")[0]
    own = [n for n in short if n.startswith(f"{study}/")]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
    there = f"tables of {study}: {', '.join(own)}" if own else f"studies with tables: {', '.join(_studies(names))}"
    made = "" if own or not study else f" `snakemake {study}` makes those of the study, if it is one."
    return f"results of {root.name!r}: no table {table!r} under {root}; {hint + ' ' if hint else ''}{there}.{made}"


def _studies(names: list[str]) -> list[str]:
    return sorted({n.split("/")[0] for n in names}) or ["none"]


def _wildcards(path: Path, root: Path) -> dict[str, str]:
    """The wildcards of the job that wrote a file, from its sidecar; without one, the folders below the rule's."""
    inside = path.relative_to(root).as_posix()
    for sidecar in sorted(path.parent.glob(f"*{provenance.NAME}")):
        record = read_json(sidecar)
        if any(str(output).endswith(inside) for output in record.get("outputs", ())):  # wherever the run lies now
            return {str(k): str(v) for k, v in (record.get("wildcards") or {}).items()}
    return {f"folder_{i}": part for i, part in enumerate(path.relative_to(root).parts[2:-1], 1)}


def _read(path: Path, wildcards: dict[str, str]) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas() if path.suffix == ".parquet" else pd.read_csv(path)
    except (pa.ArrowInvalid, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise SonoscopeError(
            f"{path}: expected a table, found a damaged file ({error}); delete it and run again"
        ) from None
    for name, value in reversed([(k, v) for k, v in wildcards.items() if k not in frame]):
        frame.insert(0, name, value)
    return frame


def _meaning(path: Path) -> dict[str, dict[str, str]]:
    """Units and descriptions of the columns, from the schema that the file carries."""
    if path.suffix != ".parquet":
        return {"units": {}, "descriptions": {}}
    told = {f.name: {k.decode(): v.decode() for k, v in (f.metadata or {}).items()} for f in pq.read_schema(path)}
    return {
        "units": {n: m["unit"] for n, m in told.items() if m.get("unit")},
        "descriptions": {n: m["description"] for n, m in told.items() if m.get("description")},
    }


def _rows(path: Path) -> int:
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as lines:
        return max(sum(1 for _ in lines) - 1, 0)


def _columns(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names)
    return [str(c) for c in pd.read_csv(path, nrows=0).columns]


def scalars(run: str | Path) -> pd.DataFrame:
    """The scorecard of a run as a DataFrame: name, value, low, high, n, null, baseline, target, met, sources.

    Raises
    ------
    SonoscopeError
        The run has no scorecard yet.
    """
    path = folder(run) / "scorecard.json"
    if not path.is_file():
        raise SonoscopeError(
            f"{path}: expected the scorecard of the run, found nothing; `snakemake scorecard` makes it"
        )
    return pd.DataFrame([row.model_dump() for row in scorecard.read(path)])
