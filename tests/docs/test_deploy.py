"""docs/deploy.md says what works: its commands run here as far as they can, its units and settings are read by those who read them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from streamlit import config

from rivya_core import GenerationRequest
from rivya_core.services import close_all, open_lab
from rivya_core.settings import Settings
from rivya_core.simulator import SimulatorServer
from tests import postgresql
from tests.object_store import Bucket
from tests.until import HANGS_S

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
LIBRARIES = {"PGPASSWORD", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}

IMAGINED = ("adduser", "curl", "git", "install", "journalctl", "make", "systemctl")
"""Programs that would change this machine or ask the network: here they do nothing."""

SUDO = """#!/bin/sh
[ "$1" = -u ] && shift 2
exec "$@"
"""
NOTHING = "#!/bin/sh\n"


RIGHTS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
"""What a bucket's owner must allow for a request about one object (Amazon S3, actions of its API)."""


class Block(NamedTuple):
    """A block of code and its language."""

    kind: str
    text: str


BLOCKS = [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```", DEPLOY, re.MULTILINE | re.DOTALL)]
UNITS = {
    found[1]: block.text
    for block in BLOCKS
    if (found := re.match(r"# /etc/systemd/system/(\S+)\n", block.text)) is not None
}
ENVIRONMENT = dict(
    line.split("=", maxsplit=1)
    for block in BLOCKS
    if block.text.startswith("# /etc/rivya-lab/env")
    for line in block.text.splitlines()[1:]
)
(POLICY,) = (json.loads(block.text) for block in BLOCKS if block.kind == "json")


def test_the_environment_is_made_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, Streamlit's, and what database and store read themselves; all of them together are taken, and the example of the policy is that of the bucket."""
    streamlits = {option.env_var for option in config._config_options_template.values()}
    ours = {f"RIVYA_{name.upper()}" for name in Settings.model_fields}
    assert ENVIRONMENT.keys() <= ours | streamlits | LIBRARIES
    assert set(re.findall(r"`(STREAMLIT_\w+)`", DEPLOY)) <= streamlits
    assert set(re.findall(r"`(RIVYA_\w+)", DEPLOY)) <= ours
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value.replace("...", 16 * "x"))
    settings = Settings()
    assert settings.is_shared
    bucket, prefix = settings.archive_url.removeprefix("s3://").split("/")
    resources = [one["Resource"] for one in POLICY["Statement"]]
    assert resources == [f"arn:aws:s3:::{bucket}/{prefix}/*", f"arn:aws:s3:::{bucket}"]


