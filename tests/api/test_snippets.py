"""Copied snippets hold no key, survive a shell, and ask for the same clip."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from rivya_core.api import GenerationRequest, as_curl, as_json, as_python
from rivya_core.api.texts import shows_nothing
from rivya_core.simulator import SimulatorServer
from tests.api.images import png
from tests.copied import run_twice

NASTY = [
    "it's",
    '"; rm -rf ~; "',
    "$(reboot) `id` $HOME",
    "line\nline",
    "\\",
    "!history",
    "নদী 🐈 e\u0301",
    "@file",
    "%s \t",
]


def arguments(script: str) -> list[str]:
    """The words of the last command, as a POSIX shell reads them."""
    command = script[script.rindex("curl ") :]
    return (
        subprocess.run(
            ["sh", "-c", 'curl() { for word in "$@"; do printf "%s\\0" "$word"; done; }\n' + command],
            env={"RIVYA_API_KEY": "the-key", "IDEMPOTENCY_KEY": "k1", "PATH": "/bin:/usr/bin"},
            capture_output=True,
            check=True,
            timeout=10,
        )
        .stdout.decode()
        .split("\0")[:-1]
    )


@pytest.mark.process
@pytest.mark.parametrize("prompt", NASTY)
def test_a_curl_command_sends_the_body_whatever_the_prompt_holds(prompt: str) -> None:
    """No prompt breaks out of its quotes; the key comes from the environment."""
    request = GenerationRequest(prompt=prompt, params={"negative_prompt": prompt})
    script = as_curl(request.canonical(), "https://rivya.ai/")
    words = arguments(script)
    assert json.loads(words[words.index("--data-raw") + 1]) == json.loads(request.body())
    assert "https://rivya.ai/api/v1/generations" in words
    assert "Authorization: Bearer the-key" in words
    assert "Idempotency-Key: k1" in words
    assert "rvya_sk" not in script


@pytest.mark.process
@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60).filter(
        lambda text: not shows_nothing(text)
    )
)
def test_no_prompt_breaks_a_snippet(prompt: str) -> None:
    """Shell words, JSON and Python literals all give the prompt back."""
    canonical = GenerationRequest(prompt=prompt).canonical()
    assert json.loads(as_json(canonical))["prompt"] == prompt
    words = shlex.split(as_curl(canonical, "https://rivya.ai"), comments=True)
    assert json.loads(words[words.index("--data-raw") + 1])["prompt"] == prompt
    compile(as_python(canonical), "snippet", "exec")


@pytest.mark.parametrize("prompt", NASTY)
def test_the_python_snippet_makes_the_same_request(prompt: str) -> None:
    """The request in the snippet is the recorded one."""
    request = GenerationRequest(prompt=prompt, params={"duration": 10}, client_request_id="trace")
    code = as_python(request.canonical())
    made: dict[str, GenerationRequest] = {}
    exec(code.partition("with Rivya")[0], made)
    assert made["request"].body() == request.body()


def keys_of(script: str) -> set[str]:
    """The idempotency keys that a snippet names."""
    return set(re.findall(r"""IDEMPOTENCY_KEY ?= ?'?([\w-]+)""", script))


def test_two_copies_never_share_an_idempotency_key() -> None:
    """Each copy is a wish of its own, whatever it asks for; running one copy again is not."""
    canonical = GenerationRequest(prompt="x").canonical()
    scripts = [write(canonical, "https://rivya.ai") for write in (as_curl, as_python) for _ in range(2)]
    assert [len(keys_of(script)) for script in scripts] == [1, 1, 1, 1]
    assert len(set().union(*map(keys_of, scripts))) == 4
    assert as_curl(canonical, "https://rivya.ai", idempotency_key="k") == as_curl(
        canonical, "https://rivya.ai", idempotency_key="k"
    )


@pytest.mark.process
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_copied_scripts_make_one_task_each_however_often_they_run(tmp_path: Path) -> None:
    """Both go to the address they were written for, take the key from the environment, and pay once when run twice."""
    canonical = GenerationRequest(prompt="A paper boat's way", params={"duration": "5"}).canonical()
    with SimulatorServer(tmp_path / "world.sqlite3", speed=40.0) as server:
        scripts = {
            "sh": as_curl(canonical, server.base_url, idempotency_key="copy-1-curl"),
            sys.executable: as_python(canonical, server.base_url + "/", idempotency_key="copy-1-python"),
        }
        run_twice(scripts, tmp_path, server.api_key)
        assert len(server.world.tasks()) == len(scripts)
    assert (tmp_path / "clip.mp4").stat().st_size > 0


def test_an_image_is_uploaded_first() -> None:
    """The snippet names the upload, and a placeholder for its answer."""
    canonical = GenerationRequest(prompt="x", reference_image=png()).canonical()
    script = as_curl(canonical, "http://127.0.0.1:8501/simulator")
    assert "http://127.0.0.1:8501/simulator/api/v1/files" in script
    item = json.loads(as_json(canonical))["params"]["referenceMediaItems"][0]
    assert item["mimeType"] == "image/png"
    assert "reference_image='reference-image.png'" in as_python(canonical)


@pytest.mark.parametrize("own", [None, "mine-7"])
def test_a_snippet_says_whether_a_trace_id_is_sent(own: str | None) -> None:
    """The lab adds one to what it sends itself; a pasted request has the user's or none."""
    canonical = GenerationRequest(prompt="A fox", client_request_id=own).canonical()
    for text in (as_curl(canonical, "https://x.test"), as_python(canonical)):
        assert ("no client_request_id is sent" in text) is (own is None)
        assert own is None or own in text
