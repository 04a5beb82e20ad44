"""A whole SLURM on one machine for tests: all on loopback, in one folder, without root, its graphics cards pretended.

Needs the packages slurm-wlm, slurm-wlm-basic-plugins and munge (Debian, Ubuntu). Each daemon is a child of this
process and stays in the foreground, so that taking the cluster down leaves nothing behind.
"""

import contextlib
import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

CONFIGURATION = """\
ClusterName=sonoscope
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={root}/run/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.log
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
KillWait=2
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 \
RealMemory={memory} Gres=gpu:pretended:{gpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=60 DefaultTime=10 DefMemPerCPU=500 State=UP
"""


def missing_programs() -> list[str]:
    """The programs that a cluster needs and that are not here."""
    return [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(name, path=PATH) is None]


@dataclass(frozen=True)
class Job:
    """What SLURM remembers of a job."""

    number: int
    state: str
    submitted: str
    started: str
    ended: str
    gpus: int


class Cluster:
    """A running cluster: ``environment`` makes SLURM's commands, and so snakemake, speak with it."""

    def __init__(self, root: Path, environment: dict[str, str]):
        self.root, self.environment = root, environment

    def run(self, *command: str) -> str:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30).stdout

    def queue(self) -> list[str]:
        """States of the jobs that have not ended."""
        return self.run("squeue", "-h", "-o", "%T").split()

    def cancel_all(self) -> None:
        self.run("scancel", "-u", getpass.getuser())
        wait_for(lambda: not self.queue(), "the queue is empty")

    def jobs(self) -> list[Job]:
        """Every job so far, in the order of submission."""
        lines = self.run("scontrol", "-o", "show", "jobs").splitlines()
        return sorted((_job(line) for line in lines if line.startswith("JobId=")), key=lambda job: job.number)


def _job(line: str) -> Job:
    fields = dict(re.findall(r"(\w+)=(\S*)", line))
    cards = re.search(r"TresPer\w+=\S*gpu\S*?[:=](\d+)", line)
    times = fields["SubmitTime"], fields["StartTime"], fields["EndTime"]
    return Job(int(fields["JobId"]), fields["JobState"], *times, int(cards[1]) if cards else 0)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s until {what}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def cluster(cpus: int = 4, memory: int = 16000, gpus: int = 1) -> Iterator[Cluster]:
    """A cluster of one node."""
    # munged refuses a socket below a folder that others may not enter, which pytest's own temporary folders are
    root = Path(tempfile.mkdtemp(prefix="sonoscope-slurm."))
    root.chmod(0o755)
    for folder in ("etc", "run", "log", "state", "spool", "dev", "bin", "munge"):
        (root / folder).mkdir()
    (root / "munge").chmod(0o700)
    configuration = root / "etc/slurm.conf"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SONOSCOPE_", "PYTEST_"))}
    environment = kept | {"SLURM_CONF": str(configuration), "PATH": f"{root}/bin:{PATH}"}
    here = Cluster(root, environment)
    daemons: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> None:
        with (root / f"log/{command[0]}.out").open("wb") as out:
            daemon = subprocess.Popen(
                command, env=environment, cwd=root, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        daemons.append(daemon)

    try:
        key = root / "munge/munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        places = {"key-file": key, "socket": root / "run/munge.socket", "pid-file": root / "run/munged.pid",
                  "log-file": root / "log/munged.log", "seed-file": root / "munge/seed"}  # fmt: skip
        start("munged", "-F", *(f"--{name}={path}" for name, path in places.items()))
        wait_for(places["socket"].exists, "munged is up")
        _write_configuration(here, configuration, cpus, memory, gpus)
        start("slurmctld", "-D", "-f", str(configuration))
        wait_for(lambda: "is UP" in here.run("scontrol", "ping"), "slurmctld is up")
        start("slurmd", "-D", "-f", str(configuration))
        wait_for(lambda: here.run("sinfo", "-h", "-o", "%t").strip() == "idle", "the node is idle")
        yield here
    except TimeoutError as error:
        logs = "\n".join(f"== {f.name}\n{f.read_text()[-1000:]}" for f in (root / "log").iterdir())
        raise RuntimeError(f"{error}\n{logs}") from error
    finally:
        if len(daemons) == 3:
            with contextlib.suppress(TimeoutError):
                here.cancel_all()
        for daemon in reversed(daemons):
            daemon.terminate()
            try:
                daemon.wait(6)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(root, ignore_errors=True)


def _write_configuration(here: Cluster, configuration: Path, cpus: int, memory: int, gpus: int) -> None:
    root, host = here.root, socket.gethostname().split(".")[0]
    for card in range(gpus):  # SLURM counts only cards that have a device file
        (root / f"dev/gpu{card}").symlink_to("/dev/null")
    (root / "etc/gres.conf").write_text(
        f"AutoDetect=off\nNodeName={host} Name=gpu Type=pretended File={root}/dev/gpu[0-{gpus - 1}]\n"
    )
    version = tuple(int(n) for n in here.run("slurmd", "-V").split()[1].split(".")[:2])
    plugin = "disabled" if version >= (23, 2) else "autodetect"  # each is fatal to the other
    (root / "etc/cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
    configuration.write_text(
        CONFIGURATION.format(
            host=host, controller_port=_free_port(), node_port=_free_port(), user=getpass.getuser(), root=root,
            cpus=cpus, memory=memory, gpus=gpus,
        )
    )  # fmt: skip
    # snakemake's job steps drop SLURM_CONF from the environment of srun, which would then look for another cluster
    shim = root / "bin/srun"
    shim.write_text(f'#!/bin/sh\nSLURM_CONF={configuration} exec {shutil.which("srun", path=PATH)} "$@"\n')
    shim.chmod(0o755)
