"""Programs that come to an end by themselves, beside those that are to run for ever (tests/live/test_stopping.py)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.one_machine.supervisor import Child, Supervisor
from tests.support.waiting import wait_for

# Fails as long as the file is not there, which it then makes; and notes each run.
SECOND_TIME_LUCKY = """
import pathlib, sys
runs, mark = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
runs.open("a").write("run\\n")
was_there = mark.exists()
mark.touch()
sys.exit(0 if was_there else 3)
"""


@pytest.fixture
def ended() -> Iterator[list[Child]]:
    """Children that end with the test."""
    children: list[Child] = []
    yield children
    for child in children:
        child.wait_or_kill(0.0)


def test_a_program_that_ends_well_is_done_once_and_not_started_again(tmp_path: Path, ended: list[Child]):
    calls, runs = [], tmp_path / "runs"
    arguments = [sys.executable, "-c", SECOND_TIME_LUCKY, str(runs), str(runs)]  # the mark is there at once
    child = Child("task", arguments, on_done=lambda: calls.append("done"))
    ended.append(child)
    child.start()

    def looked() -> list[str]:
        child.restart_if_dead()
        return calls

    wait_for(looked, "the program to end")
    for _ in range(5):
        child.restart_if_dead()
    child.start_afresh()  # as after a change of the code
    child.restart_if_dead()
    assert calls == ["done"]
    assert runs.read_text() == "run\n"


def test_a_program_that_fails_is_started_again_until_it_ends_well(tmp_path: Path, ended: list[Child]):
    calls, runs = [], tmp_path / "runs"
    arguments = [sys.executable, "-c", SECOND_TIME_LUCKY, str(runs), str(tmp_path / "mark")]
    child = Child("task", arguments, on_done=lambda: calls.append(runs.read_text()))
    ended.append(child)
    child.start()

    def looked() -> list[str]:
        child.restart_if_dead()
        return calls

    wait_for(looked, "the second run to end")
    assert calls == ["run\nrun\n"]


def test_a_program_without_an_end_is_started_again_when_it_ended_well(tmp_path: Path, ended: list[Child]):
    runs = tmp_path / "runs"
    child = Child("server", [sys.executable, "-c", SECOND_TIME_LUCKY, str(runs), str(runs)])
    ended.append(child)
    child.start()

    def looked() -> bool:
        child.restart_if_dead()
        return runs.exists() and runs.read_text() == "run\nrun\n"

    wait_for(looked, "a second run")


def test_the_end_of_one_program_can_add_another(tmp_path: Path, ended: list[Child]):
    """As the worker of a model that has arrived: it is watched like the others."""
    runs, added_runs = tmp_path / "runs", tmp_path / "added"
    added = Child("added", [sys.executable, "-c", SECOND_TIME_LUCKY, str(added_runs), str(added_runs)])
    supervisor = Supervisor([])
    task = Child(
        "task",
        [sys.executable, "-c", SECOND_TIME_LUCKY, str(runs), str(runs)],
        on_done=lambda: supervisor.add(added),
    )
    ended += [task, added]
    supervisor.add(task)

    def looked() -> bool:
        supervisor.restart_dead()
        return added_runs.exists() and added_runs.read_text().count("run") >= 2

    wait_for(looked, "the added program to run, and to run again")
    assert runs.read_text() == "run\n"
