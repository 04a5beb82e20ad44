import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sonoscope.contracts import write_json
from sonoscope.doctor import tools
from sonoscope.doctor.accelerators import devices, unused_cards
from sonoscope.doctor.examination import Probes, examine
from sonoscope.doctor.hardware import Disk, Memory, Processor, disk, memory, processor
from sonoscope.doctor.matmul import Rate, median_rate
from sonoscope.doctor.page import write_page

GB = 10**9


def torch_with(cards=(), metal=0):
    """A torch that sees ``cards`` (name, bytes, free, capability) and an Apple card of ``metal`` bytes."""

    def properties(index):
        name, total, _, (major, minor) = cards[index]
        return SimpleNamespace(name=name, total_memory=total, major=major, minor=minor)

    cuda = SimpleNamespace(
        is_available=lambda: bool(cards),
        device_count=lambda: len(cards),
        get_device_properties=properties,
        mem_get_info=lambda index: (cards[index][2], cards[index][1]),
    )
    return SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda="13.0" if cards else None),
        cuda=cuda,
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: metal > 0)),
        mps=SimpleNamespace(recommended_max_memory=lambda: metal),
    )


def machine(torch, ram=32 * GB, free=500 * GB, **more):
    def rate(torch, device, dtype):
        return Rate(device, dtype, 1024, 5, 100.0)

    probes = {
        "torch": lambda: torch,
        "processor": lambda: Processor("A processor", 8, ("avx2 (vectors of 256 bits)",)),
        "memory": lambda: Memory(ram, ram // 2),
        "disk": lambda place: Disk(str(place), 1000 * GB, free),
        "tool": lambda tool: tools.Found(tool.name, tool.kind, "absent", "", tool.adds),
        "audiocraft": lambda: "",
        "soundfonts": lambda: ["/a/font.sf2"],
        "unused_cards": lambda found: [],
        "rate": rate,
    }
    return examine([Path("/storage")], Probes(**(probes | more)))


def test_a_machine_with_two_cuda_cards():
    a100, rtx = ("A100", 80 * GB, 79 * GB, (8, 0)), ("RTX 2080", 8 * GB, 2 * GB, (7, 5))
    found = machine(torch_with([rtx, a100]))
    assert [d.torch_name for d in found.devices] == ["cuda:0", "cuda:1", "cpu"]
    assert [d.bf16 for d in found.devices[:2]] == [False, True]
    assert (found.recommendation.model, found.recommendation.device) == ("musicgen-large", "cuda:1")
    batches = {(f.device, f.model, f.precision): f.largest_batch for f in found.fits}
    assert batches["cuda:1", "musicgen-large", "fp16"] > batches["cuda:1", "musicgen-large", "fp32"] > 0
    assert batches["cuda:0", "musicgen-large", "fp16"] == 0
    assert batches["cuda:0", "musicgen-small", "fp16"] > 0
    assert any("cuda:0 has only 2.00 GB of 8.00 GB free" in line for line in found.advice)
    page = write_page(found)
    assert "**Take musicgen-large** (preset `musicgen-large`, cuda:1)" in page
    assert "compute capability 7.5" in page


@pytest.mark.parametrize(
    ("gigabytes", "model"),
    [
        (6, "musicgen-small"),
        (8, "musicgen-small"),
        (14, "musicgen-medium"),
        (16, "musicgen-large"),
        (2, "sonoscope-musicgen"),
    ],
)
def test_the_recommended_size_grows_with_the_card(gigabytes, model):
    found = machine(torch_with([("Card", gigabytes * GB, gigabytes * GB, (8, 6))]))
    assert found.recommendation.model == model


def test_an_apple_machine():
    found = machine(torch_with(metal=24 * GB))
    assert [(d.place, d.memory) for d in found.devices] == [("mps", 24 * GB), ("cpu", 32 * GB)]
    assert found.recommendation.model == "sonoscope-musicgen"
    assert any("Apple GPU" in line for line in found.advice)
    assert "fp16: clips at once" in write_page(found)


def test_a_machine_without_torch_is_told_what_to_do():
    found = machine(None, audiocraft=lambda: "ModuleNotFoundError: No module named 'torch'", soundfonts=list)
    assert found.rates == ()
    assert found.torch is None
    assert any("torch is not installed" in line for line in found.advice)
    assert any("audiocraft cannot be imported" in line for line in found.advice)
    assert any("soundfont" in line for line in found.advice)
    assert "Not measured" in write_page(found)


def test_a_card_that_torch_cannot_use():
    found = machine(torch_with(), unused_cards=lambda found: ["NVIDIA L4"])
    assert found.advice[0].startswith("The driver lists NVIDIA L4")
    cpu = devices(torch_with(), "cpu", 1)
    assert unused_cards(cpu, lambda command: "NVIDIA L4\n\n") == ["NVIDIA L4"]
    assert unused_cards(devices(torch_with([("L4", 1, 1, (8, 9))]), "cpu", 1), lambda command: "NVIDIA L4") == []


def test_a_full_disk_is_mentioned():
    advice = machine(torch_with(), free=GB).advice
    assert any(line.startswith("Only 1.00 GB are free at /storage") for line in advice)


def test_a_device_that_fails_does_not_end_the_examination(caplog):
    def rate(torch, device, dtype):
        raise RuntimeError("out of memory\nand more")

    assert machine(torch_with(), rate=rate).rates == ()


def test_findings_are_json_and_name_every_tool(tmp_path):
    found = machine(torch_with([("Card", 24 * GB, 24 * GB, (8, 6))]))
    write_json(tmp_path / "doctor.json", found.as_json())
    content = json.loads((tmp_path / "doctor.json").read_text())
    assert [t["name"] for t in content["tools"]] == [t.name for t in tools.OPTIONAL]
    assert content["recommendation"]["preset"] == "musicgen-large"
    assert all(tool.name in write_page(found) for tool in tools.OPTIONAL)


def test_a_broken_package_is_told_from_an_absent_one():
    numpy = tools.Tool("numpy", "package", "arrays", fragile=True)
    assert tools.look(numpy, lambda statements: "").state == "here"
    broken = tools.look(numpy, lambda statements: f"OSError after {statements!r}")
    assert (broken.state, broken.detail) == ("broken", "OSError after 'import numpy'")
    assert tools.look(tools.Tool("no_such_package_at_all", "package", "")).state == "absent"
    assert tools.look(tools.Tool("sh", "program", "")).detail.endswith("/sh")


def test_a_fresh_process_reports_its_last_line():
    assert tools.in_fresh_process("import sonoscope.doctor") == ""
    assert tools.in_fresh_process("raise ImportError('no such thing')") == "ImportError: no such thing"


def test_a_container_limits_the_memory(tmp_path):
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert memory(tmp_path) == Memory(1_000_000, 600_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert memory(tmp_path).total > 1_000_000


def test_instruction_sets_of_use(tmp_path):
    (tmp_path / "cpuinfo").write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx512f amx_bf16\n\nmodel name: x\n")
    found = processor(tmp_path / "cpuinfo")
    assert found.model == "Some CPU"
    assert [text.split()[0] for text in found.instructions] == ["avx2", "avx512f", "amx_bf16"]
    assert found.threads >= 1


def test_the_disk_of_a_folder_that_is_yet_to_be_made(tmp_path):
    assert disk(tmp_path / "not" / "yet").total == disk(tmp_path).total


def test_the_rate_is_that_of_the_median_run():
    ticks = iter([0.0, 1.0, 1.0, 3.0, 3.0, 13.0])  # runs of 1, 2 and 10 s
    calls = []
    gflops, repeats = median_rate(lambda: calls.append(1), 1000, budget=0.0, clock=lambda: next(ticks))
    assert (gflops, repeats) == (pytest.approx(2 * 1000**3 / 2.0 / 1e9), 3)
    assert len(calls) == 4  # one to warm up


def test_reading_the_doctor_needs_no_torch():
    code = "import sys; import sonoscope.doctor.page, sonoscope.fetch.models; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(tools.__file__).parents[2])
