"""Read a cassette, an untrusted file: everything in it is validated before use.

Only uncompressed members are accepted, so there is no decompression bomb; the central directory is measured before a library
reads it; no name in it becomes a path; every hash is verified. Clips are checked again when they are fetched, like all others.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import ValidationError

from rivya_core.api.contract import MB
from rivya_core.api.durable import sync_file
from rivya_core.api.errors import ConfigurationError, StorageError
from rivya_core.api.image_rules import IMAGE_MAX_BYTES
from rivya_core.lab.media.containers import container_of
from rivya_core.lab.shows.cassette.cassette import (
    CLIPS,
    ENTRIES_MAX,
    FILE_MAX_BYTES,
    IMAGES_MAX,
    INDEX_MAX_BYTES,
    INDEX_NAME,
    Cassette,
    Piece,
    identity,
)
from rivya_core.lab.shows.zip_pieces import BLOCK_BYTES
from rivya_core.private_files import make_file, make_folder

MEMBERS_MAX: Final = ENTRIES_MAX + IMAGES_MAX + 1
TABLE_MAX_BYTES: Final = 200 * MEMBERS_MAX
"""A line of the table has 46 bytes and a name of at most 71."""

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_LARGE_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_BYTES: Final = 20
_ENCRYPTED: Final = 0x1
_EXCERPT_MAX: Final = 80
_UNREADABLE: Final = "It is damaged, or no cassette."


def read(path: Path) -> tuple[Cassette, str]:
    """Return what stands in a cassette, and its identity in hex; no clip is looked at yet.

    Raises:
        ConfigurationError: it cannot be played; the detail says why.
    """
    with _archive(path) as archive:
        index = _index(archive)
        cassette = _parsed(index)
        _check_members(archive, cassette)
    return cassette, identity(index)


def unpack(path: Path, cassette: Cassette, folder: Path) -> dict[str, Path]:
    """Bring clips and images of a cassette into a folder, and return where each hash is; what is there already stays.

    A file has its name only once its hash was compared and it is on the disk, so that the name is proof enough afterwards.

    Raises:
        ConfigurationError: one of them is not what the cassette says. StorageError: the folder cannot be written.
    """
    paths: dict[str, Path] = {}
    try:
        make_folder(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    with _archive(path) as archive:
        for name, piece in cassette.members().items():
            target = paths[piece.sha256] = folder / piece.sha256
            if not (target.is_file() and target.stat().st_size == piece.size_bytes):
                _unpack(archive, name, piece, target)
    return paths


# -- the archive -------------------------------------------------------------------------------------------------------


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # first: opening a named pipe would block until there is a writer
            raise refused("It is no file.")
        with path.open("rb") as file:
            _check_table(file)
            with zipfile.ZipFile(file) as archive:
                yield archive
    except FileNotFoundError:
        hint = "Set RIVYA_CASSETTE to the file that you were given."
        raise refused(f"There is no file {path}.", hint=hint) from None
    except OSError as error:
        raise refused(f"It cannot be read: {error.strerror or type(error).__name__}.") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        raise refused(_UNREADABLE) from error


def _check_table(file: BinaryIO) -> None:
    """Measure the table of an archive, so that reading it costs little whatever it announces."""
    size = file.seek(0, 2)
    if size > FILE_MAX_BYTES:
        raise refused(f"It has {size // 1_000_000:,} MB, and a cassette has at most {FILE_MAX_BYTES // 1_000_000:,}.")
    file.seek(max(0, size - _END_BYTES - _LOCATOR_BYTES))
    tail = file.read()
    end = tail[-_END_BYTES:]
    if size < _END_BYTES or not end.startswith(_END) or end[-2:] != b"\0\0":
        raise refused(_UNREADABLE)
    if tail[:-_END_BYTES].startswith(_LARGE_LOCATOR):
        raise refused("It has the form of a very large archive, which no cassette has.")
    count, table_bytes = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if count > MEMBERS_MAX or table_bytes > TABLE_MAX_BYTES:
        raise refused(f"It holds more than {MEMBERS_MAX:,} files.")
    file.seek(0)


def _index(archive: zipfile.ZipFile) -> bytes:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(names) != len(set(names)):
        raise refused("Two files in it have the same name.")
    if INDEX_NAME not in names:
        raise refused(f"It holds no {INDEX_NAME}, so it is no cassette.")
    for member in members:
        _check_member(member)
    if (
        sum(member.file_size for member in members) > archive.start_dir
    ):  # start of the central directory, after all files
        raise refused("Files in it lie in each other, so that it would unpack to more than it is.")
    index = archive.getinfo(INDEX_NAME)
    if index.file_size > INDEX_MAX_BYTES:
        raise refused(f"Its {INDEX_NAME} is larger than {INDEX_MAX_BYTES // 1_000_000} MB.")
    return archive.read(index)


def _check_member(member: zipfile.ZipInfo) -> None:
    """Take plain files that are not packed, and nothing else."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if member.is_dir() or kind not in {0, stat.S_IFREG}:
        raise refused(f"{_excerpt(member.filename)} is a folder or a link, and a cassette holds plain files.")
    if member.flag_bits & _ENCRYPTED:
        raise refused(f"{_excerpt(member.filename)} is encrypted.")
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise refused(f"{_excerpt(member.filename)} is packed, and nothing in a cassette is.")


