"""Folders of uploads: nothing is left of one that failed, nothing is taken from one that is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs.uploads import FOLDER, UploadedFile, new_upload, remove_left_overs
from app.settings import Settings


def folders(settings: Settings) -> list[Path]:
    return list((settings.data / FOLDER).iterdir())


def test_an_upload_that_fails_leaves_nothing(settings: Settings) -> None:
    def fail() -> None:
        with new_upload(settings) as upload:
            upload.path(1).write_bytes(b"x")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - our own
        fail()

    assert folders(settings) == []


def test_left_overs_are_removed_and_what_is_wanted_or_still_sent_stays(settings: Settings) -> None:
    with new_upload(settings) as wanted:
        wanted.path(1).write_bytes(b"x")
    with new_upload(settings) as left_over:
        left_over.path(1).write_bytes(b"x")
    with new_upload(settings) as sent:
        sent.path(1).write_bytes(b"x")

        assert remove_left_overs(settings, lambda token: token == wanted.token) == 1

    assert sorted(folders(settings)) == sorted([wanted.folder, sent.folder])
    assert wanted.path(1).read_bytes() == b"x"


def test_without_uploads_nothing_is_removed(settings: Settings) -> None:
    assert remove_left_overs(settings, lambda _token: False) == 0


def test_a_file_is_a_jobs_argument_and_back() -> None:
    file = UploadedFile(1, "<b>\u202e.evtx", 3, "abc")

    assert UploadedFile.from_json(file.to_json()) == file
