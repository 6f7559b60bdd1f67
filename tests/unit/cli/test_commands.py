"""What holds for every command."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout
from typing import Any

import pytest

from gexlake.cli import COMMANDS, command_line
from gexlake.sample import COMPRESSIONS, FORMS

GROUP: Any = command_line()
TOP_LEVEL = tuple(dict.fromkeys(command.split()[0] for command in COMMANDS))
LAKE_COMMANDS = set(COMMANDS) - {"scan", "sample", "version"}


def help_of(*command: str) -> str:
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended:
        GROUP([*command, "--help"], prog_name="gexlake")
    assert ended.value.code == 0
    return out.getvalue()


def test_help_lists_the_commands_in_order() -> None:
    listed = re.findall(r"^  ([a-z]+) {2,}", help_of().partition("Commands:")[2], re.MULTILINE)
    assert listed == list(TOP_LEVEL)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_in_one_sentence(command: str) -> None:
    found: Any = GROUP
    for word in command.split():
        found = found.commands[word]
    summary = found.short_help
    assert summary.endswith(".")
    assert summary[0].isupper()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_to_paste(command: str) -> None:
    text = help_of(*command.split())
    example = re.search(r"^  Example:\n    gexlake (.*)$", text, re.MULTILINE)
    assert example is not None
    words = shlex.split(example[1])
    assert words[: len(command.split())] == command.split()
    assert all(word in text for word in words if word.startswith("--")), "the example uses an option that is not there"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_shared_options(command: str) -> None:
    text = help_of(*command.split())
    for option in ("-o, --output", "-v, --verbose", "-q, --quiet", "--traceback", "-h, --help"):
        assert option in text
    assert ("--lake DIR" in text) == (command in LAKE_COMMANDS)


def test_sample_names_its_choices() -> None:
    text = help_of("sample")
    assert all(choice in text for choice in (*FORMS, *COMPRESSIONS))
