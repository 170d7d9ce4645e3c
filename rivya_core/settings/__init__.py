"""Every setting of Rivya Lab, read once from arguments and the environment.

Nothing else in the project reads ``os.environ``; code that needs a setting is passed this object. The system's proxy and
certificate variables are read here, too, and evaluated in ``api.network``. No settings library: pydantic-settings would
double the import time of a script that only uses a client.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from rivya_core.api.errors import unusable_setting
from rivya_core.settings.api_key import clean_key
from rivya_core.settings.base_url import check_base_url
from rivya_core.settings.origins import Origin, read_origins
from rivya_core.settings.shared import (
    is_of_this_machine,
    name_of_database,
    read_archive_url,
    read_database_url,
    read_people,
    read_time_zone,
)

Mode = Literal["live", "simulated"]

DEFAULT_BASE_URL = "https://rivya.ai"
"""Source: docs/api-quickstart, read 2026-05-11."""

EMBEDDED_CONNECTION = "embedded simulator"
"""Connection name of the built-in simulator, whatever port it listens on."""

REPLAY_CONNECTION = "replay"
"""Connection name of the built-in simulator while it replays a cassette; a data folder holds one cassette's work only."""

SILENT_BEATS_MIN = 3
"""A worker is taken for gone after so many heartbeats that did not come, or more."""

_PICK_A_FOLDER = "Set RIVYA_DATA_DIR to a folder that this user may write, such as /data/rivya-lab."

