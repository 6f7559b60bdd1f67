"""`/import` and `/imports`: imports as jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gexlake.api.auth import Needs
from gexlake.api.errors import DATA_RESPONSES, RETRY_SECONDS, ApiError, ErrorDetail, responses
from gexlake.api.params import Query as Parameters
from gexlake.api.params import takes_no_parameters
from gexlake.api.state import RunningService, running, until_stopping
from gexlake.models.import_order import ImportOptions
from gexlake.models.record_types import RECORD_TYPES
from gexlake.services.asking.imports import ImportSummary, find_import, list_imports
from gexlake.services.importing.jobs import ImportJob, TooManyImportsError
from gexlake.services.owner.keys import Scope
from gexlake.zone import zone_name

router = APIRouter(tags=["imports"], responses=DATA_RESPONSES)
READ = [Depends(Needs(Scope.READ))]
IMPORT = [Depends(Needs(Scope.IMPORT))]
BARE = [Depends(takes_no_parameters)]


class ImportRequest(BaseModel):
    """What is to be imported."""

    model_config = ConfigDict(extra="forbid")

    source_path: str = Field(
        description="A file or directory on the service's machine, inside one of its `import_roots`.",
        examples=["/srv/gex/history"],
        min_length=1,
    )
    data_types: list[Literal[tuple(RECORD_TYPES)]] = Field(  # type: ignore[valid-type]
        default=list(RECORD_TYPES), min_length=1, description="Record types; all if none are named."
    )
    validate_only: bool = Field(
        default=False, description="Say what would happen and everything that is wrong; write nothing."
    )
    force: bool = Field(default=False, description="Import unchanged files again.")
    prune: bool = Field(
        default=False,
        description="Take out what changed files no longer have; with `validate_only`, say what that is. Without it, "
        "nothing that was imported leaves the lake.",
    )
    naive_zone: str | None = Field(
        default=None,
        description="Zone of times in the source that have none; without it, or the setting of that name, they are "
        "refused.",
        examples=["America/New_York"],
    )

    @field_validator("naive_zone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        return None if value is None else zone_name(value)


class ImportDocument(BaseModel):
    """An import: one that waits, runs or has ended lately, or one that the lake remembers. Times are in UTC."""

    import_id: str
    status: str = Field(
        description="`queued`, `running`, `stopping`; at the end `success`, `partial`, `failed` or `interrupted`. "
        "An interrupted import is taken up by importing the same source again."
    )
    sources: list[str]
    validate_only: bool = False
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_seconds: float | None = None
    records_imported: dict[str, int] | None = Field(default=None, description="By record type.")
    records_seen: int | None = None
    records_duplicate: int | None = None
    records_quarantined: int | None = None
    errors: dict[str, int] | None = Field(default=None, description="Code of the rule -> records refused.")
    warnings: dict[str, int] | None = None
    error: str | None = Field(default=None, description="Why it ended without a report.")
    progress: dict[str, Any] | None = Field(default=None, description="Files and bytes done, out of totals.")
    report: dict[str, Any] | None = Field(
        default=None, description="The whole report with every file, once it has ended."
    )


class ImportList(BaseModel):
    """Imports, the newest first."""

    count: int
    imports: list[ImportDocument]


class WaitQuery(Parameters):
    """When to answer."""

    wait: bool = Field(default=False, description="Answer when it has ended, with 200; with 202 if the service stops.")


class ImportsQuery(Parameters):
    """Which imports."""

    limit: int = Field(default=100, ge=1, le=10_000, description="At most so many.")


@router.post(
    "/import",
    status_code=202,
    dependencies=IMPORT,
    responses={200: {"model": ImportDocument, "description": "It has ended, with `wait`."}},
)
async def submit_import(
    order: ImportRequest, request: Request, response: Response, query: Annotated[WaitQuery, Query()]
) -> ImportDocument:
    """Import history into the lake; the work is done by a process of its own, at low priority."""
    service = running(request)
    service.lake.check_present()
    roots = service.settings.import_roots
    source = await run_in_threadpool(_resolve, order.source_path, roots)
    options = ImportOptions(
        dry_run=order.validate_only,
        force=order.force,
        prune=order.prune,
        within=tuple(roots),
        categories=tuple(name for wanted in order.data_types for name in RECORD_TYPES[wanted].categories),
        naive_zone=order.naive_zone or service.settings.naive_zone,
    )
    try:
        job = service.jobs.submit([source], options)
    except TooManyImportsError as error:
        raise ApiError(429, "too_many_imports", str(error), headers={"Retry-After": str(RETRY_SECONDS)}) from error
    response.headers["Location"] = f"/imports/{job.import_id}"
    if query.wait:
        async for _ in until_stopping(request, job.changes()):
            pass
        response.status_code = 200 if job.status.ended else 202
    return _of_job(job)


@router.get("/imports", dependencies=READ)
async def show_imports(request: Request, query: Annotated[ImportsQuery, Query()]) -> ImportList:
    """Give the latest imports, those that wait or run among them; reports are left out."""
    service = running(request)
    remembered = await run_in_threadpool(list_imports, service.lake.layout.root, limit=query.limit)
    found = {summary.import_id: _of_summary(summary) for summary in remembered}
    found |= {job.import_id: _of_job(job).model_copy(update={"report": None}) for job in service.jobs.all()}
    newest = [found[import_id] for import_id in sorted(found, reverse=True)][: query.limit]
    return ImportList(count=len(newest), imports=newest)


@router.get("/imports/{import_id}", dependencies=[*READ, *BARE], responses=responses(404))
async def show_import(import_id: str, request: Request) -> ImportDocument:
    """Give one import: how far it is, or how it ended."""
    return await _find(running(request), import_id)


async def _existing(import_id: str, request: Request) -> ImportDocument:
    return await _find(running(request), import_id)


@router.get(
    "/imports/{import_id}/events",
    dependencies=[*READ, *BARE],
    responses=responses(404),
    response_class=EventSourceResponse,
)
async def follow_import(
    import_id: str, request: Request, document: Annotated[ImportDocument, Depends(_existing)]
) -> AsyncIterator[ServerSentEvent]:
    """Follow one import: `progress` events while it runs, then one `end` event with the import as it ended."""
    job = running(request).jobs.get(import_id)
    if job is None:
        yield ServerSentEvent(data=document, event="end")
        return
    async for state in until_stopping(request, job.changes()):
        yield ServerSentEvent(data=_of_job(state), event="end" if state.status.ended else "progress")


@router.delete("/imports/{import_id}", dependencies=[*IMPORT, *BARE], responses=responses(404, 409))
async def stop_import(import_id: str, request: Request) -> ImportDocument:
    """Stop an import cleanly: what it has committed stays. Answers when it has ended."""
    service = running(request)
    job = service.jobs.get(import_id)
    if job is None or job.status.ended:
        ended = await _find(service, import_id)
        raise ApiError(
            409,
            "import_ended",
            f"The import {import_id} has ended: {ended.status}.",
            details=[ErrorDetail(parameter="import_id", value=import_id, message="Only one that waits or runs stops.")],
        )
    await service.jobs.stop(job)
    return _of_job(job)


def _resolve(text: str, roots: tuple[Path, ...]) -> Path:
    """The source with all links followed, if it lies inside a root. What lies outside is not even looked at."""
    if not roots:
        raise _refused(text, "no directory may be imported over HTTP: the setting import_roots is empty")
    try:
        source = Path(text).resolve()
        inside = any(source.is_relative_to(root.resolve()) for root in roots)
        exists = inside and source.exists()
    except (OSError, ValueError, RuntimeError):  # NUL, a name that is too long, links in a circle
        raise _refused(text, "it cannot be the path of a file") from None
    if not Path(text).is_absolute() or not inside:
        raise _refused(text, f"it has to be an absolute path inside {', '.join(map(str, roots))}")
    if not exists:
        raise _refused(text, "there is no such file or directory")
    return source


def _refused(text: str, why: str) -> ApiError:
    detail = ErrorDetail(parameter="source_path", value=text[:200], message=f"{why[0].upper()}{why[1:]}.")
    return ApiError(422, "source_path_invalid", f"This source cannot be imported: {why}.", details=[detail])


async def _find(service: RunningService, import_id: str) -> ImportDocument:
    job = service.jobs.get(import_id)
    if job is not None:
        return _of_job(job)
    summary = await run_in_threadpool(find_import, service.lake.layout.root, import_id)
    if summary is None:
        raise ApiError(404, "import_unknown", f"There is no import {import_id[:100]}.")
    return _of_summary(summary)


def _of_job(job: ImportJob) -> ImportDocument:
    document = ImportDocument(
        import_id=job.import_id,
        status=job.status.value,
        sources=[str(source) for source in job.sources],
        validate_only=job.options.dry_run,
        submitted_at=job.submitted_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        error=job.error,
        progress=job.progress,
        report=job.report,
    )
    if job.report is not None:
        totals = job.report["totals"]
        document.duration_seconds = job.report["duration_seconds"]
        document.records_imported = job.report["records_imported"]
        document.records_seen = totals["records_seen"]
        document.records_duplicate = totals["records_duplicate"]
        document.records_quarantined = totals["records_quarantined"]
        document.errors, document.warnings = job.report["errors"], job.report["warnings"]
    return document


def _of_summary(summary: ImportSummary) -> ImportDocument:
    imported = summary.records_imported
    seconds = (summary.finished_at - summary.started_at).total_seconds() if summary.finished_at else None
    return ImportDocument(
        **summary.model_dump(exclude={"records_imported", "files", "imported_by_type"}),
        records_imported=None if imported is None else summary.imported_by_type,
        duration_seconds=seconds,
    )
