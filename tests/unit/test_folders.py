import os

from sonoscope.folders import state


def test_state_follows_names_sizes_and_times_and_reads_nothing(tmp_path):
    folder = tmp_path / "mine"
    empty = state(folder)
    (folder / "deep").mkdir(parents=True)
    assert state(folder) == empty
    file = folder / "deep" / "a.mid"
    file.write_bytes(b"one")
    os.utime(file, ns=(0, 0))
    file.chmod(0)
    first = state(folder)
    assert first != empty
    file.chmod(0o600)
    assert state(folder) == first
    os.utime(file, ns=(1, 1))
    touched = state(folder)
    file.write_bytes(b"more")
    os.utime(file, ns=(1, 1))
    grown = state(folder)
    file.rename(folder / "deep" / "b.mid")
    assert len({empty, first, touched, grown, state(folder)}) == 5
    assert state(folder / "deep" / "b.mid") != empty
