"""A real Slurm of one machine, in a temporary folder, away from any system's configuration.

Two virtual nodes of two GPUs each ("a100"), which are two device files. Needs root, slurm-wlm and munge,
and for a cluster that keeps accounts slurmdbd and mariadb-server.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
# The engine looks at once and often; whom it asks stands in the profile.
QUICK = ("--slurm-init-seconds-before-status-checks", "2")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "sinfo", "scontrol")
ACCOUNTANTS = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacct", "sacctmgr")
WAIT_S = 60

CONF = """
ClusterName=private
SlurmctldHost=localhost
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=2
SlurmdTimeout=10
ReturnToService=2
MinJobAge=600
MpiDefault=none
SwitchType=switch/none
GresTypes=gpu
{nodes}
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""
ACCOUNTED = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={accountant}
AccountingStoragePass={folder}/munge.socket
"""
ACCOUNTANT = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdPort={accountant}
SlurmUser=root
PidFile={folder}/slurmdbd.pid
LogFile={folder}/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=root
StorageLoc=accounts
"""
NODE = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
    "RealMemory=16000 Gres=gpu:a100:2 State=UNKNOWN"
)


def missing(accounting: bool = False) -> list[str]:
    """Return what this machine lacks for a private cluster."""
    needed = PROGRAMS + (ACCOUNTANTS if accounting else ())
    absent = [name for name in needed if shutil.which(name, path=_path()) is None]
    return absent + ([] if os.geteuid() == 0 else ["root"])


def _path() -> str:
    return f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"


@dataclass
class Cluster:
    """A running cluster: `env` makes Slurm's commands talk to it."""

    folder: Path
    env: dict[str, str]
    daemons: list[subprocess.Popen] = field(default_factory=list)

    def engine(self) -> dict[str, str]:
        """Return the environment in which a user's Snakemake submits to this cluster."""
        dropped = ("REPLICORTEX_", "PYTEST")
        kept = {k: v for k, v in self.env.items() if not k.startswith(dropped)}
        kept["PATH"] = f"{self.folder}/bin{os.pathsep}{BIN}{os.pathsep}{kept['PATH']}"
        return kept

    def snakemake(
        self, folder: Path, *arguments: str, profile: str = "slurm", within: float = 800
    ) -> subprocess.CompletedProcess:
        """Run `snakemake --profile slurm` in a folder."""
        return subprocess.run(
            [str(BIN / "snakemake"), "--profile", profile, *arguments],
            cwd=folder,
            env=self.engine(),
            capture_output=True,
            text=True,
            timeout=within,
        )

    def start(self, *words: str) -> None:
        log = (self.folder / f"{Path(words[0]).name}.out").open("a")
        self.daemons.append(
            subprocess.Popen(words, env=self.env, stdout=log, stderr=log, start_new_session=True)
        )

    def start_node(self, name: str) -> None:
        self.start("slurmd", "-D", "-N", name, "-f", self.env["SLURM_CONF"])

    def break_node(self, name: str) -> None:
        """End a node's daemon and all that runs on it, as a power cut would."""
        for status in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (status / "cmdline").read_bytes().decode().split("\0")
                own = str(self.folder) in " ".join(words)
                environment = (status / "environ").read_bytes().split(b"\0")
                if (own and "-N" in words and name in words) or (
                    f"SLURMD_NODENAME={name}".encode() in environment
                    and any(str(self.folder).encode() in each for each in environment)
                ):
                    os.kill(int(status.name), signal.SIGKILL)

    def command(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self.env, capture_output=True, text=True, check=True, timeout=WAIT_S
        )
        return done.stdout

    def nodes_ready(self) -> bool:
        states = self.command("sinfo", "--noheader", "--Node", "--format", "%N %T").split("\n")
        return sum(line.endswith(("idle", "mixed")) for line in set(filter(None, states))) >= 2