def _check_members(archive: zipfile.ZipFile, cassette: Cassette) -> None:
    """Check that the files are exactly those that the cassette lists, with their sizes."""
    expected = cassette.members()
    there = {member.filename: member.file_size for member in archive.infolist() if member.filename != INDEX_NAME}
    for name in there:
        if name not in expected:
            raise refused(f"It holds {_excerpt(name)}, which does not belong to it.")
    for name, piece in expected.items():
        if there.get(name) != piece.size_bytes:
            raise refused(f"{name} is missing, or has another size than the cassette says.")


def _unpack(archive: zipfile.ZipFile, name: str, piece: Piece, target: Path) -> None:
    """Write one file under a part name; it gets its name once it is what it should be."""
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256()
    try:
        make_file(part)
        with archive.open(name) as source, part.open("wb") as file:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
                file.write(block)
            file.flush()
            sync_file(file.fileno())
        if digest.hexdigest() != piece.sha256:
            raise refused(f"{name} is not what its name says: it was changed.")
        if name.startswith(CLIPS) and container_of(part) is None:
            raise refused(f"{name} is no MP4, QuickTime or WebM file.")
        part.replace(target)
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    finally:
        part.unlink(missing_ok=True)


# -- the index ---------------------------------------------------------------------------------------------------------


def _parsed(index: bytes) -> Cassette:
    try:
        cassette = Cassette.model_validate_json(index)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = _excerpt(".".join(str(step) for step in first["loc"])) or INDEX_NAME
        raise refused(f"{where}: {first['msg']}.") from None
    for number, entry in enumerate(cassette.entries):
        if (entry.clip is None) == (entry.failure is None):
            raise refused(f"entries.{number}: it has either a clip or a failure, never both or neither.")
    if any(image.size_bytes > IMAGE_MAX_BYTES for image in cassette.images):
        raise refused(f"A reference image in it is larger than {IMAGE_MAX_BYTES // MB} MB.")
    sizes = {piece.sha256: piece.size_bytes for piece in cassette.members().values()}
    if any(entry.clip is not None and sizes[entry.clip.sha256] != entry.clip.size_bytes for entry in cassette.entries):
        raise refused("It gives one clip two sizes.")
    return cassette


# -- words -------------------------------------------------------------------------------------------------------------


def refused(why: str, *, hint: str = "") -> ConfigurationError:
    """Build the refusal of a cassette; ``why`` is a sentence."""
    return ConfigurationError(
        "This cassette cannot be played",
        why,
        hint or "Ask for the file once more, or unset RIVYA_CASSETTE. Nothing was changed.",
        field="cassette",
    )


def _excerpt(text: str) -> str:
    """A stranger's name as it is told: one short line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return plain if len(plain) <= _EXCERPT_MAX else f"{plain[:_EXCERPT_MAX]}…"


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        "The cassette cannot be unpacked",
        f"{folder}: {error.strerror or type(error).__name__}.",
        "Free some space, or set RIVYA_DATA_DIR to a folder that this user may write.",
        field="data_dir",
    )
