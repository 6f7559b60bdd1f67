"""How fast a download is written, hashed and looked through, where the line is no bound: from loopback.

    python -m bench.downloads [--megabytes 400] [--runs 5] [--work DIR]

A process of its own sends synthetic history by sendfile(2) on a socket of this machine, first as plain JSON, then as
gzip. "came" is from the request to the last byte in the file; "hashed" is with its SHA-256; "whole" is with hash, ends
and, of gzip, all checksums looked at, as `gexlake get` does before it gives a file its name. `whole` unpacks gzip, so
its rate is in bytes of the file; other downloads go on meanwhile. The best of the runs counts, the spread stands
beside it. The bare loop over the same socket is the bound.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import multiprocessing
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

SLICE_BYTES = 1 << 20


def make_body(path: Path, size_bytes: int) -> None:
    """History of about that size: one session over and over, in one array."""
    from gexlake.sample import generate_session
    from gexlake.sample.feeds import SampleFeed

    feed = SampleFeed("NQ_NDX", "classic", "gex_zero")
    records = b",".join(generate_session(feed, date(2025, 11, 10), snapshots=2000, strikes=99))
    with path.open("wb") as file:
        file.write(b"[" + records)
        while file.tell() < size_bytes:
            file.write(b"," + records)
        file.write(b"]")


def pack(source: Path, target: Path) -> None:
    """As stores pack: gzip, level 6."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    with source.open("rb") as read, target.open("wb") as write:
        while chunk := read.read(SLICE_BYTES):
            write.write(packer.compress(chunk))
        write.write(packer.flush())


def serve(listener: socket.socket, path: Path) -> None:
    """Send the file to whoever connects, as an HTTP answer."""
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                head = f'HTTP/1.1 200 OK\r\nContent-Length: {size_bytes}\r\nETag: "1"\r\n\r\n'
                connection.sendall(head.encode())
                sent = 0
                while sent < size_bytes:
                    sent += os.sendfile(connection.fileno(), file.fileno(), sent, size_bytes - sent)


def bare_loop(url: str, target: Path) -> None:
    """The least that anybody has to do: take bytes off a socket and write them."""
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    with socket.create_connection((host, int(port))) as connection, target.open("wb", buffering=0) as file:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while chunk := connection.recv(1 << 16):
            file.write(chunk)


def fetch(url: str, target: Path) -> None:
    """What `gexlake get` does until the last byte is in the file."""
    from gexlake.vendor.download import StoreClient

    async def download() -> None:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT)
        try:
            async with StoreClient() as store:
                await store.fetch(url, descriptor, on_version=lambda _: None, on_bytes=lambda _: None)
        finally:
            os.close(descriptor)

    asyncio.run(download())


def fetch_hashed(url: str, target: Path) -> None:
    """And with its SHA-256."""
    fetch(url, target)
    with target.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def fetch_whole(url: str, target: Path) -> None:
    """And with what it does before the file gets its name."""
    from gexlake.vendor.body import inspect_array

    fetch(url, target)
    inspect_array(target)


def rates(work: Callable[[], None], target: Path, size_bytes: int, runs: int) -> list[tuple[float, float]]:
    """MB per second and MB per second of this process's processor time, of each run, the best first."""
    found = []
    for _ in range(runs):
        target.unlink(missing_ok=True)
        began, began_cpu = time.perf_counter(), time.process_time()
        work()
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
        found.append((size_bytes / seconds / 1e6, size_bytes / cpu_seconds / 1e6))
    return sorted(found, reverse=True)


def measure(source: Path, target: Path, runs: int) -> None:
    """One form of the body; a line for each program."""
    size_bytes = source.stat().st_size
    listener = socket.create_server(("127.0.0.1", 0))
    server = multiprocessing.get_context("fork").Process(target=serve, args=(listener, source), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        for name, work in (("bare loop", bare_loop), ("came", fetch), ("hashed", fetch_hashed), ("whole", fetch_whole)):
            found = rates(partial(work, url, target), target, size_bytes, runs)
            (best, cpu), (worst, _) = found[0], found[-1]
            what = f"{source.name:<6} {size_bytes / 1e6:5.0f} MB  {name:<10}"
            print(f"{what} {best:6.0f} MB/s (to {worst:.0f}); {cpu:6.0f} MB per second of processor time")
    finally:
        server.terminate()
        server.join()
        listener.close()


def main() -> None:
    """Measure both forms and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--work", type=Path, help="where files are written; a temporary folder unless named")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        plain, packed = Path(folder, "plain"), Path(folder, "gzip")
        make_body(plain, arguments.megabytes * 1_000_000)
        pack(plain, packed)
        for source in (plain, packed):
            measure(source, Path(folder, "target"), arguments.runs)


if __name__ == "__main__":
    main()
