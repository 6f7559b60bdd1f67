"""Ray as the engine of a cluster that somebody has started, by its client: nothing of Ray's runs in this process.

Each task is a process of the cluster's own and takes one CPU of it. There is no cheap way from a task to its caller but
its result, so what is read is known by the task.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

# Ray would find out that it runs under `uv run`, and send the working directory to the cluster to do the same there.
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import grpc
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from gexlake.errors import UsageError, WorkerError
from gexlake.services.processes.remote_work import Tell
from gexlake.services.processes.workers import Result

CONNECT_SECONDS = 20.0
CLOSE_SECONDS = 2.0
TASK_NAME = "gexlake"
MAX_RETRIES = 3
"""How often a task is done again whose process was killed."""
STAGES_BY = ("gexlake", "polars", "ray")
"""Packages of which all have to have one version: two could not talk to each other, or write different files."""


class RayEngine:
    """A client of the cluster at an address.

    Raises `OSError` where nobody answers there, `WorkerError` where Ray refuses, `UsageError` in a process that is
    connected to Ray already: it takes one cluster at a time.
    """

    def __init__(self, address: str, _: Tell) -> None:
        if ray.is_initialized():
            raise UsageError(
                "This process is connected to Ray already, and cannot be to two clusters.",
                hint="Leave the other one with ray.shutdown(), or import in a process of its own.",
            )
        place = urlsplit(address)
        socket.create_connection(
            (str(place.hostname), place.port or 0), CONNECT_SECONDS
        ).close()  # Ray tries for longer
        self._context = _connect(address)
        # A lambda travels whole, where a function of a module would have to be there already.
        self._call = ray.remote(lambda function, *arguments: function(*arguments))

    def versions(self) -> Mapping[str, Mapping[str, str | None]]:
        tell = _version_teller()
        answers = self._ask(_nodes(), tell)
        found = {f"node {name}": answer for name, answer in answers.items() if not isinstance(answer, BaseException)}
        return {"here": tell(), **found}

    def slots(self) -> Mapping[str, int]:
        return {f"{_name(node)}/{cpu}": 1 for node in _nodes() for cpu in range(_cpus(node))}

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        call = self._call.options(name=TASK_NAME, num_cpus=1, max_retries=MAX_RETRIES)
        future: Future[Result] = call.remote(function, *arguments).future()
        return future

    def ask_all(self, function: Callable[..., Result], *arguments: object) -> Mapping[str, Result | BaseException]:
        return self._ask([node for node in _nodes() if _cpus(node)], function, *arguments)

    @property
    def tell(self) -> None:
        return None

    def close(self) -> None:
        leaving = threading.Thread(target=self._context.disconnect, daemon=True)
        leaving.start()
        leaving.join(CLOSE_SECONDS)
        if leaving.is_alive():  # it would be waited for at the end of the process, for minutes where a cluster hangs
            atexit.unregister(ray.shutdown)

    def _ask(
        self, nodes: list[dict[str, Any]], function: Callable[..., Result], *arguments: object
    ) -> Mapping[str, Result | BaseException]:
        """Have a process on each of these nodes call it, whatever else it is at."""
        asked = {}
        for node in nodes:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            call = self._call.options(name=TASK_NAME, num_cpus=0, max_retries=0, scheduling_strategy=there)
            asked[_name(node)] = call.remote(function, *arguments)
        return {name: _answer(answer) for name, answer in asked.items()}


def _connect(address: str) -> ray.ClientContext:
    """Be a client of the cluster, without a word: what is to be said of it is said by who has to do with it."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    logging.getLogger("ray.util.client.logsclient").addHandler(logging.NullHandler())  # it asks no other
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, ConnectionAbortedError):
            raise
        raise WorkerError(
            f"The Ray at {address} does not take us: {' '.join(str(error).split())}",
            hint="Install the same versions of Ray and Python on all machines, and look into the log of Ray's client.",
        ) from error


def _nodes() -> list[dict[str, Any]]:
    try:
        return [node for node in ray.nodes() if node["Alive"]]
    except grpc.RpcError as error:
        raise ConnectionError("Ray does not say which nodes there are.") from error


def _name(node: Mapping[str, Any]) -> str:
    """Its address, and as much of its id as tells it from others there."""
    return f"{node['NodeManagerAddress']}/{node['NodeID'][:8]}"


def _cpus(node: Mapping[str, Any]) -> int:
    return int(node["Resources"].get("CPU", 0))


def _answer(asked: ray.ObjectRef[Result]) -> Result | BaseException:
    try:
        answer: Result = ray.get(asked)
    except Exception as error:
        return error
    return answer


def _version_teller() -> Callable[[], Mapping[str, str | None]]:
    """A function that travels whole: the node that it asks may have no gexlake, or another."""
    packages = STAGES_BY

    def tell() -> Mapping[str, str | None]:
        found: dict[str, str | None] = {"Python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        for package in packages:
            try:
                found[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                found[package] = None
        return found

    return tell


open_engine = RayEngine
