"""Notes at a second: written, found, changed and deleted by keyboard and pointer; none gives away a later second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, Response, expect

from browser.accessibility import violations
from browser.conftest import Open, Service, serving_copy
from browser.pictures import Axes
from browser.reading import NDX, clock, instant_of, link, saved
from browser.waiting import frames, ready

HIDDEN = "later=hidden"


@pytest.fixture(scope="module")
def service(half_an_hour: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving_copy(half_an_hour, tmp_path_factory) as service:
        yield service


@pytest.fixture(autouse=True)
def no_notes(service: Service) -> None:
    for note in service.get("/notes")["notes"]:
        service.client.delete(f"/notes/{note['id']}").raise_for_status()


def written(service: Service, at: str, text: str) -> None:
    service.client.post("/notes", json={**NDX, "timestamp": instant_of(at), "text": text}).raise_for_status()


def kept(service: Service) -> list[tuple[str, str]]:
    return [(note["timestamp"], note["text"]) for note in service.get("/notes")["notes"]]


def marks(page: Page) -> Locator:
    return page.locator(".note-mark")


def test_a_note_is_written_found_changed_and_deleted_by_keyboard(open_page: Open, service: Service) -> None:
    page = ready(open_page(link(NDX, "09:41:00")))
    page.keyboard.press("j")
    dialog = page.get_by_role("dialog", name="Note at 09:41:00 New York")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("swept the call wall,\nfaded at 1, 2, 3 b n")  # no key of the page
    page.keyboard.press("Control+Enter")
    expect(dialog).to_be_hidden()
    assert clock(page) == "09:41:00"
    assert kept(service) == [("2025-11-14T14:41:00Z", "swept the call wall,\nfaded at 1, 2, 3 b n")]

    page.keyboard.press("ArrowRight")
    mark = page.get_by_role("group", name="Notes").get_by_role("button", name="09:41:00 swept the call wall")
    mark.focus()
    expect(mark.locator(".note-tip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator('[data-cell="clock"]')).to_have_text("09:41:00")

    page.reload()
    ready(page)
    page.locator("summary", has_text="Notes · 1").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Edit the note 09:41:00").press("Enter")
    page.get_by_role("textbox").fill("it held")
    page.get_by_role("button", name="Save", exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(marks(page)).to_have_text("09:41:00 it held")
    assert kept(service) == [("2025-11-14T14:41:00Z", "it held")]

    page.locator("summary", has_text="Notes · 1").click()
    page.get_by_role("button", name="Edit the note").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(marks(page)).to_have_count(0)
    assert kept(service) == []


def test_a_mark_stands_at_its_second_and_leads_there(open_page: Open, service: Service) -> None:
    written(service, "09:50:00", "second look")
    page = ready(open_page(link(NDX, "09:41:00", "from=09:40:00", "to=10:00:00")))
    box, plane = marks(page).bounding_box(), page.locator(".heat").bounding_box()
    assert box is not None
    assert plane is not None
    assert abs(box["x"] + box["width"] / 2 - plane["x"] - Axes(page).x(instant_of("09:50:00"))) < 1
    marks(page).hover()
    expect(marks(page).locator(".note-tip")).to_be_visible()
    expect(page.locator(".heat .tip")).to_be_hidden()
    marks(page).click()
    expect(page.locator('[data-cell="clock"]')).to_have_text("09:50:00")
    rows = saved(page, "c")
    assert {row["new_york"][11:] for row in rows if row["notes"]} == {"09:50:00"}
    assert {row["notes"] for row in rows} == {"", "second look"}


def test_with_what_comes_later_hidden_nothing_of_a_later_note_is_shown_or_asked_for(
    open_page: Open, service: Service
) -> None:
    for at, text in (("09:40:00", "known"), ("09:40:31", "a secret of later")):
        written(service, at, text)
    page = open_page("")
    page.goto("about:blank")  # else what the first page asks for would be among what is asked
    asked: list[Request] = []
    answers: list[Response] = []
    page.on("request", lambda request: asked.append(request) if "/notes" in request.url else None)
    page.on("response", lambda response: answers.append(response) if "/notes" in response.url else None)
    page.goto(f"{service.url}/{link(NDX, '09:40:20', HIDDEN)}")
    ready(page)
    expect(marks(page)).to_have_text("09:40:00 known")
    expect(page.locator("summary", has_text="Notes")).to_have_text("Notes · 1")
    page.get_by_role("slider").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    with page.expect_response(lambda response: f"end={instant_of('09:40:30')}" in response.url):
        page.keyboard.press("ArrowRight")
    expect(page.locator('[data-cell="clock"]')).to_have_text("09:40:30")
    assert all(int(request.url.partition("end=")[2].partition("&")[0]) <= instant_of("09:40:30") for request in asked)
    assert not any("secret" in response.text() for response in answers)
    assert "secret" not in page.content()

    page.keyboard.press("ArrowRight")
    expect(marks(page)).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    expect(marks(page)).to_have_count(1)
    assert "secret" not in page.content()
    rows = saved(page, "c")
    assert not any("secret" in row["notes"] for row in rows)
    page.get_by_role("button", name="Hide later").click()
    expect(marks(page)).to_have_count(2)


def test_what_is_refused_stands_in_the_dialog_and_nothing_typed_is_lost(open_page: Open, service: Service) -> None:
    written(service, "09:45:00", "mine")
    page = ready(open_page(link(NDX, "09:45:00")))
    page.locator("summary", has_text="Notes · 1").click()
    page.get_by_role("button", name="Edit the note").click()
    (note,) = service.get("/notes")["notes"]
    service.client.patch(f"/notes/{note['id']}", json={"text": "theirs"}).raise_for_status()
    page.get_by_role("textbox").fill("mine, longer")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("has been changed since it was read")
    expect(page.get_by_role("textbox")).to_have_value("mine, longer")
    expect(marks(page)).to_have_text("09:45:00 theirs")


def test_notes_are_for_everybody_and_fit_a_phone(open_page: Open, service: Service) -> None:
    written(service, "09:45:00", "a long one: " + "word " * 80 + "x" * 400)
    page = ready(open_page(link(NDX, "09:45:00"), width=320, height=700))
    page.locator("summary", has_text="Notes · 1").click()
    frames(page)
    for name in ("menu", "dialog"):
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        if not page.locator("dialog[open]").count():
            page.get_by_role("button", name="Edit the note").click()