@contextmanager
def private_cluster(folder: Path, accounting: bool = False) -> Iterator[Cluster]:
    """Start a cluster in a folder, and end all of it; with `accounting` it answers sacct."""
    folder.mkdir(parents=True, exist_ok=True)
    controller, first, second, accountant, database = _free_ports(5)
    cpus = os.cpu_count() or 1
    nodes = "\n".join(
        NODE.format(name=name, port=port, cpus=cpus)
        for name, port in (("n1", first), ("n2", second))
    )
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(folder=folder, controller=controller, nodes=nodes)
        + (ACCOUNTED.format(folder=folder, accountant=accountant) if accounting else "")
    )
    (folder / "gres.conf").write_text(
        "NodeName=n1,n2 Name=gpu Type=a100 File=/dev/null,/dev/zero\n"
    )
    for name in ("state", "spool-n1", "spool-n2", "bin"):
        (folder / name).mkdir(exist_ok=True)
    _srun(folder, conf)
    env = {**os.environ, "SLURM_CONF": str(conf), "PATH": f"{folder}/bin{os.pathsep}{_path()}"}
    cluster = Cluster(folder, env)
    try:
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        cluster.start(
            *("munged", "--foreground", "--force", f"--key-file={key}"),
            *(f"--socket={folder}/munge.socket", f"--pid-file={folder}/munged.pid"),
            *(f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"),
        )
        _until(lambda: (folder / "munge.socket").exists(), "munge's socket")
        if accounting:
            _keep_accounts(cluster, accountant, database)
        cluster.start("slurmctld", "-D", "-f", str(conf))
        for name in ("n1", "n2"):
            cluster.start_node(name)
        _until(lambda: _answers(cluster), "both nodes", folder)
        yield cluster
    finally:
        _end(folder, cluster.daemons)


def _keep_accounts(cluster: Cluster, accountant: int, database: int) -> None:
    """Start a database, and Slurm's accountant on it."""
    folder, own = cluster.folder, "--no-defaults"
    held = folder / "database"
    normal = "--auth-root-authentication-method=normal"
    cluster.command("mariadb-install-db", own, f"--datadir={held}", "--user=root", normal)
    cluster.start(
        *("mariadbd", own, f"--datadir={held}", "--user=root", "--bind-address=127.0.0.1"),
        *(f"--port={database}", f"--socket={folder}/mariadb.socket"),
        *(f"--pid-file={folder}/mariadb.pid", "--innodb-buffer-pool-size=64M"),
    )
    _until(lambda: (folder / "mariadb.socket").exists(), "the database")
    settings = folder / "slurmdbd.conf"
    settings.write_text(ACCOUNTANT.format(folder=folder, accountant=accountant, database=database))
    settings.chmod(0o600)
    cluster.start("slurmdbd", "-D")
    _until(
        lambda: _works(cluster, "sacctmgr", "--immediate", "add", "cluster", "private"),
        "slurmdbd",
        folder,
    )


def _works(cluster: Cluster, *words: str) -> bool:
    with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
        cluster.command(*words)
        return True
    return False


def _srun(folder: Path, conf: Path) -> None:
    """Put an srun on the path that knows the cluster: a job step drops SLURM_CONF."""
    real = shutil.which("srun", path=_path())
    wrapper = folder / "bin/srun"
    wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={conf} exec {real} "$@"\n')
    wrapper.chmod(0o755)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _answers(cluster: Cluster) -> bool:
    try:
        return cluster.nodes_ready()
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False


def _until(ready, what: str, folder: Path | None = None) -> None:
    end = time.monotonic() + WAIT_S
    while not ready():
        if time.monotonic() > end:
            logs = "".join(p.read_text()[-1500:] for p in folder.glob("*.log")) if folder else ""
            raise TimeoutError(f"waited {WAIT_S} s for {what}\n{logs}")
        time.sleep(0.3)


def _end(folder: Path, started: list[subprocess.Popen]) -> None:
    """End daemons and whatever they left, by pid: everything that names the folder."""
    for process in reversed(started):
        process.terminate()
    for process in started:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    for status in Path("/proc").glob("[0-9]*/environ"):
        try:
            if (
                str(folder).encode() in status.read_bytes()
                and int(status.parent.name) != os.getpid()
            ):
                os.kill(int(status.parent.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
