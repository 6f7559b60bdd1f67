"""A service with routes that do what real ones may do, called without a socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import pytest
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from gexlake import errors
from gexlake.api.app import create_app
from gexlake.api.auth import Caller, Needs
from gexlake.api.errors import DATA_RESPONSES, ApiError
from gexlake.api.state import service_of
from gexlake.services.owner.keys import Scope
from gexlake.settings import Settings
from helpers.service import LOCAL, Connect

router = APIRouter(prefix="/probe", responses=DATA_RESPONSES)


class Order(BaseModel):
    names: list[str]
    limit: int = 10


@router.get("/read")
async def read(caller: Annotated[Caller, Depends(Needs(Scope.READ))]) -> dict[str, str | None]:
    return {"key_id": caller.key_id}


@router.get("/import", dependencies=[Depends(Needs(Scope.IMPORT))])
async def start_import() -> dict[str, str]:
    return {}


@router.get("/limited")
async def limited(limit: Annotated[int, Query(ge=1, le=10_000)]) -> int:
    return limit


@router.post("/order")
async def order(order: Order) -> Order:
    return order


@router.get("/fault/{name}")
async def fault(name: str) -> None:
    if name == "ApiError":
        raise ApiError(409, "import_running", "It runs.", headers={"Location": "/imports/1"})
    if name == "Panic":
        pl.Series([2**63 - 1]).cast(pl.Datetime("us")).to_list()  # a panic of Polars is no Exception
    if name == "group":
        raise BaseExceptionGroup("several", [BaseException("one of them")])
    raise {"ValueError": ValueError}.get(name) or getattr(errors, name)("It is so.")


@router.get("/broken-stream")
async def broken_stream() -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise ValueError("in the middle of it")

    return StreamingResponse(parts())


@router.get("/in-flight")
async def in_flight(request: Request) -> int:
    return service_of(request).metrics.in_flight


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("GEXLAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def lake_dir(tmp_path: Path) -> Path:
    """An empty directory that is to be a lake."""
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
def connect(lake_dir: Path) -> Connect:
    """A client of a service with these settings; its lifespan runs within `with` only."""

    def connect(*, base_url: str = LOCAL, **settings: Any) -> TestClient:
        app = create_app(Settings(lake=lake_dir, **settings))
        app.include_router(router)
        return TestClient(app, base_url=base_url)

    return connect


@pytest.fixture
def client(connect: Connect) -> TestClient:
    """Of a service with default settings and without keys."""
    return connect()
