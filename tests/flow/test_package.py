"""The package as it is built: its base alone makes a call, and with the extra ``lab`` a clip; each needs what it says and no more.

Nothing is fetched. The wheel is unpacked beside links to the installed packages that its metadata asks for, with what those
ask for in turn, and Python starts without any other package: what is missing in the list is missing there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.process

BASE = """
import asyncio
from pathlib import Path
from PIL import Image
from rivya_core.api import AsyncRivya, GenerationRequest, Rivya

Image.new("RGB", (320, 320)).save("fox.png")
with Rivya() as client:
    made = client.generate(GenerationRequest(prompt="A red fox", reference_image=Path("fox.png")), wait=True)
    clip = client.download(made, "clip.mp4")

async def look() -> None:
    async with AsyncRivya() as client:
        print((await client.retrieve(made.id)).status, clip.stat().st_size > 10_000)

asyncio.run(look())
"""

LAB = """
from pathlib import Path
from rivya_core import GenerationRequest, open_lab
with open_lab() as lab:
    row = lab.wait(lab.submit(GenerationRequest(prompt="A red fox")).id)
    shown = lab.shows.create("A fox", [row.id])
    print(row.state, lab.clip(row.id).is_file(), "A fox" in lab.shows.page(shown.id), len(lab.history.examples()) > 0)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel of this checkout was unpacked."""
    built, unpacked = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("unpacked")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(built),
        str(ROOT),
    ]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    [file] = built.glob("*.whl")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(unpacked)
    return unpacked


def needed(package: Distribution, extras: frozenset[str], seen: set[str]) -> Iterator[Distribution]:
    """The packages that one asks for with some extras, and those that they ask for."""
    for line in package.requires or ():
        wanted = Requirement(line)
        applies = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras | {""})
        name = f"{wanted.name}[{','.join(sorted(wanted.extras))}]".lower()
        if applies and name not in seen:
            seen.add(name)
            found = distribution(wanted.name)
            yield found
            yield from needed(found, frozenset(wanted.extras), seen)


def linked(wheel: Path, extras: frozenset[str], into: Path) -> Path:
    """A folder with the package and what it asks for, and nothing else."""
    [info] = wheel.glob("*.dist-info")
    for package in needed(PathDistribution(info), extras, set()):
        for top in {file.parts[0] for file in package.files or () if file.parts[0] not in {"..", "__pycache__"}}:
            place = into / top
            if not place.exists():
                place.symlink_to(Path(str(package.locate_file(top))))
    for part in wheel.iterdir():
        (into / part.name).symlink_to(part)
    return into


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip install rivya-lab`` gives."""
    return linked(wheel, frozenset(), tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def with_lab(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip install 'rivya-lab[lab]'`` gives."""
    return linked(wheel, frozenset({"lab"}), tmp_path_factory.mktemp("lab"))


def command(*arguments: str) -> list[str]:
    """Python without its own packages."""
    return [sys.executable, "-S", *arguments]


def environment(packages: Path, **more: str) -> dict[str, str]:
    """The environment in which only those packages are there."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "RIVYA_DATA_DIR"}}
    return {**kept, "PYTHONPATH": str(packages), **more}


def run(packages: Path, folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run Python with those packages alone."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(packages, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def simulator(with_lab: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Address and key of a simulator that runs in a process of its own, from the package."""
    with subprocess.Popen(
        command("-m", "rivya_core.simulator", "--speed", "200"),
        cwd=tmp_path,
        env=environment(with_lab),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        process.terminate()


def test_the_base_alone_makes_a_call(base: Path, simulator: dict[str, str], tmp_path: Path) -> None:
    """Both clients, a reference image and a download need no more than the base asks for."""
    done = run(base, tmp_path, "-c", BASE, **simulator)
    assert (done.stdout.strip(), done.stderr) == ("succeeded True", "")


def test_with_the_extra_a_lab_makes_a_clip(with_lab: Path, tmp_path: Path) -> None:
    """On the built-in simulator, with the examples, the templates and the migrations that lie in the package."""
    done = run(with_lab, tmp_path, "-c", LAB, RIVYA_SIMULATOR_SPEED="200", RIVYA_MIN_FREE_DISK_BYTES="0")
    assert (done.stdout.strip(), done.returncode) == ("succeeded True True True", 0), done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "from rivya_core import open_lab"),
        ("-c", "from rivya_core import Lab"),
        ("-c", "import rivya_core.lab.lab"),
        ("-c", "from rivya_core.simulator import SimulatorServer"),
        ("-m", "rivya_core.simulator"),
    ],
    ids=" ".join,
)
def test_what_comes_with_the_lab_says_so(base: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """One sentence with the command, and not the name of a library that nobody asked for alone."""
    done = run(base, tmp_path, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("which comes with the lab: pip install 'rivya-lab[lab]'")


def test_type_checkers_are_told_of_the_types(wheel: Path) -> None:
    """The marker of PEP 561 is in the package, and every file of the checkout that git knows."""
    tracked = subprocess.run(
        ["git", "ls-files", "rivya_core"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert "rivya_core/py.typed" in tracked
    assert [name for name in tracked if not (wheel / name).is_file()] == []
