"""How the suite is run: what passes only the second time is recorded, and each test knows where it belongs."""

from pathlib import Path

import pytest

from tests.parallel import TOGETHER
from tests.run import ROOT, report_passed_again


def test_what_passed_only_when_run_again_is_printed_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    record = tmp_path / "var" / "passed.txt"
    report_passed_again(["tests/a.py::test_x[a b]"], record)
    report_passed_again(["tests/a.py::test_x[a b]", "tests/b.py::test_y"], record)
    lines = record.read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "tests/a.py::test_x[a b]", "tests/a.py::test_x[a b]", "tests/b.py::test_y"
    ]  # fmt: skip
    printed = capsys.readouterr().out
    assert printed.count("Passed only when run again (mend these):") == 2
    assert "tests/a.py::test_x[a b] (so far 2 times)" in printed
    assert str(record) in printed


def test_nothing_is_printed_or_recorded_if_nothing_passed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    report_passed_again([], tmp_path / "passed.txt")
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_modules_that_stay_together_exist():
    assert [module for module in TOGETHER if not (ROOT / module).is_file()] == []
