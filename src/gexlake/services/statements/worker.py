"""The process that runs users' statements, one after the other: orders on stdin, answers on stdout.

    {"place": …, "memory": …, …}\n                         the first line: its bounds, see `place.Limits`
    {"views": […], "statement": …, "limit": …}\n           an order: views to make anew, and the statement
    <length><json>                                          {"ready"} or {"unprepared"}; to each order {"begun"}, and
                                                            {"error"}, {"missing"}, {"damaged"} or {"frame"}; behind
                                                            the last
    <length><bytes> … <0>                                   an Arrow IPC stream in chunks

It holds no lake and no right. Whoever gave the order ends it with SIGKILL when its time is over.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gexlake.errors import QueryError
from gexlake.importers.seal import BrokenSealError, check_file, is_sealed
from gexlake.services.owner.frames import is_panic
from gexlake.services.statements import confine
from gexlake.services.statements.check import check_statement
from gexlake.services.statements.names import FILES, MISSING, SPILL, TABLES
from gexlake.services.statements.rows import fetch_all, fetch_bounded
from gexlake.services.statements.scanned import scanned_files

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    from typing_extensions import Buffer

_CONFIG: dict[str, Any] = {
    "secret_directory": "secrets",  # else it would tell of the home directory
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
LOOKED_AT = ("/proc/self", "/sys/fs/cgroup")
"""How much of the machine there is for this process: DuckDB aborts where it sees these and is not let in."""
_FILE = re.compile(rf"{FILES}/[^\"]+\.parquet")
OUT_OF_MEMORY = "Out of Memory Error"


def main() -> None:
    """Answer orders until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who gave the order
    bounds = json.loads(sys.stdin.buffer.readline())
    answers = _Answers()
    try:
        connection, confined = _prepare(bounds)
    except Exception as error:
        answers.say({"unprepared": f"{type(error).__name__}: {error}"})
        os._exit(1)
    answers.say({"ready": confined})
    files = _Files()
    for line in sys.stdin.buffer:
        if files.look():  # DuckDB goes by the footers that it has read: one that has read none has to answer
            break
        answers.say({"begun": True})  # whatever happens from now on, the statement is what did it
        _carry_out(connection, json.loads(line), bounds, answers, files)
    os._exit(0)  # DuckDB would print what it has not let go of


class _Answers:
    """Writes to what was stdout: nothing that a library may print gets among the answers."""

    def __init__(self) -> None:
        self.peak = _Peak()
        self._file = os.fdopen(os.dup(1), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)

    def say(self, document: dict[str, Any]) -> None:
        """One document."""
        self.write(json.dumps(document).encode())

    def write(self, chunk: Buffer) -> int:
        """A chunk with its length in front."""
        view = memoryview(chunk).cast("B")
        for part in (struct.pack("<I", len(view)), view) if len(view) else ():
            done = 0
            while done < len(part):
                done += self._file.write(part[done:])
        return len(view)

    def flush(self) -> None:
        """Nothing is held back."""

    def end(self) -> None:
        """Behind the last chunk."""
        self._file.write(struct.pack("<I", 0))


class _Peak:
    """The most memory that this process ever had; getrusage(2) would count what its parent had when it was forked."""

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)

    @property
    def bytes(self) -> int:
        """By now; see proc_pid_status(5)."""
        found = re.search(rb"VmHWM:\s*(\d+) kB", os.pread(self._status, 1 << 14, 0))
        return int(found[1]) << 10 if found else 0


