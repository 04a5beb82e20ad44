"""Scalars and small records in JSON, which knows no NaN."""

import json
from pathlib import Path
from typing import Any

from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` with stable layout; NaN and infinities are refused (write None for what is unknown)."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ContractError("json", f"expected finite numbers, text, lists and dicts: {error}", path) from None
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read what `write_json` wrote; a damaged file is an error that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ContractError("json", f"not valid JSON ({error}); delete the file to have it made again", path) from None
