"""Every known mistake of earlier work, and every acceptance test of the study, has a test that bears its number."""

import re
from pathlib import Path

NAMES = [
    name
    for file in sorted(Path(__file__).parent.glob("test_*.py"))
    for name in re.findall(r"def (test_\w+)", file.read_text())
]
MISTAKES = {
    1: "a hook that kept the last step only", 2: "one clip per emotion", 3: "the rows of guidance taken for codebooks",
    4: "calls times layers taken for steps", 5: "layers that do not exist", 6: "exact zeros counted on a dense stream",
    7: "the emotion word in the prompt", 8: "dictionaries on too few vectors, with the wrong axis, split at random",
    9: "layers in the order of letters, silhouettes of a picture, a mode template that is not turned",
}  # fmt: skip


def test_every_mistake_has_a_test():
    missing = [k for k in MISTAKES if not any(re.search(rf"mistake_{k}(_|$)", name) for name in NAMES)]
    assert not missing


def test_every_acceptance_test_is_there():
    missing = [k for k in range(1, 22) if not any(f"acceptance_{k:02d}" in name for name in NAMES)]
    assert not missing
