"""JavaScript, CSS and HTML stand in files of their own, where they are formatted and linted, and never in Python strings."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "rivya_core").rglob("*.py"))]
COMPONENTS = ROOT / "pages" / "_ui" / "components"
FOLDERS = sorted(path.parent for path in COMPONENTS.glob("*/__init__.py"))
MOST_LINES = 3

_HTML = re.compile(
    r"""</?(?:a|article|audio|b|body|br|button|canvas|code|dd|details|dialog|div|dl|dt|em|fieldset|figure|footer|form|h[1-6]
    |head|header|hr|html|i|iframe|img|input|kbd|label|li|link|main|meta|nav|ol|option|p|path|pre|script|section|select|span
    |strong|style|summary|svg|table|tbody|td|textarea|th|thead|title|tr|u|ul|video)(?:\s[^<>]*)?/?>""",
    re.VERBOSE,
)
_CSS = re.compile(
    r"\{\s*(?:/\*.*?\*/\s*)?-{0,2}[a-z][a-z-]*\s*:\s*[^;{}'\"]+[;}]|^\s*@(?:media|container|keyframes)\b", re.MULTILINE
)
_JS = re.compile(
    r"""\bexport\s+default\b|\bfunction\b\s*\w*\s*\(|\)\s*=>|\b\w+\s*=>\s*[{(\w]|\b(?:const|let|var)\s+(?:\w+|[{\[].*?[}\]])\s*=
    |\b(?:document|window|console)\.\w|\.(?:addEventListener|querySelector|appendChild|textContent|innerHTML)\b""",
    re.VERBOSE,
)


def _text(node: ast.expr) -> str | None:
    """A string as it is written, its parts joined; what is filled in at run time counts as one letter. None: no string."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "x" for part in parts)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            first, second = _text(left), _text(right)
            return None if first is None and second is None else (first or "x") + (second or "x")
        case ast.BinOp(op=ast.Mod(), left=left):
            return _text(left)
        case _:
            return None


def _strings(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """All strings under a node, each once and whole; docstrings are no strings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        text = _text(child) if isinstance(child, ast.expr) else None
        if isinstance(child, ast.expr) and text is not None:
            yield child, text
        yield from _inside(child) if text is not None else _strings(child)


def _inside(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Strings in what is filled into a string."""
    for child in ast.walk(node):
        if isinstance(child, ast.FormattedValue):
            yield from _strings(child)


def front_end_strings(path: Path) -> list[str]:
    """Where a string of a Python file holds more than three lines of JavaScript, CSS or HTML, as "line: how it begins".

    A line is one of the text or one of the source, whichever are more: a text may be written piece by piece.
    """
    found = []
    for node, text in _strings(ast.parse(path.read_text(encoding="utf-8"))):
        lines = max(len([line for line in text.splitlines() if line.strip()]), (node.end_lineno or 0) - node.lineno + 1)
        if lines > MOST_LINES and any(kind.search(text) for kind in (_HTML, _CSS, _JS)):
            found.append(f"{node.lineno}: {text.strip()[:60]}")
    return found


def test_no_front_end_code_stands_in_a_python_string() -> None:
    """Not above three lines, anywhere in the product."""
    found = {str(path.relative_to(ROOT)): strings for path in CODE if (strings := front_end_strings(path))}
    assert found == {}


PLANTED = {
    "script": '''
        JS = """
        export default function ({ data, parentElement }) {
          parentElement.textContent = data.words;
          return () => parentElement.replaceChildren();
        }
        """
        ''',
    "style": '''
        def style():
            return """
        .head {
          display: flex;
          gap: 12px;
        }
        """
        ''',
    "frame": '''
        DRAWN = draw(html="""
        <section>
          words
          of people
        </section>""")
        ''',
    "in pieces": """
        WIDTH = 640
        STYLE = (
            ".head { display: flex; }"
            ".time { flex: none; }"
            f".narrow {{ max-width: {WIDTH}px; }}"
            ".foot { gap: 8px; }"
        )
        """,
    "added up": """
        STYLE = (
            ".head { display: flex; }\\n"
            + hidden()
            + ".time { flex: none; }\\n"
            + ".foot { gap: 8px; }\\n"
        )
        """,
    "filled in": '''
        TICKS = f"""
        const ticks = [{", ".join(values)}];
        for (const tick of ticks) {{
          draw(tick);
        }}
        """
        ''',
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_planted_code_is_found(tmp_path: Path, planted: str) -> None:
    """The rule sees scripts, styles and frames, also where they are written in pieces."""
    path = tmp_path / "planted.py"
    path.write_text(textwrap.dedent(planted), encoding="utf-8")
    assert len(front_end_strings(path)) == 1


def test_words_queries_and_docstrings_are_no_front_end_code(tmp_path: Path) -> None:
    """Long texts of other kinds stand in Python as before."""
    path = tmp_path / "fine.py"
    path.write_text(
        textwrap.dedent('''
            def fine():
                """Say what ``const x = 1`` and <b>bold</b> are.

                .head { display: flex; }

                Two more lines.
                """
                query = """
                SELECT id, state FROM lab_generations
                WHERE state = 'waiting' AND created_at < :before
                ORDER BY created_at
                LIMIT :most
                """
                body = (
                    '{"prompt": "A fox",'
                    ' "duration": 5,'
                    ' "ratio": "16:9",'
                    ' "mode": "simulated"}'
                )
                return query, body, "<p>one line may be</p>"
            '''),
        encoding="utf-8",
    )
    assert front_end_strings(path) == []


def test_one_place_registers_components() -> None:
    """Whoever draws one goes through the loader, so that its files are the ones that are linted."""
    callers = [
        path for path in CODE if re.search(r"components\.v[12]\b|components\.html\(", path.read_text(encoding="utf-8"))
    ]
    assert callers == [COMPONENTS / "__init__.py"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_component_has_exactly_its_parts(folder: Path) -> None:
    """The typed call, a script and a style; a frame and further scripts where it has them; it says what goes in and comes out."""
    source = (folder / "__init__.py").read_text(encoding="utf-8")
    files = {path.name for path in folder.iterdir() if path.is_file()}
    own = {"__init__.py", "component.js", "component.css"}
    assert own <= files
    parts = {Path(name).stem for name in files - own - {"component.html"}}
    assert {f"{part}.js" for part in parts} <= files
    assert files - own - {"component.html"} <= {f"{part}.{kind}" for part in parts for kind in ("js", "css")}
    unused = [part for part in parts if f'"{part}"' not in source and f'"{folder.name}/{part}"' not in source]
    assert unused == []
    said = ast.get_docstring(ast.parse(source)) or ""
    assert re.search(r"^In:", said, re.MULTILINE)
    assert re.search(r"\bOut:", said)


def test_no_shared_script_is_left_over() -> None:
    """Each script beside the components is used by one."""
    sources = "".join((folder / "__init__.py").read_text(encoding="utf-8") for folder in FOLDERS)
    assert [path.name for path in COMPONENTS.glob("*.js") if f'"{path.stem}"' not in sources] == []
