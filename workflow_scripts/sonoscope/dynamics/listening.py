"""A blind listening test as one page: trials in random order under names that say nothing, answers to save as a file.

Each trial plays the reference and one hidden clip, which may be the reference itself. The key lies in a file beside the
page, which the page does not read; the answers can be joined with it by trial.
"""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sonoscope.contracts import write_json
from sonoscope.files import replacing

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c1e21;background:#fff}
fieldset{border:1px solid #d9dce0;border-radius:6px;margin:1rem 0;padding:.8rem 1rem}audio{width:100%;height:2.2rem}
label{margin-right:1rem;white-space:nowrap}button{font:inherit;padding:.4rem 1rem}
@media(prefers-color-scheme:dark){body{color:#e7e8ea;background:#16181b}fieldset{border-color:#3a3f46}}
"""
_SCRIPT = """
const started=new Date().toISOString();
function answers(){return [...document.querySelectorAll('fieldset')].map(f=>{const c=f.querySelector('input:checked');
return {trial:f.dataset.trial,rating:c?Number(c.value):null};});}
function left(){const n=answers().filter(a=>a.rating===null).length;
document.getElementById('left').textContent=n?n+' left':'all answered';}
function save(){const body={page:document.title,started,saved:new Date().toISOString(),
listener:document.getElementById('listener').value,answers:answers()};
const link=document.createElement('a');link.href=URL.createObjectURL(new Blob([JSON.stringify(body,null,2)],
{type:'application/json'}));link.download='answers.json';link.click();URL.revokeObjectURL(link.href);}
document.addEventListener('change',left);left();
"""
RATINGS = ("cannot hear a difference", "slight", "clear", "speech is damaged", "no longer speech")
"""What a listener chooses from, rated 5 down to 1."""


@dataclass(frozen=True)
class Trial:
    """One hidden clip and its reference, mono float32 at one rate."""

    utterance: str
    mode: str
    audio: NDArray[np.float32]
    reference: NDArray[np.float32]


@dataclass(frozen=True)
class Key:
    """What was behind a trial."""

    trial: str
    utterance: str
    mode: str


def write_page(folder: Path, title: str, trials: Sequence[Trial], sample_rate: int, seed: int) -> list[Key]:
    """Write ``index.html``, which opens offline, and ``key.json``; clips of a trial have equal loudness.

    Returns
    -------
    list of Key
        In the order of the page.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(trials))
    codes = rng.permutation(np.arange(1000, 1000 + 9 * max(1, len(trials))))[: len(trials)]
    keys, fields = [], []
    for code, i in zip(codes, order, strict=True):
        trial, name = trials[int(i)], f"T{code}"
        keys.append(Key(name, trial.utterance, trial.mode))
        clips = "".join(
            f"<p>{label}<br><audio controls src='{_data(audio, trial.reference, sample_rate)}'></audio></p>"
            for label, audio in (("Reference", trial.reference), ("Clip", trial.audio))
        )
        choices = "".join(
            f"<label><input type=radio name={name} value={5 - k}> {html.escape(text)}</label>"
            for k, text in enumerate(RATINGS)
        )
        fields.append(f"<fieldset data-trial={name}><legend>{name}</legend>{clips}{choices}</fieldset>")
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style><h1>{html.escape(title)}</h1>"
        "<p>Each trial plays a reference and one clip. How much does the clip differ from the reference? Some clips "
        "are the reference itself. Order and names are random; please do not look at the key before you have saved.</p>"
        "<p><label>Listener <input id=listener></label></p>"
        f"{''.join(fields)}<p><button onclick=save()>Save answers</button> <span id=left></span></p>"
        f"<script>{_SCRIPT}</script></html>"
    )
    with replacing(folder / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    write_json(folder / "key.json", [asdict(k) for k in keys])
    return keys


def score_answers(answers: object, key: object) -> dict[str, list[int]]:
    """Ratings by mode from a saved ``answers.json`` and the ``key.json`` beside the page, both read as JSON.

    Raises
    ------
    ValueError
        An answer names a trial that the key does not know.
    """
    modes = {entry["trial"]: entry["mode"] for entry in json.loads(json.dumps(key))}
    found: dict[str, list[int]] = {}
    for answer in json.loads(json.dumps(answers))["answers"]:
        if answer["trial"] not in modes:
            raise ValueError(f"expected a trial of the key, found {answer['trial']}; is it the key of another page?")
        if answer["rating"] is not None:
            found.setdefault(modes[answer["trial"]], []).append(int(answer["rating"]))
    return found


def _data(audio: NDArray[np.float32], reference: NDArray[np.float32], sample_rate: int) -> str:
    """The clip at the loudness of the reference, as a data address."""
    level, wanted = (float(np.sqrt(np.mean(x.astype(np.float64) ** 2))) for x in (audio, reference))
    scaled = np.clip(audio * (wanted / max(level, 1e-6)), -1, 32767 / 32768).astype(np.float32)
    stream = io.BytesIO()
    soundfile.write(stream, scaled, sample_rate, format="FLAC", subtype="PCM_16")
    return "data:audio/flac;base64," + base64.b64encode(stream.getvalue()).decode()
