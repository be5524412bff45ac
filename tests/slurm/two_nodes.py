"""A real SLURM on this machine alone: its daemons, started for a test and stopped after it.

Debian's slurm-wlm and munge are enough; `.ci/install_optional` installs them. Both of the two nodes
are this machine, on loopback, without accounting; they claim more cores, memory and cards than it
has.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NODES = ("first", "second")
# Commands inside a job step look nowhere else, so a cluster elsewhere cannot be told to them.
CONFIG = Path("/etc/slurm/slurm.conf")
FILES = (CONFIG, CONFIG.with_name("gres.conf"))
FETCHED = Path("/run/slurm/conf")  # of nodes that fetch their config
MADE_HERE = "# Of hearsay's tests; they remove it."
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue")
CARDS = ("/dev/null", "/dev/zero")  # SLURM asks for device files, and gives a job their numbers
SETTINGS = """{made_here}
ClusterName=hearsay
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}/socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=100000
KillWait=30
MinJobAge=3600
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
GresTypes=gpu
NodeName=DEFAULT CPUs=16 RealMemory=131072
NodeName=first NodeHostname={host} NodeAddr=127.0.0.1 Port=16818 Gres=gpu:{cards}
NodeName=second NodeHostname={host} NodeAddr=127.0.0.1 Port=16819 Gres=gpu:{cards}
PartitionName=cpu Nodes=first,second Default=YES MaxTime=UNLIMITED State=UP
PartitionName=gpu Nodes=first,second MaxTime=UNLIMITED State=UP
"""


def find_obstacle() -> str | None:
    """Say why no cluster can be started here; None: it can. A real one is never touched."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    absent = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if absent:
        return f"no {absent[0]}; .ci/install_optional installs Debian's slurm-wlm and munge"
    if os.getuid() != 0:
        return "starting SLURM's daemons wants root"
    signs = [file for file in FILES if file.exists() and not file.read_text().startswith(MADE_HERE)]
    if "SLURM_CONF" in os.environ or FETCHED.exists() or signs:
        return "this machine belongs to a SLURM of its own, which is left alone"
    if subprocess.run(["scontrol", "ping"], capture_output=True).returncode == 0:
        return "a SLURM answers, of this machine or of another test, and is left alone"
    return None


class TwoNodeCluster:
    """The daemons of a cluster whose nodes are this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.munge = Path("/run/hearsay-munge")  # a socket's path may have 107 signs at most
        self.host = socket.gethostname().split(".")[0]
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start the daemons and wait until the node takes jobs."""
        for name in ("state", "spool.first", "spool.second"):
            (self.folder / name).mkdir(parents=True)
        self.munge.mkdir(exist_ok=True)
        shutil.chown(self.munge, "munge", "munge")
        CONFIG.write_text(
            SETTINGS.format(
                made_here=MADE_HERE,
                host=self.host,
                folder=self.folder,
                munge=self.munge,
                cards=len(CARDS),
            )
        )
        CONFIG.with_name("gres.conf").write_text(
            "\n".join([MADE_HERE, *(f"Name=gpu File={card}" for card in CARDS), ""])
        )
        socket_path = self.munge / "socket"
        munged = ["munged", "--foreground", "--force", f"--socket={socket_path}"]
        munged += [f"--pid-file={self.munge}/pid", f"--log-file={self.munge}/log"]
        munged += [f"--seed-file={self.munge}/seed"]
        self._run("munged", munged, "--reuid=munge", "--regid=munge", "--clear-groups")
        wait_until(socket_path.exists, "munged")
        self._run("slurmctld", ["slurmctld", "-D"])
        for node in NODES:
            self._run(node, ["slurmd", "-D", "-N", node])
        wait_until(lambda: self.node_state() == "idle", "the node")

    def stop(self) -> None:
        """End the jobs, stop the daemons, and remove what lay outside the folder."""
        if self._daemons:
            ask("scancel", "--signal=KILL", "--full", "--me")
            with suppress(AssertionError):
                wait_until(lambda: ask("squeue", "--noheader") == "", "the jobs", 20)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for file in FILES:
            file.unlink(missing_ok=True)
        shutil.rmtree(self.munge, ignore_errors=True)

    def node_state(self) -> str:
        """Say what the node does: idle, alloc, mixed, drained ..."""
        return ask("sinfo", "--noheader", "--format", "%t", "--partition", "cpu")

    def _run(self, name: str, command: list[str], *privileges: str) -> None:
        """Start a daemon that ends with this process, even where that is killed."""
        command = ["setpriv", "--pdeathsig=TERM", *privileges, *command]
        path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
        with (self.folder / f"{name}.out").open("wb") as log:
            self._daemons.append(
                subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PATH": path})
            )


def ask(*command: str) -> str:
    """Run a command of SLURM; its answer, or nothing while the daemons do not answer."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout.strip() if done.returncode == 0 else ""


def tell(*command: str) -> None:
    """Run a command of SLURM that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until something holds; AssertionError that names it where it never does."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)
