"""What `serve --reload` restarts for: code and templates, and nothing that the service writes itself."""

import os
from pathlib import Path

import pytest

from operations.one_machine.source_watch import SourceWatch


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("tts/views.py", "templates/home.html", "templates/mail/hello.txt", "tests/test_views.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    return tmp_path


def watch(tree: Path) -> SourceWatch:
    return SourceWatch(tree, skipped=tree / "var")


def test_nothing_changed(tree: Path) -> None:
    assert watch(tree).changed_files() == []


def test_a_changed_an_added_and_a_removed_file_are_named_once(tree: Path) -> None:
    source = watch(tree)
    os.utime(tree / "tts/views.py", ns=(1, 1))
    (tree / "tts/models.py").write_text("new")
    (tree / "templates/home.html").unlink()
    assert source.changed_files() == ["templates/home.html", "tts/models.py", "tts/views.py"]
    assert source.changed_files() == []


@pytest.mark.parametrize(
    "name",
    ["var/made.py", "tests/test_new.py", ".venv/lib/x.py", "tts/__pycache__/x.py", "static/app.html", "tts/x.md"],
)
def test_other_files_are_not_watched(tree: Path, name: str) -> None:
    source = watch(tree)
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("new")
    assert source.changed_files() == []


def test_a_virtual_environment_of_any_name_is_not_watched(tree: Path) -> None:
    source = watch(tree)
    (tree / "env").mkdir()
    (tree / "env/pyvenv.cfg").touch()
    (tree / "env/site.py").write_text("new")
    assert source.changed_files() == []


def test_a_file_that_disappears_during_the_look_is_no_error(tree: Path) -> None:
    (tree / "tts/broken.py").symlink_to(tree / "nowhere.py")
    assert watch(tree).changed_files() == []