class _DamagedError(Exception):
    """A published file that a statement would read is not as it was written."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path)
        self.path = path
        self.problem = problem


class _Files:
    """The published files of each view. One is looked at once, from end to end, and again when it has changed."""

    def __init__(self) -> None:
        self.of_view: dict[str, list[str]] = {}
        self._sound: dict[str, tuple[int, ...]] = {}
        self._read: dict[str, tuple[int, ...]] = {}
        """What DuckDB may know the footer of, as it was before."""
        self._now: dict[str, tuple[int, ...]] = {}
        """Every file of a view as it was at the beginning of the statement: they are looked at once for each."""

    def look(self) -> bool:
        """Look at all files, for a new statement; whether one was changed in place: damaged, or put right again.

        One that is gone is of a state of the lake that is over: the statement brings other views.
        """
        self._now = {file: _key_of(file) for files in self.of_view.values() for file in files}
        return any(key and self._read[file] != _content_of(key) for file, key in self._now.items())

    def set(self, view: str, files: list[str]) -> None:
        """These are the files of a view from now on; DuckDB is about to read of them."""
        self.of_view[view] = files
        for file in files:
            self._now[file] = self._now.get(file) or _key_of(file)
            self._read.setdefault(file, _content_of(self._now[file]))

    def blamed(self, text: str) -> _DamagedError | None:
        """The damaged file that a fault of DuckDB comes from: the one that it names, or one with a broken footer."""
        known = [file for files in self.of_view.values() for file in files]
        named = [found for found in _FILE.findall(text) if found in known]  # a statement can name what it likes
        for file in named or known:
            # DuckDB may go by a footer that it read before the file changed: such a file is looked at as a whole.
            looks_whole = named or self._sound.get(file, ()) not in ((), _key_of(file))
            try:
                (check_file if looks_whole else is_sealed)(Path(file))
            except (BrokenSealError, OSError) as error:
                return _DamagedError(file, str(error))
        return None

    def check(self, connection: duckdb.DuckDBPyConnection, statement: str) -> None:
        """Look at the files that a statement is going to read. Raises `_DamagedError`."""
        known = (file for files in self.of_view.values() for file in files)
        changed = {file for file in known if self._sound.get(file) != self._now[file]}
        if not changed:
            return
        for file in changed.intersection(scanned_files(connection, self.of_view, statement)):
            try:
                check_file(Path(file))
            except (BrokenSealError, OSError) as error:
                raise _DamagedError(file, str(error)) from error
            self._sound[file] = self._now[file]


def _key_of(file: str) -> tuple[int, ...]:
    """What changes whenever a file does."""
    try:
        status = os.stat(file)  # noqa: PTH116 - thousands of them, for each statement
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _content_of(key: tuple[int, ...]) -> tuple[int, ...]:
    """Of a key, what changes with the content: another link to the same file is a change of its ctime alone."""
    return key[:-1]


# ---- before the first statement ------------------------------------------------------------------------------------


def _prepare(bounds: dict[str, Any]) -> tuple[duckdb.DuckDBPyConnection, dict[str, Any]]:
    """Load everything, give all rights away, and only then start threads: what the kernel forbids holds for later ones.

    What is loaded lazily must be here as well: afterwards no file can be read.
    """
    import linecache
    import traceback

    import duckdb

    apart = bounds["hide"] and confine.enter_namespace()
    import polars  # which starts threads of its own, for its memory; they never see a statement

    del linecache, traceback, polars
    size = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    if bounds["spill_bytes"] is not None:
        confine.bound_files(bounds["spill_bytes"])
    hidden = apart and confine.hide_machine()
    readable, spill = [FILES, TABLES, *bounds["readable"]], f"{SPILL}/{bounds['number']}"
    machine = [] if hidden else [path for path in LOOKED_AT if os.path.exists(path)]  # noqa: PTH110 - nothing heavy
    abi = confine.landlock(readable=readable + machine, writable=spill) if bounds["landlock"] else 0
    confine.die_with_parent(bounds["parent"])
    given = {"memory_limit": bounds["memory"], "threads": bounds["threads"], "temp_directory": spill}
    connection = duckdb.connect(config=_CONFIG | {name: value for name, value in given.items() if value is not None})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET GLOBAL parquet_metadata_cache = true")  # a file in this place never changes
    if bounds["spill_bytes"] is not None:  # DuckDB 2.0 does not keep to one that it was opened with
        connection.execute(f"SET GLOBAL max_temp_directory_size = '{bounds['spill_bytes'] >> 10}KiB'")
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in readable)
    connection.execute(f"SET allowed_directories = [{listed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    _warm_up(connection)
    if bounds["more_bytes"] is not None:
        confine.bound_memory(int(os.pread(size, 100, 0).split()[0]) * resource.getpagesize() + bounds["more_bytes"])
    os.close(size)
    return connection, {"landlock": abi, "hidden": hidden}


def _warm_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Go the whole way once, so that nothing is left to be loaded and the first statement is as fast as any."""
    statement = "SELECT 1 AS a, 'b' AS b, timestamptz '2025-11-14 09:30:00+00' AS c, [date '2025-11-14'] AS d"
    frame = _run(connection.cursor(), statement, {"rows": 10, "bytes": 1 << 20}, None)
    frame.write_ipc_stream(io.BytesIO())
    try:
        _run(connection.cursor(), "SELECT nothing", {"rows": None}, None)
    except _duckdb_error() as error:
        _fault(error, [])