def test_the_sign_in_comes_back_below_the_path() -> None:
    """Streamlit takes the answer of the provider there and nowhere else."""
    (secrets,) = (tomllib.loads(block.text) for block in BLOCKS if block.kind == "toml")
    below = ENVIRONMENT["STREAMLIT_SERVER_BASE_URL_PATH"]
    assert secrets["auth"]["redirect_uri"] == f"https://lab.example.org/{below}/oauth2callback"
    assert f"location /{below}/ {{" in DEPLOY


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine; install `systemd`")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    """Without a word, both of them."""
    assert set(UNITS) == {"rivya-lab@.service", "rivya-worker@.service"}
    for name, text in UNITS.items():
        here = text.replace("/opt/rivya-lab/.venv/bin/python", sys.executable).replace("/opt/rivya-lab", str(ROOT))
        (tmp_path / name).write_text(here, encoding="utf-8")
    for name in ("rivya-lab@8501.service", "rivya-worker@8701.service"):
        said = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / name],
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS_S,
        )
        mine = [line for line in said.stderr.splitlines() if "rivya" in line]
        assert (said.returncode, mine) == (0, []), said.stderr


class Machine:
    """A machine on which the document's commands run: its folders are the test's, what would change more does nothing."""

    def __init__(self, folder: Path, server: postgresql.Server, bucket: Bucket, simulator: SimulatorServer) -> None:
        self.folder = folder
        self.server = server
        self.programs = folder / "programs"
        self.programs.mkdir(parents=True)
        self._program("sudo", SUDO)
        for name in IMAGINED:
            self._program(name, NOTHING)
        self.environment = {
            "RIVYA_DATA_DIR": str(folder / "data"),
            "RIVYA_DATABASE_URL": self.url("rivya_lab"),
            "RIVYA_ARCHIVE_URL": bucket.url,
            "RIVYA_TIME_ZONE": ENVIRONMENT["RIVYA_TIME_ZONE"],
            "PGPASSWORD": ENVIRONMENT["PGPASSWORD"],
            "RIVYA_BASE_URL": simulator.base_url,
            "RIVYA_API_KEY": simulator.api_key,
            "RIVYA_SIMULATED": "1",
            "RIVYA_POLL_FIRST_S": "0.1",
            "RIVYA_POLL_MIN_S": "0.1",
            "RIVYA_MIN_FREE_DISK_BYTES": "0",
            "RIVYA_FIRST_START_EXAMPLES": "false",
        }
        lines = "".join(f"{name}={value}\n" for name, value in self.environment.items())
        (folder / "env").write_text(lines, encoding="utf-8")

    def _program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def url(self, name: str) -> str:
        """The address of a database for the role that the document makes."""
        return f"postgresql+psycopg://rivya_lab@/{name}?host={self.server.folder}"

    def run(self, *blocks: str) -> str:
        """Run blocks one after the other in one shell, until one fails; what they said."""
        text = "".join(blocks)
        for theirs, ours in {
            "/etc/rivya-lab/env": self.folder / "env",
            "/opt/rivya-lab": ROOT,
            "/var/backups": self.folder,
            ENVIRONMENT["RIVYA_DATABASE_URL"].replace("+psycopg", ""): self.url("rivya_lab"),
            ENVIRONMENT["RIVYA_ARCHIVE_URL"]: self.environment["RIVYA_ARCHIVE_URL"],
            ".venv/bin/python": sys.executable,
        }.items():
            text = text.replace(theirs, str(ours))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RIVYA_")} | {
            "PATH": f"{self.programs}:{postgresql.require()}:{os.environ['PATH']}",
            "PGHOST": str(self.server.folder),
            "PGUSER": postgresql.USER,
            "PGDATABASE": "postgres",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=HANGS_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def generations(self, name: str) -> list[tuple[str, str]]:
        """Id and state of what a database holds."""
        engine = sa.create_engine(self.url(name), poolclass=sa.pool.NullPool)
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT id, state FROM lab_generations ORDER BY id").all()
        engine.dispose()
        return [(str(id_), str(state)) for id_, state in rows]


@pytest.fixture
def machine(tmp_path: Path, postgresql_server: postgresql.Server, bucket: Bucket) -> Iterator[Machine]:
    """A machine with PostgreSQL, a bucket and, in place of Rivya, a simulator."""
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40) as simulator:
        yield Machine(tmp_path / "machine", postgresql_server, bucket, simulator)
    for name in ("rivya_lab", "rivya_lab_restored"):
        postgresql.drop(postgresql_server, postgresql_server.url(name))
    postgresql._do(postgresql_server, "DROP ROLE IF EXISTS rivya_lab")


def blocks_with(*words: str) -> list[str]:
    """The shell blocks that say one of these, in their order."""
    return [block.text for block in BLOCKS if block.kind == "sh" and any(word in block.text for word in words)]


@pytest.mark.process
def test_the_commands_lead_from_an_empty_server_to_a_restored_one(
    machine: Machine, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A data folder taken along, a clip made by a worker, dump, restore and upgrade; with the rights that the document gives."""
    made, moved, worked, later = map(blocks_with, ("admin migrate\n", "admin move", "worker --once", "pg_"))
    first = submitted(monkeypatch, machine.environment, shared=False)
    said = machine.run(*blocks_with("CREATE ROLE"), *made, *moved)
    assert "was empty" in said
    assert "would be moved" in said
    assert "1 generation" in said
    functions = "".join(line for line in "".join((*made, *moved)).splitlines(keepends=True) if "() {" in line)
    second = submitted(monkeypatch, machine.environment, shared=True)
    assert "1 generation has ended." in machine.run(functions, *worked)
    rows = sorted([(first, "succeeded"), (second, "succeeded")])
    assert machine.generations("rivya_lab") == rows
    assert len([key for key in bucket.objects() if key.endswith((f"/{first}.mp4", f"/{second}.mp4"))]) == len(rows)
    asked = {RIGHTS[method] for method, _ in bucket.front.asked}
    assert asked <= set(POLICY["Statement"][0]["Action"])
    assert "is up to date" in machine.run(functions, *later)
    assert machine.generations("rivya_lab_restored") == rows


def submitted(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], *, shared: bool) -> str:
    """Submit a generation as a dashboard does, whose jobs run in it where the database is not shared; its id."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in () if shared else ("RIVYA_DATABASE_URL", "RIVYA_ARCHIVE_URL", "RIVYA_TIME_ZONE"):
        monkeypatch.delenv(name)
    try:
        lab = open_lab(Settings())
        id_ = lab.submit(GenerationRequest(prompt="A red fox")).id
        if not shared:
            lab.wait(id_)
    finally:
        close_all()
    return id_


def test_what_is_started_is_what_the_units_are_for() -> None:
    """Each unit that a command names is one of the document's, and health is asked where one of them answers."""
    named = re.findall(r"(rivya-(?:lab|worker)@)(\d+|\*)", "".join(blocks_with("systemctl")))
    assert {f"{unit}.service" for unit, _ in named} == set(UNITS)
    ports = {port for _, port in named}
    asked = re.findall(r"http://127\.0\.0\.1:(\d+)(\S+)", "".join(blocks_with("curl")))
    assert asked
    assert [one for one in asked if one[0] not in ports or one[1] != "/healthz"] == []
