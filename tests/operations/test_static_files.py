from operations.one_machine.static_files import collect_static_files


def test_files_are_collected_once_and_again_when_they_changed(settings, tmp_path):
    settings.BASE_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "collected"
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    (tmp_path / "requirements.txt").write_text("one==1")
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "page.css").write_text("a { color: red }")

    assert collect_static_files() is True
    assert (settings.STATIC_ROOT / ".collected").is_file()
    assert collect_static_files() is False

    (tmp_path / "static" / "page.css").write_text("a { color: blue }")
    assert collect_static_files() is True
    assert collect_static_files() is False

    (tmp_path / "requirements.txt").write_text("one==2")
    assert collect_static_files() is True
