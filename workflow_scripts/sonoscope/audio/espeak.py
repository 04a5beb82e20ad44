"""Speech from text by eSpeak NG, through the library that the espeakng_loader wheel carries.

Some voices have noise of their own, whose seed is the time of day unless the library is told one; so it is told one for
every text, and says the same again to the bit. It holds one voice at a time for the whole process.
"""

import ctypes
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np

from sonoscope.audio.files import AudioArray
from sonoscope.errors import SonoscopeError

_SYNCHRONOUS, _DONT_EXIT, _BY_CHARACTER, _UTF8 = 2, 0x8000, 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_LONGEST_DATA_PATH = 120  # the library's buffer is 160 characters, and it appends file names
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class SpeechError(SonoscopeError, RuntimeError):
    """The synthesizer cannot do what was asked."""


@dataclass(frozen=True)
class Voice:
    """How a text is spoken."""

    name: str
    """Language, and after a plus sign a variant: en-us+f2."""
    rate: int = 165
    """Words per minute."""
    pitch: int = 50
    """Base pitch, 0 to 100; 50 is the voice's own."""
    range: int = 50
    """How much the pitch moves, 0 to 100; 0 is monotone."""


def speak(text: str, voice: Voice) -> tuple[AudioArray, int]:
    """Speak ``text``.

    Returns
    -------
    ndarray of float32, shape (samples,)
        Mono audio in [-1, 1].
    int
        Its sample rate in hertz.

    Raises
    ------
    SpeechError
        There is no such voice, or the library fails.
    """
    engine = _engine()
    engine.choose(voice)
    return engine.say(text), engine.sample_rate


class _Engine:
    def __init__(self, library: Any, sample_rate: int) -> None:
        self.library, self.sample_rate = library, sample_rate
        self._blocks: list[AudioArray] = []
        self._callback: Callable[..., int] = _Callback(self._receive)  # must outlive every call
        library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            block = np.ctypeslib.as_array(samples, shape=(count,))
            self._blocks.append(block.astype(np.float32) / np.float32(32768))
        return 0

    def choose(self, voice: Voice) -> None:
        # an unknown name is only told by the return code; the voice before it would go on speaking
        code = self.library.espeak_SetVoiceByName(voice.name.encode())
        if code != 0:
            raise SpeechError(
                f"eSpeak NG has no voice {voice.name!r} (code {code}); such as en-us, en-gb-x-rp, en-us+f2"
            )
        for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, voice.range)):
            self._check(self.library.espeak_SetParameter(parameter, value, 0), "set a parameter")

    def say(self, text: str) -> AudioArray:
        self._blocks = []
        data = text.encode()
        self.library.espeak_ng_SetRandSeed(1)
        self._check(self.library.espeak_Synth(data, len(data) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None), "speak")
        self._check(self.library.espeak_Synchronize(), "finish")
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.float32)

    @staticmethod
    def _check(code: int, what: str) -> None:
        if code != 0:
            raise SpeechError(f"eSpeak NG could not {what} (code {code})")


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_SetParameter.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]
    library.espeak_SetSynthCallback.argtypes = [_Callback]
    library.espeak_SetSynthCallback.restype = None
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    data = _short(Path(espeakng_loader.get_data_path()))
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DONT_EXIT)
    if rate <= 0:
        raise SpeechError(f"eSpeak NG could not read its data in {data} (code {rate}); reinstall espeakng-loader")
    return _Engine(library, int(rate))


def _short(data: Path) -> Path:
    """``data``, or a link to it where its path is too long for the library's fixed buffer."""
    if len(os.fsencode(data)) <= _LONGEST_DATA_PATH:
        return data
    place = Path(tempfile.mkdtemp(prefix="espeak-")) / data.name
    place.symlink_to(data)
    return place