_NETWORK_VARIABLES = frozenset(
    {"https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "sslkeylogfile"}
)

_HOST_NAME = re.compile(r"\*|(\*\.)?[\w-]+(\.[\w-]+)*", re.ASCII)


def _users_data_dir() -> Path:
    """The data folder of the user who runs this process."""
    try:
        folder = Path(platformdirs.user_data_dir("rivya-lab", appauthor=False))
        home_unknown = not folder.is_absolute()
    except (RuntimeError, OSError, KeyError):  # a container with an unknown user id and no HOME
        home_unknown = True
    if home_unknown:
        raise unusable_setting(
            "data_dir", "is not set, and this user has no home folder to take instead", _PICK_A_FOLDER
        )
    return folder


class Settings(BaseModel):
    """All settings; immutable.

    Each field can be given as an argument or as the environment variable ``RIVYA_<FIELD>`` in capitals
    (``RIVYA_API_KEY``, ``RIVYA_BASE_URL``, ``RIVYA_DATA_DIR``, ``RIVYA_DAILY_CAP_CREDITS`` ...). Arguments win.
    Without a key the built-in simulator is used; a base URL without a key is refused. With a ``cassette`` the simulator
    answers from recorded work, and a key beside it is refused: no live client may exist in that process.

    Raises:
        ConfigurationError: a value is outside its range; the sentence names the setting and the rule.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
        validate_default=True,
        defer_build=True,
    )

    api_key: SecretStr | None = None
    base_url: str = ""
    data_dir: Path = Field(default_factory=_users_data_dir)
    cassette: Path | None = None
    simulated: bool = False

    database_url: SecretStr | None = None
    archive_url: str = ""
    cache_mb: int = Field(default=2048, ge=64, le=1_000_000)
    time_zone: str = ""
    jobs_per_worker: int = Field(default=250, ge=1, le=2000)
    worker_beat_s: float = Field(default=5.0, ge=0.05, le=60)
    worker_silent_s: float = Field(default=30.0, ge=0.2, le=600)
    admins: str = ""
    makers: str = ""

    daily_cap_credits: int | None = Field(default=None, ge=0)
    confirm_above_credits: int = Field(default=320, ge=0)
    type_to_confirm_credits: int = Field(default=1600, ge=0)
    read_only: bool = False
    allowed_hosts: str = ""
    allowed_origins: str = ""
    share_address: str = ""

    connect_timeout_s: float = Field(default=10.0, gt=0)
    read_timeout_s: float = Field(default=60.0, gt=0)
    write_timeout_s: float = Field(default=60.0, gt=0)
    resend_window_s: float = Field(default=1800.0, ge=0)
    max_creates_in_flight: int = Field(default=4, ge=1, le=64)

    poll_first_s: float = Field(default=2.5, ge=0.01)
    poll_min_s: float = Field(default=5.0, ge=0.01)
    poll_max_s: float = Field(default=10.0, ge=0.01)
    poll_reads_per_s: float = Field(default=20.0, gt=0)
    overdue_after_s: float = Field(default=1800.0, gt=0)
    settle_delays_s: tuple[Annotated[float, Field(ge=0)], ...] = (10.0, 60.0, 600.0)
    balance_refresh_s: float = Field(default=60.0, gt=0)
    min_free_disk_bytes: int = Field(default=500_000_000, ge=0)

    simulator_speed: float = Field(default=1.0, gt=0, le=1000)
    simulator_credits: int = Field(default=4800, ge=0)
    simulator_seed: int = 0
    first_start_examples: bool = True

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**_from_environment(type(self).model_fields) | values)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                raise unusable_setting(name, "is not a setting", "docs/settings.md lists them all.") from None
            raise unusable_setting(name, first["msg"].removeprefix("Value error, ")) from None

    @field_validator("api_key")
    @classmethod
    def _key_is_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        key = "" if value is None else clean_key(value.get_secret_value())
        return SecretStr(key) if key else None

    @field_validator("base_url")
    @classmethod
    def _base_url_is_safe(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("data_dir")
    @classmethod
    def _folder_can_be_named(cls, value: Path) -> Path:
        return _absolute(value, "folder")

    @field_validator("cassette")
    @classmethod
    def _cassette_can_be_named(cls, value: Path | None) -> Path | None:
        return None if value is None else _absolute(value, "file")

    @field_validator("database_url")
    @classmethod
    def _database_can_be_named(cls, value: SecretStr | None) -> SecretStr | None:
        url = "" if value is None else read_database_url(value.get_secret_value())
        return SecretStr(url) if url else None

    @field_validator("archive_url")
    @classmethod
    def _bucket_can_be_named(cls, value: str) -> str:
        return read_archive_url(value)

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        return read_time_zone(value)

    @field_validator("admins", "makers")
    @classmethod
    def _people_have_addresses(cls, value: str) -> str:
        return read_people(value)

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_are_names(cls, value: str) -> str:
        for name in filter(None, map(str.strip, value.split(","))):
            if not _is_host(name):
                raise ValueError(
                    "must be host names separated by commas, such as lab.example or *.team.example, without scheme and port"
                )
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins_are_whole(cls, value: str) -> str:
        return ", ".join(sorted(map(str, read_origins(value))))

    @field_validator("share_address")
    @classmethod
    def _address_is_one_machines(cls, value: str) -> str:
        try:
            if not value or not ((address := IPv4Address(value)).is_unspecified or address.is_multicast):
                return value
        except ValueError:
            pass
        raise ValueError("must be one IPv4 address of this machine, such as 192.168.1.20")

    @field_validator("settle_delays_s", mode="before")
    @classmethod
    def _delays_may_be_a_text(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        listed = value.strip().removeprefix("[").removesuffix("]")
        return listed.split(",") if listed.strip() else ()

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Settings:
        if self.cassette is not None and (self.api_key is not None or self.base_url):
            raise unusable_setting(
                "cassette",
                "cannot be played while a key or an address of the API is set: a replay never talks to Rivya",
                "Unset RIVYA_API_KEY and RIVYA_BASE_URL to play the cassette, or unset RIVYA_CASSETTE to work live.",
            )
        if self.base_url and self.api_key is None:
            raise unusable_setting(
                "api_key",
                "is not set, but base_url is",
                "Set RIVYA_API_KEY too, or unset RIVYA_BASE_URL to use the built-in simulator.",
            )
        if self.poll_max_s < self.poll_min_s:
            raise unusable_setting("poll_max_s", "must not be smaller than poll_min_s")
        self._shared_settings_fit_together()
        return self

    def _shared_settings_fit_together(self) -> None:
        if self.simulated and self.api_key is None:
            raise unusable_setting(
                "simulated",
                "says that the server at base_url is a simulator, but no key is set",
                "Set RIVYA_BASE_URL and RIVYA_API_KEY too, or unset RIVYA_SIMULATED to use the built-in simulator.",
            )
        if self.database_url is not None and self.api_key is None:
            raise unusable_setting(
                "database_url",
                "cannot be used with the built-in simulator: each process would have a world of its own",
                "Start python -m rivya_core.simulator, and set RIVYA_BASE_URL, RIVYA_API_KEY and RIVYA_SIMULATED=1.",
            )
        if self.time_zone and self.database_url is None:
            raise unusable_setting(
                "time_zone",
                "is for a shared database; without one the day is this machine's",
                "Unset RIVYA_TIME_ZONE, or set RIVYA_DATABASE_URL too.",
            )
        if self.worker_silent_s < SILENT_BEATS_MIN * self.worker_beat_s:
            raise unusable_setting("worker_silent_s", f"must be at least {SILENT_BEATS_MIN} times worker_beat_s")

    @property
    def mode(self) -> Mode:
        """``live`` with a key, unless its server is said to be a simulator; else ``simulated``."""
        return "simulated" if self.simulated or self.is_embedded else "live"

    @property
    def is_embedded(self) -> bool:
        """True without a key: this process runs the simulator itself."""
        return self.api_key is None

    @property
    def is_shared(self) -> bool:
        """True with a database URL: several processes, on several machines perhaps, work on the same data."""
        return self.database_url is not None

    @property
    def place(self) -> str:
        """Where the data is, as people may see it: the data folder, or host and name of the database."""
        if self.database_url is None:
            return str(self.data_dir)
        return name_of_database(self.database_url.get_secret_value())

    @property
    def origins(self) -> frozenset[Origin]:
        """The origins whose pages may use this server, besides its own."""
        return read_origins(self.allowed_origins)

    @property
    def live_base_url(self) -> str:
        """The address of the live API, without a trailing slash."""
        return self.base_url or DEFAULT_BASE_URL

    @property
    def connection(self) -> str:
        """Name of the connection that rows are submitted under: the base URL, the embedded simulator, or the replay."""
        if self.api_key is not None:
            return self.live_base_url
        return EMBEDDED_CONNECTION if self.cassette is None else REPLAY_CONNECTION


def is_built_in(connection: str) -> bool:
    """True for the name of a connection that the embedded simulator serves."""
    return connection in {EMBEDDED_CONNECTION, REPLAY_CONNECTION}


def _from_environment(fields: Iterable[str]) -> dict[str, str]:
    """Field to value, of the fields whose variable is set and not empty; however its name is spelled, the lower case counts."""
    named = {f"rivya_{field}": field for field in fields}
    found = {name.lower(): os.environ[name] for name in sorted(os.environ) if os.environ[name]}
    return {field: found[name] for name, field in named.items() if name in found}


def network_variables() -> dict[str, tuple[str, str]]:
    """Return the system's variables about proxies and certificates as they stand now: lower-case name to name and value.

    Of two spellings of a name the lower-case one counts, as in curl and in Python itself.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in sorted(os.environ):  # capitals come first
        if name.lower() in _NETWORK_VARIABLES:
            found[name.lower()] = (name, os.environ[name])
    return found


def may_use_http() -> bool:
    """Whether the object store may be spoken to without encryption: on this machine, or where AWS_ALLOW_HTTP says so."""
    if os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true", "yes"}:
        return True
    return is_of_this_machine(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")


def _absolute(value: Path, kind: str) -> Path:
    """Make a path absolute, so that a later change of the working directory does not affect it."""
    try:
        name = str(value.expanduser())
        name.encode()
    except (RuntimeError, ValueError):  # RuntimeError: "~name" of nobody
        name = "\x00"
    if "\x00" in name:
        raise ValueError(f"no {kind} can have this name")
    try:
        return Path(name).absolute()
    except OSError:
        raise ValueError(
            f"a relative {kind} needs a current folder, and that one is gone; give the whole path"
        ) from None


def _is_host(name: str) -> bool:
    """Tell a host name, a pattern of host names or an IP address from anything else, such as an address with a port."""
    if _HOST_NAME.fullmatch(name):
        return True
    try:
        return bool(IPv6Address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return False
