"""Run the notebooks of examples/ on a synthetic lake, and write what they show into them.

    python tools/make_examples.py           run them, and write their results
    python tools/make_examples.py --check   run them; exit with status 1 and name the cells that say something else now

The lake is that of `make demo` with fewer strikes, and with findings: a session that ends early, one that is missing,
and a download that broke off.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from gexlake.sample import write_sample
from gexlake.services.importing.import_history import import_history

EXAMPLES = Path(__file__).parents[1] / "examples"
STRIKES = 21
BROKEN_OFF_BYTES = 300_000


def make_lake(root: Path) -> None:
    """The lake `data` in `root`, of files in `sample` beside it."""
    sample = root / "sample"
    write_sample(sample, sessions=3, strikes=STRIKES)
    write_sample(sample, categories=["gamma_zero", "orderflow"], sessions=1, snapshots=2000, strikes=STRIKES)
    write_sample(sample, sessions=1, start=date(2025, 11, 14), snapshots=9000, strikes=STRIKES)
    write_sample(sample, sessions=1, start=date(2025, 11, 17), snapshots=500, strikes=STRIKES)
    [broken_off] = sample.rglob("2025-11-17_*")
    with broken_off.open("r+b") as file:
        file.truncate(BROKEN_OFF_BYTES)
    import_history(sample, root / "data")


def run(path: Path, root: Path) -> Any:
    """The notebook with the results of its cells, run in a folder beside `data`. Raises `CellExecutionError`."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    directory = root / "examples"
    directory.mkdir(exist_ok=True)
    kernel = Config(KernelManager={"transport": "ipc", "ip": str(root / path.stem)})  # sockets in a folder, no ports
    where = {"metadata": {"path": str(directory)}}
    NotebookClient(notebook, config=kernel, timeout=300, resources=where).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
    del notebook.metadata["language_info"]["version"]
    return notebook


def changed_cells(path: Path, now: Any) -> Iterator[str]:
    """The names of cells whose text is not what the file has; pictures are drawn, and not compared."""
    shown = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    for before, after in zip(shown.cells, now.cells, strict=True):
        if texts(before) != texts(after):
            yield f"{path.name}, cell {after.id}"


def texts(cell: Any) -> list[str]:
    """What a code cell says as text."""
    return [
        output.get("text") or output.data.get("text/plain", "")
        for output in cell.get("outputs", [])
        if "image/png" not in output.get("data", {})
    ]


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """The exit status."""
    paths = sorted(EXAMPLES.glob("*.ipynb"))
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor() as threads:
        make_lake(Path(directory))
        results = list(threads.map(lambda path: run(path, Path(directory)), paths))
    stale = [cell for path, result in zip(paths, results, strict=True) for cell in changed_cells(path, result)]
    if "--check" in arguments:
        for cell in stale:
            print(f"{cell}: run `make examples`", file=sys.stderr)
        return 1 if stale else 0
    for path, result in zip(paths, results, strict=True):
        nbformat.write(result, path)  # type: ignore[no-untyped-call]
    return 0


if __name__ == "__main__":
    sys.exit(main())
