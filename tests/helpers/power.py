"""A model of a disk that loses its power: what was not synced is gone.

A process is run with `power.c` preloaded, which tells of each sync and of each change of a directory. What is durable
follows from that alone: the content of a file as it was when it was last synced, the entries of a directory as they
were when that was. After each event several crashes are made up, one for each of `KINDS`. A rename is taken to be
atomic, as it is on file systems with a journal.
"""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path

from helpers.crashes import Files, digest_of, lay_out
from helpers.preload import compiled

KINDS = (
    "nothing unsynced",
    "all removals, nothing else unsynced",
    "all names, no unsynced content",
)
"""What of the changes that were not synced has reached the disk."""

Entries = dict[str, int]
"""Name -> number of a file or directory."""


@dataclass(frozen=True)
class CrashState:
    """What is on the disk after a power cut, by path below the root; None is a directory. `said` was acknowledged."""

    moment: str
    tree: Files
    said: tuple[str, ...]

    def lay_out(self, target: Path) -> None:
        """Make it."""
        lay_out(self.tree, target)


@dataclass
class Disk:
    """What is durable below `root`; the root itself is."""

    root: Path
    states: list[CrashState] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    events: int = 0
    syncs: int = 0
    _entries: dict[int, Entries] = field(default_factory=dict)
    _contents: dict[int, bytes] = field(default_factory=dict)
    _directories: set[int] = field(default_factory=set)
    _numbers: dict[int, int] = field(default_factory=dict)
    """Inode -> number: an inode may be used again, a number is not."""
    _seen: set[bytes] = field(default_factory=set)

    def note(self, what: str, path: Path) -> None:
        """An event that has just happened."""
        self.events += 1
        live, places = self._look()
        self._crash(f"{self.events}: before {what} {path.relative_to(self.root)}", live)
        if what != "sync":
            return
        self.syncs += 1
        number = next((number for number, place in places.items() if place == path), None)
        if number is None:
            return  # it has no name any more
        if path.is_dir():
            self._entries[number] = dict(live[number])
        else:
            self._contents[number] = path.read_bytes()
        self._crash(f"{self.events}: {what} {path.relative_to(self.root)}", live)

    def end(self) -> None:
        """The process is over."""
        self.note("end", self.root)

    def _look(self) -> tuple[dict[int, Entries], dict[int, Path]]:
        """The directories as they are, and where everything is."""
        live: dict[int, Entries] = {}
        places: dict[int, Path] = {}
        inodes = set()
        for folder, folders, files in os.walk(self.root):
            entries: Entries = {}
            for name in (*folders, *files):
                try:
                    inode = Path(folder, name).lstat().st_ino
                except FileNotFoundError:
                    continue
                inodes.add(inode)
                number = self._numbers.setdefault(inode, len(self._numbers) + 1_000_000 * self.events)
                entries[name] = number
                places[number] = Path(folder, name)
                if name in folders:
                    self._directories.add(number)
            own = 0 if Path(folder) == self.root else self._numbers[Path(folder).lstat().st_ino]
            live[own] = entries
            places[own] = Path(folder)
        for inode in self._numbers.keys() - inodes:
            del self._numbers[inode]
        return live, places

    def _crash(self, moment: str, live: dict[int, Entries]) -> None:
        for kind, directories in zip(KINDS, (self._entries, self._without_removed(live), live), strict=True):
            tree: Files = {}
            self._fill(tree, "", 0, directories)
            digest = digest_of(tree, *self.said)
            if digest not in self._seen:
                self._seen.add(digest)
                self.states.append(CrashState(f"{moment} ({kind})", tree, tuple(self.said)))

    def _without_removed(self, live: dict[int, Entries]) -> dict[int, Entries]:
        """The durable entries without those that are gone by now; what was moved is gone once its new place has it.

        A name that is another file's now was replaced in one step: without that step it is the old file's.
        """
        alive = {number for entries in live.values() for number in entries.values()}
        kept = {}
        for directory, entries in self._entries.items():
            kept[directory] = {
                name: number
                for name, number in entries.items()
                if name in live.get(directory, {})
                or (number in alive and not self._is_durable_elsewhere(number, directory, live))
            }
        return kept

    def _is_durable_elsewhere(self, number: int, directory: int, live: dict[int, Entries]) -> bool:
        return any(
            number in entries.values() and number in live.get(other, {}).values()
            for other, entries in self._entries.items()
            if other != directory
        )

    def _fill(self, tree: Files, prefix: str, number: int, directories: dict[int, Entries]) -> None:
        for name, child in sorted(directories.get(number, {}).items()):
            if child in self._directories:
                tree[prefix + name] = None
                self._fill(tree, f"{prefix}{name}/", child, directories)
            else:
                tree[prefix + name] = self._contents.get(child, b"")


class Watch:
    """Listens to a process; `prefix` goes before its command line."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self.disk = Disk(root)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        library, place = compiled("power", scratch), scratch / "power.socket"
        self._socket.bind(str(place))
        self._socket.listen()
        self._lock = threading.Lock()
        self.prefix = [
            "env",
            f"LD_PRELOAD={library}",
            f"GEXLAKE_POWER_SOCKET={place}",
            f"GEXLAKE_POWER_ROOT={root}",
        ]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for line in lines:
                what, _, rest = line.decode().rstrip("\n").partition("\t")
                with self._lock:
                    if what == "said":
                        self.disk.said.append(rest)
                    else:
                        self.disk.note(what, Path(rest))
                connection.sendall(b".")

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


def say(words: str) -> None:
    """In the process that is watched: something has been acknowledged, so no crash may lose it from here on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(os.environ["GEXLAKE_POWER_SOCKET"])
        line.sendall(f"said\t{words}\n".encode())
        line.recv(1)
