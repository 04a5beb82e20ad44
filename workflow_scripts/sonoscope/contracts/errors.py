"""The one error of every contract."""

from pathlib import Path

from sonoscope.errors import SonoscopeError


class ContractError(SonoscopeError, ValueError):
    """A file does not have the form that its contract declares."""

    def __init__(self, contract: str, problem: str, path: Path | None = None) -> None:
        where = f" in {path}" if path is not None else ""
        super().__init__(f"{contract}: {problem}{where}")
