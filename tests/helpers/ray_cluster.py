"""A real Ray cluster of one node, started by its own command line."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.gates import Gates
from helpers.processes import until
from helpers.redis_server import free_port
from helpers.runner import python_path

RAY = Path(sys.executable).with_name("ray")
PATIENT = dict.fromkeys(("CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "gcs_server_port_wait_time_s"), "600")
PATIENT |= {"worker_register_timeout_seconds": "600"}
"""A busy machine is not a dead one."""


class RayCluster(Gates):
    """A node with two CPUs; `address` is that of its door for clients."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self.address = address


@contextmanager
def running_ray_cluster(folder: Path) -> Iterator[RayCluster]:
    """Within the block one runs; its log is in `folder`, all else in one whose name is short, as sockets need it.

    It is the only one of this user's tests on this machine: clients of two may be given one port.
    """
    port, short = free_port(), tempfile.mkdtemp(prefix="ray-")
    cluster = RayCluster(folder, f"ray://127.0.0.1:{port}")
    words = ["--head", "--num-cpus=2", "--port=0", f"--ray-client-server-port={port}", f"--temp-dir={short}"]
    words += ["--include-dashboard=false", f"--dashboard-port={free_port()}", "--disable-usage-stats"]
    words += ["--object-store-memory=80000000"]
    here = {"PYTHONPATH": python_path(), "OPENBLAS_NUM_THREADS": "1", "GEXLAKE_TEST_GATES": str(cluster.gates)}
    here |= {"GRPC_ENABLE_FORK_SUPPORT": "0"}  # else what answers a client may die at its start, on a busy machine
    here |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_memory_monitor_refresh_ms": "0"}
    here |= {f"RAY_{name}": value for name, value in PATIENT.items()}
    alone = Path(tempfile.gettempdir()) / f"gexlake-tests-ray-{os.getuid()}.lock"
    with (folder / "log").open("w") as log, alone.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        keeper = subprocess.Popen(
            [sys.executable, "-m", "helpers.keeper", short, RAY, "start", *words],
            env=os.environ | here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=[lock.fileno()],  # held until all has ended
            start_new_session=True,  # Ctrl-C is for the tests
        )
        with keeper:
            assert keeper.stdout is not None
            assert keeper.stdout.readline() == b"ready\n", (folder / "log").read_text()
            until(lambda: answers(port))
            yield cluster


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
