"""What a process of the zygote does: one call of a service, perhaps with a fault on its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from gexlake.errors import GexlakeError
from helpers.faults import arrange

PATIENCE_SECONDS = 180.0


def run(command: dict[str, Any]) -> int:
    """Do it, write the result to stdout as JSON, and return the exit status that the command line would give."""
    count = arrange(command.get("faults") or {}, Path(command.get("lake", "/nowhere")))
    try:
        status = _COMMANDS[command["do"]](command)
    except GexlakeError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = error.exit_status
    if count is not None:
        print(json.dumps({"points": count()}), file=sys.stderr)
    return status


def _import(command: dict[str, Any]) -> int:
    from gexlake.models.import_order import ImportOptions
    from gexlake.services.importing.import_history import import_history

    if command.get("pause"):
        pauses = {"plan": _pause_after_planning, "commit": _pause_in_commit}
        pauses[command.get("pause_in", "plan")](Path(command["pause"]), Path(command["resume"]))

    options = dict(command.get("options") or {})
    if options.get("cluster"):
        be_patient()
    for name in ("since", "until"):
        if name in options:
            options[name] = date.fromisoformat(options[name])
    sources = [Path(os.fsdecode(bytes.fromhex(source))) for source in command["sources"]]
    report = import_history(sources, Path(command["lake"]), ImportOptions(**options))
    sys.stdout.write(report.model_dump_json())
    return 0 if report.acceptable else 1


def be_patient(put: Callable[[object, str, object], None] = setattr) -> None:
    """Have clusters be as slow as the machine is busy."""
    from gexlake.services.processes import cluster

    for name in ("LOST_SECONDS", "JOIN_SECONDS", "STOP_SECONDS"):
        put(cluster, name, PATIENCE_SECONDS)


def _pause_after_planning(pause: Path, resume: Path) -> None:
    """Say so when the import has planned its work and closed the database, and go on when told to."""
    from gexlake.services.importing.import_history import _Import

    plan = _Import._plan

    def plan_and_wait(*args: Any) -> Any:
        planned = plan(*args)
        pause.write_text("ready")
        resume.read_text()
        return planned

    _Import._plan = plan_and_wait  # type: ignore[method-assign]


def _pause_in_commit(pause: Path, resume: Path) -> None:
    """Say so when the first session is about to be committed, with the database open, and go on when told to."""
    from gexlake.services.importing import commits

    commit = commits.commit_groups

    def wait_and_commit(*args: Any) -> Any:
        if commits.commit_groups is wait_and_commit:
            commits.commit_groups = commit
            pause.write_text("ready")
            resume.read_text()
        return commit(*args)

    commits.commit_groups = wait_and_commit


def _verify(command: dict[str, Any]) -> int:
    from gexlake.services.upkeep.verify import verify_lake

    report = verify_lake(Path(command["lake"]), **(command.get("options") or {}))
    sys.stdout.write(report.model_dump_json())
    return 0 if report.clean else 1


def _notes(command: dict[str, Any]) -> int:
    """Write notes, then change the first of them and delete the last; each is said when it is done."""
    from gexlake.models.feed import feed_of
    from gexlake.services.asking.notes import add_note, change_note, delete_note

    lake, feed = Path(command["lake"]), feed_of("NQ_NDX", None, None)
    notes = []
    for text in command["texts"]:
        notes.append(add_note(lake, feed, command["at_us"], text))
        _say(f"added {text}")
    if command.get("revise"):
        change_note(lake, notes[0].id, "changed")
        _say("changed")
        delete_note(lake, notes[-1].id)
        _say("deleted")
    return 0


def _say(words: str) -> None:
    from helpers.power import say

    print(words)
    if "GEXLAKE_POWER_SOCKET" in os.environ:
        say(words)


def _rebuild(command: dict[str, Any]) -> int:
    from gexlake.services.upkeep.rebuild import rebuild_database

    report = rebuild_database(Path(command["lake"]))
    sys.stdout.write(report.model_dump_json())
    return 0 if report.clean else 1


def _content(command: dict[str, Any]) -> int:
    from helpers.lakes import lake_content

    sys.stdout.write(json.dumps(lake_content(Path(command["lake"])), default=str))
    return 0


def _forget(command: dict[str, Any]) -> int:
    from gexlake.services.upkeep.revise import forget_source

    sys.stdout.write(forget_source(Path(command["lake"]), Path(command["source"])).model_dump_json())
    return 0


def _restore(command: dict[str, Any]) -> int:
    from gexlake.services.upkeep.revise import restore_import

    sys.stdout.write(restore_import(Path(command["lake"]), command["import_id"]).model_dump_json())
    return 0


def _select(command: dict[str, Any]) -> int:
    from helpers.lakes import select

    sys.stdout.write(json.dumps(select(Path(command["lake"]), command["sql"]), default=str))
    return 0


def _read(command: dict[str, Any]) -> int:
    from gexlake.db.database import open_database
    from gexlake.db.layout import LakeLayout

    with open_database(LakeLayout(Path(command["lake"])), write=False) as connection:
        rows = connection.execute(command["sql"]).fetchall()
    sys.stdout.write(json.dumps(rows, default=str))
    return 0


def _push(command: dict[str, Any]) -> int:
    from gexlake.services.publishing import push

    push.TRANSFERS_AT_ONCE = 1  # one point after the other
    root = Path(command["lake"])
    sys.stdout.write(push.push(root / "lake", root / "mirror").model_dump_json())
    return 0


def _pull(command: dict[str, Any]) -> int:
    from gexlake.bucket.store import open_place
    from gexlake.db.layout import LakeLayout
    from gexlake.services.publishing import pull

    pull.TRANSFERS_AT_ONCE = 1
    puller = pull.Puller(LakeLayout(Path(command["lake"])), open_place(Path(command["mirror"])))
    while puller.step():
        pass
    sys.stdout.write(puller.report.model_dump_json())
    return 0


def _shell(command: dict[str, Any]) -> int:
    return subprocess.run(command["words"], check=False).returncode


_COMMANDS = {
    "import": _import,
    "verify": _verify,
    "notes": _notes,
    "rebuild": _rebuild,
    "forget": _forget,
    "restore": _restore,
    "content": _content,
    "select": _select,
    "read": _read,
    "push": _push,
    "pull": _pull,
    "shell": _shell,
}
