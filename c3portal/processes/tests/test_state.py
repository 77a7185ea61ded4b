"""What the portal keeps below VAR_DIR is its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

from django.conf import settings

from c3portal.processes import state


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    assert state.private_folder(tmp_path / "a" / "imports")
    assert mode_of(tmp_path / "a" / "imports") == 0o700


def test_a_folder_that_others_may_read_is_shut(tmp_path: Path) -> None:
    (tmp_path / "imports").mkdir(mode=0o755)
    assert state.private_folder(tmp_path / "imports")
    assert mode_of(tmp_path / "imports") == 0o700


def test_a_folder_that_cannot_be_made_stops_nothing() -> None:
    assert not state.private_folder(Path("/proc/nothing/imports"))


def test_files_to_be_imported_lie_in_a_private_folder() -> None:
    assert mode_of(settings.IMPORT_DIR) == 0o700
    assert str(settings.IMPORT_DIR) == settings.FILE_UPLOAD_TEMP_DIR
