"""Answers while a session is replaced."""

from __future__ import annotations

import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gexlake.api.app import create_app
from gexlake.services.importing.import_history import import_history
from gexlake.settings import Settings
from helpers.histories import MONDAY, Record, records_of, vendor_name, write_array
from helpers.service import LOCAL

COUNT = 40


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_walk_over_a_session_that_is_replaced_meanwhile_gives_every_snapshot_once(tmp_path: Path, order: str) -> None:
    source = tmp_path / "source" / vendor_name(MONDAY)
    old, new = records_of(MONDAY, COUNT), copy.deepcopy(records_of(MONDAY, COUNT + 10))
    for record in new:
        record["spot"] += 1000
    write_array(source, old)
    import_history(source.parent, tmp_path / "data")
    app = create_app(Settings(lake=tmp_path / "data", rate_limit="", access_log=False))
    seen: list[Record] = []
    with TestClient(app, base_url=LOCAL) as client:
        parameters: dict[str, Any] = {"symbol": "NQ_NDX", "order": order, "limit": 4}
        for number in range(100):
            document = client.get("/gex", params=parameters).json()
            seen += document["snapshots"]
            if document["next"] is None:
                break
            parameters["cursor"] = document["next"]
            if number == 3:
                write_array(source, new)
                import_history(source.parent, tmp_path / "data")
                app.state.service.running.lake.refresh()
    instants = [record["timestamp"] for record in seen]
    steps = {later > earlier for earlier, later in pairwise(instants)}
    assert steps == {order == "asc"}, "each once, in order"
    assert set(instants) >= {record["timestamp"] for record in old}
    assert all(record in old or record in new for record in seen), "each whole, of one version"
    assert seen[:16] == (old[:16] if order == "asc" else old[::-1][:16])
    assert seen[-1] == (new[-1] if order == "asc" else new[0])
