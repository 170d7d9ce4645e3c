"""Every address of ours begins with the path below which the dashboard is served, since one place writes them all.

At the root of a host an address that is written by hand works, and no other test would show that it leads astray behind a proxy.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.routing import Mount, Route

from pages._ui.app_shell.navigation import PAGES
from rivya_core import web

ROOT = Path(__file__).resolve().parents[2]
WRITERS = (ROOT / "pages" / "_ui" / "addresses.py", ROOT / "pages" / "_ui" / "components" / "addresses.js")

NAMES = {name for name, _, _ in PAGES} | {
    route.path.split("/")[1] for route in web.routes() if isinstance(route, Route | Mount)
}
"""What our addresses begin with: the pages, and the routes beside them."""

_OURS = rf"(?<![\w./])/(?:{'|'.join(sorted(NAMES))})(?![\w-])"
_ADDRESS = re.compile(rf"^/[A-Za-z\0]|{_OURS}")
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"`\w])//[^\n]*", re.DOTALL)
_IN_SCRIPT = re.compile(rf"(?<!served\()['\"`]/(?=[A-Za-z$])|(?<=\}}){_OURS}")
_IN_STYLE = re.compile(r"url\(\s*['\"]?/")
_IN_FRAME = re.compile(r"\b(?:href|src|action|poster|srcset|content)\s*=\s*['\"]?/(?!/)")
_IN = {".js": _IN_SCRIPT, ".css": _IN_STYLE, ".html": _IN_FRAME, ".jinja": _IN_FRAME}


def _joined(node: ast.AST) -> str | None:
    """A string with what is filled in at run time as NUL; None: no string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_joined(part) or "\0" for part in parts)
        case ast.BinOp(op=ast.Add() | ast.Mod(), left=left, right=right):
            first, second = _joined(left), _joined(right)
            return None if first is None and second is None else (first or "\0") + (second or "\0")
        case _:
            return None


def _strings(node: ast.AST) -> Iterator[tuple[int, str]]:
    """All strings below a node, each whole, and what is filled into them; docstrings are no strings."""
    for child in ast.iter_child_nodes(node):
        docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if docstring or (isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant)):
            continue
        text = _joined(child) if isinstance(child, ast.expr) else None
        if isinstance(child, ast.expr) and text is not None:
            yield child.lineno, text
        yield from _strings(child)


def by_hand(path: Path) -> list[str]:
    """Where a file writes an address of ours, as "line: text"."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return [f"{line}: {found}" for line, found in _strings(ast.parse(text)) if _ADDRESS.search(found)]
    bare = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    lines = bare.splitlines()
    at = (bare.count("\n", 0, found.start()) for found in _IN[path.suffix].finditer(bare))
    return [f"{line + 1}: {lines[line].strip()}" for line in at]


def _files() -> Iterator[Path]:
    yield ROOT / "app.py"
    for kind in (".py", *_IN):
        yield from (ROOT / "pages").rglob(f"*{kind}")
    for kind in _IN:  # pages of shows and ballots lie wherever people put them
        yield from (ROOT / "rivya_core").rglob(f"*{kind}")


def test_nobody_writes_an_address_by_hand() -> None:
    """In Python, scripts, styles and frames; the two writers of addresses are all there is."""
    found = {
        str(path.relative_to(ROOT)): lines for path in _files() if path not in WRITERS and (lines := by_hand(path))
    }
    assert found == {}
    assert all(by_hand(path) for path in WRITERS[:1]), "the scan sees what it looks for"


PLANTED = {
    "clip.py": 'video(f"/clips/{record.id}.mp4")',
    "constant.py": 'PATH = "/exports/cassette.zip"',
    "new_route.py": 'st.link_button("Words", "/words.txt")',
    "whole.py": 'copy(f"{scheme}://{host}/history?id={id_}")',
    "added.py": 'href = base() + "/sweep?experiment=" + id_',
    "name_at_the_end.py": 'link = "http://" + host + "/show/" + id_',
    "percent.py": 'link = "/images/%s" % sha256',
    "in_a_call.py": 'st.markdown("[all](/history)")',
    "poster.js": "image.src = `/posters/${id}.jpg`;",
    "fetch.js": "const answer = await fetch('/healthz');",
    "form.js": "form.action = '/exports/clips.zip';",
    "origin.js": "link.href = `${location.origin}/history?id=${id}`;",
    "any.js": "link.href = `/${name}`;",
    "added.js": "link.href = location.origin + '/compare?ids=' + ids;",
    "picture.css": ".head { background: url('/assets/fonts/head.png'); }",
    "bare.css": "@font-face { src: url(/assets/fonts/inter.woff2); }",
    "frame.html": '<img src="/posters/a.jpg">',
    "page.jinja": "<a href='/history'>all</a>",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_address_is_found(tmp_path: Path, name: str) -> None:
    """Whole or in pieces, in every kind of file."""
    path = tmp_path / name
    path.write_text(PLANTED[name], encoding="utf-8")
    assert by_hand(path)


FINE = {
    "words.py": '''
        """The page of ``/history`` and its clips: docstrings are no addresses."""
        words = "Live and/or simulated, 3/4 done, see https://rivya.ai/docs"
        file = page_file("history"), "rivya_core/assets", f"{done}/{all}"
        link = addresses.page("history", id=id_)
        ''',
    "script.js": """
        // `served('/history')` leads there, "/clips/<id>.mp4" is a clip
        const parts = text.split('/');
        link.href = served(`/history?id=${id}`) || data.href;
        const spoken = `${at}/${all}`, pattern = /history/u;
        """,
    "style.css": ".a { background: url(data:image/png;base64,AAAA); } /* url(/a) */",
    "frame.html": '<a href="#top"><img src="{{ poster }}"></a></p>',
}


@pytest.mark.parametrize("name", FINE)
def test_words_and_addresses_by_the_writers_are_fine(tmp_path: Path, name: str) -> None:
    """The scan does not stop what is right."""
    path = tmp_path / name
    path.write_text(textwrap.dedent(FINE[name]), encoding="utf-8")
    assert by_hand(path) == []
