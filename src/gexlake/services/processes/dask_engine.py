"""Dask as the engine of a cluster: a scheduler and workers that somebody has started."""

from __future__ import annotations

import logging
import secrets
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from urllib.parse import urlsplit

from distributed import Client, Security, get_worker
from distributed.versions import VersionMismatchWarning

from gexlake.errors import UsageError
from gexlake.services.processes.remote_work import Tell
from gexlake.services.processes.workers import Result

CONNECT_SECONDS = 20.0
CLOSE_SECONDS = 2.0
STAGES_BY = ("distributed", "gexlake", "polars")
"""Packages of which all have to have one version: two could not talk to each other, or write different files."""


_log = logging.getLogger("distributed.client")


class DaskEngine:
    """A client of the scheduler at an address.

    Raises `OSError` where nobody answers there, `UsageError` where certificates are asked for and not named.
    """

    def __init__(self, address: str, on_told: Tell) -> None:
        scheme, place = urlsplit(address).scheme, urlsplit(address).netloc
        if scheme == "tls" and Security().get_connection_args("client")["ssl_context"] is None:
            raise UsageError(
                "No certificates are named for a cluster at tls://.",
                hint="Name them in Dask's configuration: distributed.comm.tls.ca-file, client.key and client.cert.",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # of what matters we have our own to say
            self._client = Client(
                f"{'tcp' if scheme == 'dask' else scheme}://{place}", timeout=CONNECT_SECONDS, set_as_default=False
            )
        _log.addFilter(_is_news)
        self._topic = f"gexlake-{secrets.token_hex(8)}"
        self._client.subscribe_topic(self._topic, lambda event: on_told(*event[1]))
        # Nothing is pure that reads files, and what is to be done again is decided elsewhere.
        self._executor = self._client.get_executor(pure=False, retries=0)

    def versions(self) -> Mapping[str, Mapping[str, str | None]]:
        found = self._client.get_versions(packages=list(STAGES_BY))
        nodes = {"here": found["client"], "scheduler": found["scheduler"]}
        nodes |= {f"worker {address}": node for address, node in found["workers"].items()}
        return {name: _versions(node["packages"]) for name, node in nodes.items()}

    def slots(self) -> Mapping[str, int]:
        return dict(self._client.nthreads())

    def submit(self, function: Callable[..., Result], *arguments: object) -> Future[Result]:
        future: Future[Result] = self._executor.submit(function, *arguments)
        return future

    def ask_all(self, function: Callable[..., Result], *arguments: object) -> Mapping[str, Result | BaseException]:
        return dict(self._client.run(function, *arguments, on_error="return"))

    @property
    def tell(self) -> Tell:
        return partial(_tell, self._topic)

    def close(self) -> None:
        self._client.close(timeout=CLOSE_SECONDS)
        _log.removeFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """That a connection is lost is said by who has to do with it, in its own words."""
    return record.levelno < logging.ERROR


def _tell(topic: str, number: int, bytes_read: int) -> None:
    get_worker().log_event(topic, (number, bytes_read))


def _versions(packages: Mapping[str, str | None]) -> Mapping[str, str | None]:
    python = ".".join(str(packages["python"]).split(".")[:2])
    return {"Python": python, **{name: packages[name] for name in STAGES_BY}}


open_engine = DaskEngine
