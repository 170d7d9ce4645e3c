"""Debian's nginx in front of a dashboard, with the configuration that docs/deploy.md gives to people."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.ports import own_port
from tests.until import until

ROOT = Path(__file__).resolve().parents[2]
NAME = "lab.localhost"
"""The proxy's host name: browsers look for it on this machine, and the dashboard does not take it for this machine's own."""

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_KEY = ec.generate_private_key(ec.SECP256R1())  # of this process: its browser trusts it

_AROUND = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
{inner}
}}
"""


def documented() -> str:
    """The configuration in docs/deploy.md."""
    text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```nginx\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(block)


def needed() -> str:
    """The program; without it the test is skipped, and fails in CI."""
    if NGINX is None:
        said = "no nginx on this machine; install `nginx`"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return NGINX


def trusted() -> str:
    """The flag by which a Chromium takes our certificate for a good one.

    Told to overlook what is wrong with it instead (``ignore_https_errors``), it begins each request anew for every connection,
    and gives up after 32.
    """
    public = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(hashlib.sha256(public).digest()).decode()}"


class Nginx:
    """A proxy on a free port that hands ``/lab/`` to dashboards on this machine, by https unless asked otherwise.

    folder: for its files. ports: of the dashboards, which are told ``STREAMLIT_SERVER_BASE_URL_PATH=lab`` and
    ``RIVYA_ALLOWED_HOSTS=lab.localhost``.
    """

    def __init__(self, folder: Path, *ports: int, tls: bool = True) -> None:
        self.program = needed()
        self.folder = folder
        self.port = own_port()
        self.origin = f"{'https' if tls else 'http'}://{NAME}:{self.port}"
        self.url = f"{self.origin}/lab"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if tls:
            self._make_certificate()
        (folder / "nginx.conf").write_text(_AROUND.format(inner=self._inner(ports, tls)), encoding="utf-8")

    def _inner(self, ports: tuple[int, ...], tls: bool) -> str:
        """The documented configuration, with our ports, name and certificate in place of its own."""
        changes = {
            "listen 443 ssl;": f"listen 127.0.0.1:{self.port}{' ssl' if tls else ''};",
            "server_name lab.example.org;": f"server_name {NAME};",
            "ssl_certificate /etc/ssl/certs/lab.pem;": "ssl_certificate lab.pem;" if tls else "",
            "ssl_certificate_key /etc/ssl/private/lab.key;": "ssl_certificate_key lab.key;" if tls else "",
            "server 127.0.0.1:8501;": " ".join(f"server 127.0.0.1:{port};" for port in ports),
        }
        text = documented()
        for theirs, ours in changes.items():
            assert text.count(theirs) == 1, f"docs/deploy.md has not exactly one {theirs!r}"
            text = text.replace(theirs, ours)
        return text

    def _make_certificate(self) -> None:
        written = _KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.folder / "lab.key").write_bytes(written)
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-key", "lab.key", "-days", "2", "-out", "lab.pem"),
                *("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"),
            ],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )

    def command(self, *more: str) -> list[str]:
        """The program with this configuration."""
        return [self.program, "-e", "stderr", "-p", str(self.folder), "-c", "nginx.conf", *more]

    def start(self) -> None:
        """Start and return when it takes connections."""
        log = (self.folder / "nginx.log").open("ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        log.close()
        until(self._answers, what="nginx takes connections")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "nginx.log").read_text(errors="ignore")[-2000:]
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
            self.process = None
