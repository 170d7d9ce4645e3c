"""What a support bundle promises: enough to find a fault, and nothing that was not ticked, in whatever form it came back."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings, strategies as st

from rivya_core import GenerationRequest, Lab
from rivya_core.api import check_image
from rivya_core.lab.ledger.observations.redaction import Redactor
from tests.api.images import png
from tests.api.scripted import TASK
from tests.lab.scripted import Reply, Scripted

KEY = "rvya_sk_SENTINELKEY0123456789abcdef"
PROMPT = 'Zanzibar lighthouse "quoted" \\ ফক্স über, aspect 八月'
NEGATIVE = "no kumquats"
NAME = "holiday-in-reykjavik.png"
SIGNED = "https://media.example/private-ticket-77/a.mp4?X-Signature=SENTINELSIGNATURE"
SENTINELS = (
    "Zanzibar",
    "lighthouse",
    "quoted",
    "ফক্স",
    "über",
    "八月",
    "kumquats",
    "reykjavik",
    "SENTINEL",
    "private-ticket",
)
SAID = [
    f'prompt "{PROMPT}" is refused, with {NEGATIVE}; see {SIGNED} and {Path.home()}/secret/a.txt, key {KEY}',
    json.dumps(PROMPT),
    json.dumps(json.dumps(PROMPT)),
    html.escape(PROMPT),
    quote(PROMPT),
    base64.b64encode(PROMPT.encode()).decode(),
    PROMPT[:13],
    PROMPT.upper(),
    "Zanz\u200bibar, ZANZIBAR, \uff3a\uff41\uff4e\uff5a, light" + "house",
    f"file {NAME} and {NAME[:14]}",
]


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server that quotes what it was sent."""
    with Scripted() as made:
        yield made


def read(data: bytes) -> dict[str, str]:
    """The files of a bundle."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def asked(server: Scripted, lab: Lab, message: str) -> str:
    """A generation that the server refuses in these words; its id."""
    server.good = {
        "upload": Reply(200, {"url": SIGNED, "id": "file_1"}),
        "create": Reply(400, {"error": {"code": "validation_failed", "message": message, "requestId": "req_42"}}),
        "retrieve": Reply(200, {"current_credits": 500}),
    }
    image = check_image(png(), NAME)
    request = GenerationRequest(prompt=PROMPT, params={"negative_prompt": NEGATIVE}, reference_image=image)
    return lab.wait(lab.submit(request).id).id


@pytest.mark.parametrize("message", SAID, ids=range(len(SAID)))
def test_what_was_not_ticked_is_absent(make_lab: Callable[..., Lab], server: Scripted, message: str) -> None:
    """From bodies, from Rivya's own words in any form, from names; so are keys, signed addresses and local paths."""
    lab = make_lab(api_key=KEY, base_url=server.base_url)
    generation_id = asked(server, lab, message)
    for files in (read(lab.support_bundle(generation_id)), read(lab.support_bundle())):
        whole = "\n".join([*files, *files.values()])
        shown = re.sub(r"\\u[0-9a-f]{4}", " ", whole)
        for sentinel in SENTINELS:
            assert sentinel.casefold() not in shown.casefold(), sentinel
        assert str(lab.settings.data_dir) not in whole
        told = json.loads(files["generations/001.json"])
        assert (told["id"], told["error"]["code"], told["error"]["request_id"]) == (
            generation_id,
            "validation_failed",
            "req_42",
        )
        assert told["request"]["body"]["params"]["cfg_scale"] == 0.5
        assert told["request"]["body"]["params"]["duration"] == "5"
        assert told["sent_client_request_id"] == generation_id


def test_what_was_ticked_is_there_and_nothing_else(make_lab: Callable[..., Lab], server: Scripted) -> None:
    """Prompts and Rivya's words whole; keys, signatures and paths still not."""
    lab = make_lab(api_key=KEY, base_url=server.base_url)
    generation_id = asked(server, lab, SAID[0])
    whole = "\n".join(read(lab.support_bundle(generation_id, prompts=True)).values())
    assert "Zanzibar lighthouse" in whole
    for secret in ("SENTINEL", "private-ticket", str(Path.home() / "secret"), str(lab.settings.data_dir)):
        assert secret not in whole
    assert "media.example" in whole


