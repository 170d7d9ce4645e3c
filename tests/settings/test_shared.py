"""The settings of a shared installation: each bad value is refused by its name, and none is repeated."""

from __future__ import annotations

import pytest

from rivya_core import Settings
from rivya_core.api.errors import ConfigurationError
from rivya_core.settings.shared import name_of_database

KEY = "rvya_sk_test"
URL = "postgresql+psycopg://rivya:hunter2@db.example:5433/rivya"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"database_url": "sqlite:///x"}, "database_url: must be an address such as"),
        ({"database_url": "postgresql://rivya:hunter2@host"}, "database_url: must name a database"),
        ({"database_url": "postgresql://rivya:hunter2@host:port/x"}, "database_url: must be an address such as"),
        ({"database_url": URL, "api_key": None}, "database_url: cannot be used with the built-in simulator"),
        ({"archive_url": "https://bucket"}, "archive_url: must be an address such as"),
        ({"archive_url": "s3://key:hunter2@bucket/x"}, "archive_url: must not hold a key"),
        ({"archive_url": "s3://B"}, "archive_url: must name a bucket"),
        ({"archive_url": "s3://bucket/../x"}, "archive_url: its prefix must be"),
        ({"time_zone": "Mars/Olympus", "database_url": URL}, "time_zone: must be the name of a time zone"),
        ({"time_zone": "../../etc/passwd", "database_url": URL}, "time_zone: must be the name of a time zone"),
        ({"time_zone": "Asia/Dhaka"}, "time_zone: is for a shared database"),
        ({"simulated": True, "api_key": None}, "simulated: says that the server"),
        ({"worker_beat_s": 5, "worker_silent_s": 14}, "worker_silent_s: must be at least 3 times"),
        ({"admins": "ann"}, "admins: must be e-mail addresses or @domain"),
        ({"makers": "@lab.example ben@lab.example"}, "makers: must be e-mail addresses or @domain"),
    ],
)
def test_a_bad_value_is_refused_and_not_repeated(values: dict[str, object], rule: str) -> None:
    """A database URL may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        Settings(**{"api_key": KEY, **values})
    assert caught.value.detail.startswith(rule)
    assert "hunter2" not in str(caught.value)


def test_what_fits_is_kept_in_one_form() -> None:
    """The driver is named, people are in small letters, and what may be shown of a database has no password."""
    settings = Settings(
        api_key=KEY,
        base_url="http://127.0.0.1:9",
        simulated=True,
        database_url=URL.replace("+psycopg", ""),
        archive_url="s3://clips.example/team/a/",
        time_zone="Asia/Dhaka",
        admins="Ann@Lab.example",
        makers=" @lab.example, ben@x.example ,",
    )
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert (settings.is_shared, settings.mode, settings.connection) == (True, "simulated", "http://127.0.0.1:9")
    assert (settings.place, settings.archive_url) == ("db.example:5433/rivya", "s3://clips.example/team/a")
    assert (settings.admins, settings.makers) == ("ann@lab.example", "@lab.example, ben@x.example")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql+psycopg://u:hunter2@db.example/rivya", "db.example/rivya"),
        ("postgresql+psycopg://u:hunter2@[::1]:5432/x", "[::1]:5432/x"),
        ("postgresql+psycopg://u:hunter2@/rivya?host=/run/postgresql", "rivya on this machine"),
        ("postgresql+psycopg://u@db.example/a%20b", "db.example/a b"),
    ],
)
def test_a_database_is_named_as_people_would_write_it(url: str, name: str) -> None:
    """Without user, password and options."""
    assert name_of_database(url) == name
