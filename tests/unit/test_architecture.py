"""Imports point one way: each folder knows only those below it in the list."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import gexlake

SOURCE = Path(gexlake.__file__).parent
LAYERS = [
    "cli", "api", "replay", "services", "vendor", "sample",
    "db", "lineage", "importers", "validation", "scanner", "bucket", "models",
]  # fmt: skip
ROOMS = [
    "upkeep", "publishing", "getting", "living", "importing", "asking", "statements", "owner", "store", "processes",
]  # fmt: skip
"""Of `services/`, below its two doors of Python."""
FOUNDATION = {"archive", "aside", "errors", "packing", "settings", "unpacked_file", "zone", "lz4", "zstd", "_version"}
DOORS = {"__init__", "__main__", "cli"}


def imported_parts(file: Path) -> set[str]:
    """First parts below `gexlake` of all that a module imports, wherever in it."""
    parts = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module if node.module != "gexlake" else f"gexlake.{alias.name}" for alias in node.names]
        parts |= {name.split(".")[1] for name in names if name.startswith("gexlake.")}
    return parts


def test_no_module_uses_relative_imports() -> None:
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), file


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_imports_only_from_below(layer: str) -> None:
    allowed = set(LAYERS[LAYERS.index(layer) :]) | FOUNDATION
    for file in (SOURCE / layer).rglob("*.py"):
        assert imported_parts(file) <= allowed, file.relative_to(SOURCE)


def test_every_folder_has_its_place_in_the_list() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders == set(LAYERS)


def test_foundation_imports_nothing_of_gexlake() -> None:
    for name in FOUNDATION:
        file = SOURCE / f"{name}.py"
        if file.exists():
            assert imported_parts(file) <= FOUNDATION


def imported_rooms(file: Path) -> set[str]:
    """Rooms of `services/` that a module imports from; "" for a module that is in none."""
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gexlake.services"):
            _, _, *rest = node.module.split(".")
            names = rest[:1] or [alias.name for alias in node.names]
            rooms |= {name if (SOURCE / "services" / name).is_dir() else "" for name in names}
    return rooms


@pytest.mark.parametrize("room", ROOMS)
def test_room_of_the_services_imports_only_from_below(room: str) -> None:
    allowed = set(ROOMS[ROOMS.index(room) :])
    for file in (SOURCE / "services" / room).rglob("*.py"):
        assert imported_rooms(file) <= allowed, file.relative_to(SOURCE)


def test_every_room_of_the_services_has_its_place_in_the_list() -> None:
    services = SOURCE / "services"
    assert {path.name for path in services.iterdir() if path.is_dir() and any(path.rglob("*.py"))} == set(ROOMS)
    assert {path.name for path in services.glob("*.py")} == {"__init__.py", "lake.py", "remote_lake.py"}


def test_no_coroutine_of_the_store_of_buckets_is_used() -> None:
    """Threads of obstore end them, and abort a process that ends meanwhile."""
    modules = (SOURCE / "bucket").rglob("*.py")
    assert not [path.name for path in modules if "_async(" in path.read_text(encoding="utf-8")]