def test_rivyas_plain_words_are_kept(make_lab: Callable[..., Lab], server: Scripted) -> None:
    """What a support person needs is still there: which parameter, which rule."""
    lab = make_lab(api_key=KEY, base_url=server.base_url)
    files = read(lab.support_bundle(asked(server, lab, "duration must be one of 5, 10")))
    assert "duration must be one of 5, 10" in json.loads(files["generations/001.json"])["error"]["detail"]
    about = json.loads(files["about.json"])
    assert about["versions"]["rivya_lab"]
    assert about["settings"]["api_key"] == "set"
    assert json.loads(files["observations.json"])
    assert json.loads(files["contract.json"]) == "never checked"


def test_the_last_hour_is_the_default(make_lab: Callable[..., Lab], server: Scripted) -> None:
    """Nothing older is in it, and an empty one is a bundle too."""
    lab = make_lab(api_key=KEY, base_url=server.base_url)
    assert "generations/001.json" not in read(lab.support_bundle())
    server.good = {"create": Reply(201, TASK), "retrieve": Reply(200, {**TASK, "status": "failed"})}
    lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    assert "generations/001.json" in read(lab.support_bundle())
    assert "generations/001.json" not in read(lab.support_bundle(hours=0.0))


words = st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(words, min_size=1, max_size=6), st.text(max_size=30), st.text(max_size=30), st.integers(0, 40))
def test_no_word_of_a_prompt_is_left_in_any_text(prompt: list[str], before: str, after: str, cut: int) -> None:
    """Whatever stands around it, and however it was cut."""
    whole = " ".join(prompt)
    redact = Redactor([], [whole])
    left = redact.text(f'{before} "{whole[: max(1, cut)]}" {after}')
    shown = {word.casefold() for word in re.findall(r"[^\W_]+", left)}
    assert not shown & {word.casefold() for word in prompt}


HOME = "/home/someone/clips/a.mp4"


@pytest.mark.parametrize(
    "said",
    [
        KEY.replace("_", "%5F"),
        KEY.replace("_", "\\u005f"),
        f"the key ending in {KEY[-12:]}",
        SIGNED.replace("/", "\\/"),
        quote(SIGNED, safe=""),
        SIGNED.partition(":")[2],
        SIGNED.partition("?")[2],
    ],
)
def test_a_secret_in_another_form_stays_out_though_prompts_are_ticked(said: str) -> None:
    """Escaped as JSON or in an address, cut, or without its scheme."""
    shown = Redactor([KEY], None).text(f"Rivya says: {said} is wrong")
    assert "SENTINEL" not in shown
    assert KEY[-12:] not in shown
    assert "is wrong" in shown


@pytest.mark.parametrize(
    "path", [HOME, HOME.replace("/", "\\/"), quote(HOME, safe=""), "C:\\\\Users\\\\someone\\\\a.mp4"]
)
def test_a_path_in_another_form_stays_out_though_prompts_are_ticked(path: str) -> None:
    """A local path tells who somebody is."""
    assert "someone" not in Redactor([], None).text(f"no file {path}")


@pytest.mark.parametrize(
    "prompt", ["\U0001f98a\U0001f525", "zebra 4711", "\u0995\u09bf \u2764\ufe0f", "caf\u0065\u0301"]
)
def test_no_character_of_a_prompt_stays_as_sign_number_or_escape(prompt: str) -> None:
    """Pictures, vowel signs, web entities, escaped bytes and lists of bytes."""
    redact = Redactor([KEY], [prompt])
    forms = [
        prompt,
        "".join(f"&#{ord(sign)};" for sign in prompt),
        "".join(f"&#x{ord(sign):x};" for sign in prompt),
        "".join(f"%{byte:02x}" for byte in prompt.encode()),
        ", ".join(str(byte) for byte in prompt.encode() * 3),
        json.dumps(prompt),
    ]
    for form in forms:
        shown = redact.text(form).replace("\u2026", "")
        assert not re.search(r"[^\x00-\x7f]|\w", shown), form


def test_observations_quote_no_prompt_and_no_key(make_lab: Callable[..., Lab], server: Scripted) -> None:
    """A server chooses its codes; what it repeats in one leaves neither in the bundle nor, for the key, in the export."""
    lab = make_lab(api_key=KEY, base_url=server.base_url)
    answer = {"error": {"code": f"zanzibar_refused {KEY}", "message": "No.", "requestId": "req_1"}}
    server.good = {"create": Reply(400, answer), "retrieve": Reply(200, {"current_credits": 500})}
    lab.wait(lab.submit(GenerationRequest(prompt=PROMPT)).id)
    seen = [one.answer for one in lab.server.observations() if one.question == "errors"]
    assert seen
    assert "SENTINEL" not in "".join(seen)
    assert not any("zanzibar" in text for text in read(lab.support_bundle()).values())
