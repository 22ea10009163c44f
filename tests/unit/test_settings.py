"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import BadSetting
from app.settings import Settings


def test_defaults_run_without_any_setting() -> None:
    settings = Settings.from_environ({"PATH": "/bin"})

    assert settings.data == Path("var")
    assert settings.store == "embedded:"


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environ({"SYSMONSEARCH_DATA": "/srv/data", "SYSMONSEARCH_PORT": "8080"})

    assert settings.data == Path("/srv/data")
    assert settings.port == 8080


@pytest.mark.parametrize("text", ["", "eighty", "-1", "8_0", "٣", "9" * 10, "9" * 5000])
def test_a_wrong_number_is_named(text: str) -> None:
    with pytest.raises(BadSetting, match="SYSMONSEARCH_PORT"):
        Settings.from_environ({"SYSMONSEARCH_PORT": text})


def test_zero_is_refused_where_nothing_could_work_with_it() -> None:
    zeros = {"SYSMONSEARCH_PORT": "0", "SYSMONSEARCH_RETENTION_DAYS": "0", "SYSMONSEARCH_RETENTION_GB": "0"}

    assert Settings.from_environ(zeros).port == 0
    for name in ("QUERY_SECONDS", "QUERY_MEMORY_MB", "QUERY_THREADS", "MAX_LINE_MB", "MAX_RATIO"):
        with pytest.raises(BadSetting, match="from 1"):
            Settings.from_environ({f"SYSMONSEARCH_{name}": "0"})


def test_a_misspelt_setting_does_not_go_unnoticed() -> None:
    with pytest.raises(BadSetting, match="SYSMONSEARCH_DATAS"):
        Settings.from_environ({"SYSMONSEARCH_DATAS": "/srv"})


def test_an_empty_folder_name_is_refused() -> None:
    with pytest.raises(BadSetting, match="SYSMONSEARCH_DATA"):
        Settings.from_environ({"SYSMONSEARCH_DATA": ""})


def test_secrets_are_in_no_text_of_the_settings() -> None:
    settings = Settings.from_environ(
        {
            "SYSMONSEARCH_STORE": "elasticsearch+https://ann:hidden1@host",
            "SYSMONSEARCH_ELASTIC_PASSWORD": "hidden2",
            "SYSMONSEARCH_ELASTIC_API_KEY": "hidden3",
            "SYSMONSEARCH_ELASTIC_USER": "ann",
        }
    )

    assert settings.elastic_password == "hidden2"
    assert "ann" in repr(settings)
    assert "hidden" not in repr(settings) + str(settings)


def test_elasticsearch_may_be_told_to_keep_no_copies_but_has_one_shard_at_least() -> None:
    assert Settings.from_environ({"SYSMONSEARCH_ELASTIC_REPLICAS": "0"}).elastic_replicas == 0
    with pytest.raises(BadSetting, match="from 1"):
        Settings.from_environ({"SYSMONSEARCH_ELASTIC_SHARDS": "0"})
