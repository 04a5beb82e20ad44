"""Processor, memory, disk: what the operating system tells."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_OF_USE = {  # flag of the processor: what it speeds up
    "avx2": "vectors of 256 bits",
    "avx512f": "vectors of 512 bits",
    "avx512_bf16": "bf16 products",
    "amx_bf16": "bf16 matrix products",
    "asimd": "vectors of 128 bits",
    "sve": "scalable vectors",
    "bf16": "bf16 products",
}
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Processor:
    """The processor, as far as this process may use it."""

    model: str
    threads: int
    """Hardware threads that this process may run on."""
    instructions: tuple[str, ...]
    """Instruction sets of use here."""


@dataclass(frozen=True)
class Memory:
    """Main memory in bytes."""

    total: int
    """What this process may use: the machine's, or the limit that a container or job scheduler sets."""
    available: int


@dataclass(frozen=True)
class Disk:
    """The disk that holds ``place``, in bytes."""

    place: str
    total: int
    free: int


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """Look at the processor."""
    if cpuinfo.is_file():
        model, flags = _from_cpuinfo(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    else:
        model, flags = _from_sysctl()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Processor(model or platform.processor() or platform.machine(), usable, _of_use(flags))


def memory(cgroup: Path = _CGROUP) -> Memory:
    """Look at main memory and at the limit set for this process."""
    machine = psutil.virtual_memory()
    limit = _number(cgroup / "memory.max")
    used = _number(cgroup / "memory.current") or 0
    if limit is None or limit >= machine.total:
        return Memory(machine.total, machine.available)
    return Memory(limit, min(machine.available, max(limit - used, 0)))


def disk(place: Path) -> Disk:
    """Look at the disk that holds ``place``, or will once the folder is made."""
    there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    usage = shutil.disk_usage(there)
    return Disk(str(place.absolute()), usage.total, usage.free)


def _from_cpuinfo(text: str) -> tuple[str, set[str]]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields.get("model name", ""), set(f"{fields.get('flags', '')} {fields.get('Features', '')}".split())


def _from_sysctl() -> tuple[str, set[str]]:
    names = {"hw.optional.AdvSIMD": "asimd", "hw.optional.arm.FEAT_BF16": "bf16", "hw.optional.avx2_0": "avx2"}
    return _sysctl("machdep.cpu.brand_string"), {flag for name, flag in names.items() if _sysctl(name) == "1"}


def _sysctl(name: str) -> str:
    try:
        done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _of_use(flags: Iterable[str]) -> tuple[str, ...]:
    there = set(flags)
    return tuple(f"{flag} ({use})" for flag, use in _OF_USE.items() if flag in there)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such limit, or the word "max"
        return None