def _duckdb_error() -> type[Exception]:
    """The root of DuckDB's faults."""
    import duckdb

    return duckdb.Error


# ---- a statement ---------------------------------------------------------------------------------------------------


def _carry_out(
    connection: duckdb.DuckDBPyConnection,
    order: dict[str, Any],
    bounds: dict[str, Any],
    answers: _Answers,
    files: _Files,
) -> None:
    cursor = connection.cursor()
    renewed = False
    try:
        for view in order["views"]:
            files.set(view["name"], view["files"])
            cursor.execute(view["ddl"])
        renewed = True
        frame = _run(cursor, order["statement"], bounds, order["limit"], files)
    except BaseException as error:  # a panic of Polars is none of Exception's
        damaged = error if isinstance(error, _DamagedError) else None
        if not isinstance(error, _DamagedError | QueryError):
            damaged = files.blamed(str(error))
        if damaged is not None:
            answers.say({"damaged": damaged.path, "problem": damaged.problem, "renewed": renewed})
            return
        answers.say({**_fault(error, bounds["names"]), "renewed": renewed})
        return
    finally:
        cursor.close()
    answers.say({"frame": True, "peak_bytes": answers.peak.bytes})
    frame.write_ipc_stream(answers)  # type: ignore[call-overload]  # it can write
    answers.end()


def _run(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    bounds: dict[str, Any],
    limit: int | None,
    files: _Files | None = None,
) -> pl.DataFrame:
    check_statement(connection, statement)
    if files is not None:
        files.check(connection, statement)
    # A SELECT can carry a DELETE in its WITH.
    connection.execute("BEGIN TRANSACTION READ ONLY")
    relation = connection.sql(statement)
    if limit is not None:
        relation = relation.limit(limit)
    if bounds["rows"] is None:
        return fetch_all(relation)
    return fetch_bounded(relation, rows=bounds["rows"], size=bounds["bytes"])


def _fault(error: BaseException, names: list[str]) -> dict[str, Any]:
    """What to say of a fault, in words."""
    if isinstance(error, QueryError):
        return {"error": error.message, "hint": error.hint}
    text = next(iter(str(error).strip().splitlines()), "").removeprefix("got external error: ")
    if MISSING in text:
        return {"missing": True}
    if isinstance(error, MemoryError) or "bad_alloc" in text or "bad allocation" in text:
        text = f"{OUT_OF_MEMORY}: the statement takes more memory than it may"
    elif is_panic(error) or isinstance(error, OverflowError):
        text = "The result has values that cannot be shown; select them as text, with ::VARCHAR"
    elif not text:
        text = type(error).__name__
    return {"error": text if text.endswith((".", "!", "?")) else f"{text}.", "hint": _hint(text, names)}


def _hint(text: str, names: list[str]) -> str:
    if "Permission Error" in text or "Permission denied" in text:
        return "Only the tables of the lake can be read."
    if "read-only mode" in text:
        return "The lake is read-only here; `gexlake import` writes it."
    if OUT_OF_MEMORY in text or "max_temp_directory_size" in text or "File too large" in text:
        return "Select fewer columns or sessions, or sum up before joining."
    if "Catalog Error" in text and "able" in text:
        return f"The tables are {', '.join(sorted(names))}."
    return "`DESCRIBE gex_snapshots` lists the columns of a table, `SHOW TABLES` the tables."


if __name__ == "__main__":
    main()
