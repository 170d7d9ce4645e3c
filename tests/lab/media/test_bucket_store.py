"""An archive in a bucket: checked when it is stored, read in pieces, cached, and its faults told in words without a secret."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rivya_core.api.errors import StorageError
from rivya_core.lab.media import bucket_store
from rivya_core.lab.media.archive import Archive
from rivya_core.lab.media.bucket_store import BucketStore, Patience
from rivya_core.lab.media.file_cache import MIN_AGE_S, FileCache
from rivya_core.lab.media.parts import Parts
from rivya_core.lab.media.stored import StoredObject, is_unreachable
from tests.object_store import KEY_ID, SECRET, Bucket
from tests.until import HANGS_S, until

KEY = "clips/2026/11/g01-1.mp4"
SOON_S = 0.05
PATIENT = Patience(connect_s=HANGS_S, quick_s=HANGS_S, piece_s=HANGS_S, again_s=SOON_S)
IMPATIENT = Patience(connect_s=HANGS_S, quick_s=0.3, piece_s=0.3, again_s=SOON_S)
"""For a store that never answers: on a slow machine it would give up on one that does."""


class Ticks:
    """A clock that only the test moves."""

    now_s = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


@pytest.fixture
def ticks() -> Ticks:
    """The store's clock."""
    return Ticks()


Make = Callable[..., Archive]


@pytest.fixture
def make(bucket: Bucket, tmp_path: Path, ticks: Ticks) -> Iterator[Make]:
    """Open an archive on the bucket, as one more process would."""
    made: list[Archive] = []

    def one(url: str = "", limit_bytes: int = 10**9, patience: Patience = PATIENT) -> Archive:
        root = tmp_path / "archive"
        parts = Parts(root / "parts", shared=True)
        cache = FileCache(root / "cache", limit_bytes, clock=ticks)
        made.append(Archive(root, BucketStore(url or bucket.url, parts, cache, patience=patience, clock=ticks), parts))
        return made[-1]

    yield one
    bucket.front.heal()
    for archive in made:
        archive.close()


def streamed(archive: Archive, key: str) -> StoredObject:
    """What a route streams from."""
    served = archive.serve(key)
    assert isinstance(served, StoredObject)
    return served


@pytest.mark.parametrize("size", [0, 7, bucket_store.PIECE_BYTES + 9], ids=["empty", "one piece", "in pieces"])
def test_what_is_stored_is_what_every_reader_gets(make: Make, bucket: Bucket, size: int) -> None:
    """Whole and by range, with and without a local copy; the store's own checksum is enough, nothing is read back."""
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    archive = make()
    path = archive.put_bytes(KEY, data)
    assert path.read_bytes() == data
    assert path.suffix == ".mp4"
    assert not [one for one in bucket.front.asked if one[0] == "GET"]
    assert bucket.objects() == [KEY]
    served = streamed(archive, KEY)
    assert served.size_bytes == size
    path.unlink()
    for where in ("the store", "the copy"):
        assert served.read(size // 3, size) == data[size // 3 :], where
        assert archive.get_bytes(KEY) == data
    assert archive.delete(KEY)
    assert bucket.objects() == []


def test_another_process_sees_a_replacement(make: Make) -> None:
    """A clip that was fetched again has the same key: no process goes on with its old copy."""
    one, other = make(), make()
    one.put_bytes(KEY, b"damaged")
    assert other.get_bytes(KEY) == b"damaged"
    before = streamed(other, KEY)
    one.put_bytes(KEY, b"whole!!")
    assert other.get_bytes(KEY) == b"whole!!"
    assert streamed(other, KEY).etag != before.etag


def test_bytes_of_two_versions_are_never_mixed(make: Make) -> None:
    """An object that changes between two ranges is refused, not glued together."""
    archive = make()
    archive.put_bytes(KEY, b"first version")
    before = streamed(archive, KEY)
    make().put_bytes(KEY, b"other version")
    for copy in (archive.root / "cache").iterdir():
        copy.unlink()
    with pytest.raises(StorageError, match="replaced"):
        before.read(0, 5)


def test_a_store_with_other_checksums_is_read_back_once(
    make: Make, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Encrypted buckets name something else than the MD5 sum: what was sent is compared byte by byte."""
    digests = bucket_store._digests
    monkeypatch.setattr(bucket_store, "_digests", lambda part: (digests(part)[0], "of another kind"))
    archive = make()
    archive.put_bytes(KEY, b"abc")
    assert [method for method, _ in bucket.front.asked] == ["PUT", "HEAD", "GET"]
    monkeypatch.setattr(bucket_store, "_digests", lambda _: ("0" * 64, "of another kind"))
    with pytest.raises(StorageError, match="other bytes"):
        archive.put_bytes(KEY, b"abc")


@pytest.mark.parametrize(
    ("fault", "said"),
    [("503", "It answered with 503"), ("403", "denies access"), ("hang", "did not answer in time")],
)
def test_a_fault_is_told_in_words_and_heals(make: Make, bucket: Bucket, fault: str, said: str) -> None:
    """Storing, reading and asking raise the same sentence, that names what to look at; no key, no secret is in it."""
    make().put_bytes(KEY, b"abc")
    archive = make(patience=IMPATIENT if fault == "hang" else PATIENT)
    assert archive.condition() is None
    bucket.front.fault = fault  # type: ignore[assignment]  # one of them
    acts: list[Callable[[], object]] = [
        lambda: archive.put_bytes(KEY, b"other"),
        lambda: archive.exists(KEY),
        lambda: archive.get_bytes(KEY),
        lambda: archive.delete(KEY),
    ]
    for act in acts:
        with pytest.raises(StorageError, match=said) as caught:
            act()
        assert (caught.value.retryable, is_unreachable(caught.value)) == (True, True)
        assert "AWS_" in str(caught.value) or fault == "503"
        assert not any(secret in str(caught.value) for secret in (SECRET, KEY_ID))
    asked = bucket.front.asked.count(("HEAD", f"/{bucket.name}/of/the-lab/{KEY}"))
    with pytest.raises(StorageError, match=said):
        archive.exists(KEY)  # nobody but the one who asks again waits for another deadline
    assert bucket.front.asked.count(("HEAD", f"/{bucket.name}/of/the-lab/{KEY}")) == asked
    assert said in (archive.condition() or "")
    question = ("GET", f"/{bucket.name}/of/the-lab/probe")
    asked = bucket.front.asked.count(question)
    until(lambda: bucket.front.asked.count(question) > asked + 3, what="it is asked again and again by itself")
    bucket.front.heal()
    until(lambda: archive.condition() is None, what="it is well once it answers")
    assert make().get_bytes(KEY) == b"abc"
    assert list((archive.root / "parts").glob("*/*.part")) == []


def test_a_store_is_asked_again_whatever_ends_the_one_who_asks(
    make: Make, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may refuse a thread, and a question may fail in a way of its own: the fault is told, and later heals."""
    archive, closed = make(), make()
    bucket.front.fault = "503"
    start, asked = threading.Thread.start, threading.Event()

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "rivya-archive-probe":
            raise RuntimeError("can't start new thread")
        start(thread)

    def break_down(*_: object, **__: object) -> None:
        asked.set()
        raise RuntimeError("The library broke")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        for one in (archive, archive, closed):
            with pytest.raises(StorageError, match="503"):
                one.exists(KEY)
        closed.close()
    with monkeypatch.context() as broken:
        broken.setattr("rivya_core.lab.media.bucket_store.obstore.get", break_down)
        with pytest.raises(StorageError, match="503"):
            archive.exists(KEY)
        assert asked.wait(HANGS_S)
    bucket.front.heal()
    until(lambda: archive.condition() is None, what="it is well once it answers")


def test_a_wrong_bucket_is_named(make: Make, bucket: Bucket) -> None:
    """Also where only a file is asked for: "not found" would be another thing."""
    archive = make("s3://lab-of-nobody/of/the-lab")
    for act in (lambda: archive.exists(KEY), lambda: archive.put_bytes(KEY, b"abc")):
        with pytest.raises(StorageError, match=r"bucket does not exist.*lab-of-nobody.*RIVYA_ARCHIVE_URL"):
            act()
    assert bucket.objects() == []


def test_missing_credentials_are_named(make: Make, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library then asks the machine for some, and gets none."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bucket.front.fault = "403"
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", bucket.front.url)
    with pytest.raises(StorageError, match=r"needs a key.*AWS_ACCESS_KEY_ID"):
        make().put_bytes(KEY, b"abc")


def test_http_is_for_this_machine_only(make: Make, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is never sent without encryption to another machine, unless somebody says so."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://store.invalid:9000")
    with pytest.raises(StorageError, match="AWS_ALLOW_HTTP"):
        make().put_bytes(KEY, b"abc")
    assert bucket.objects() == []


def test_a_file_known_to_be_missing_is_said_without_asking(make: Make, bucket: Bucket) -> None:
    """Pages never wait: they hear what a route found out."""
    archive = make()
    assert archive.may_exist(KEY)
    with pytest.raises(StorageError, match="gone"):
        archive.serve(KEY)
    asked = len(bucket.front.asked)
    with pytest.raises(StorageError, match=r"gone.*check now"):
        archive.refuse_lost(KEY)
    assert len(bucket.front.asked) == asked
    archive.put_bytes(KEY, b"abc")
    archive.refuse_lost(KEY)


def test_pages_that_ask_in_every_run_cause_few_requests(make: Make, bucket: Bucket, ticks: Ticks) -> None:
    """What a key with a hash names is known once it was seen; what was not there is asked for again after a while."""
    one, other, key = make(), make(), "shows/previews/" + "ab" * 32 + ".mp4"
    for _ in range(3):
        assert not one.exists(key)
    asked = [method for method, path in bucket.front.asked if path.endswith(key)]
    assert asked == ["HEAD"]
    other.put_bytes(key, b"made elsewhere")
    ticks.now_s += bucket_store.ABSENT_FOR_S
    for _ in range(3):
        assert one.exists(key)
    asked = [method for method, path in bucket.front.asked if path.endswith(key)]
    assert asked == ["HEAD", "PUT", "HEAD"]


def test_the_cache_keeps_to_its_size_and_to_what_is_read(make: Make, ticks: Ticks) -> None:
    """The least recently used goes first, never what was just handed out, and never what is open."""
    archive = make(limit_bytes=25)
    for number in range(4):
        archive.put_bytes(f"clips/a/{number}.mp4", b"0123456789")
        ticks.now_s += 1
    cache = archive.root / "cache"
    assert len(list(cache.iterdir())) == 4  # over its size, but all were handed out just now
    ticks.now_s += MIN_AGE_S
    first = archive.local("clips/a/0.mp4")
    with archive.open_local("clips/a/1.mp4") as pinned:
        ticks.now_s += MIN_AGE_S
        assert archive.local("clips/a/0.mp4") == first
        archive.put_bytes("clips/a/4.mp4", b"0123456789")
        assert len(list(cache.iterdir())) == 2
        assert first.exists()
        assert pinned.read_bytes() == b"0123456789"
    assert archive.get_bytes("clips/a/1.mp4") == b"0123456789"


def test_only_what_a_dead_process_left_is_removed(make: Make) -> None:
    """Each process has its own folder of parts, held by a lock."""
    alive, mine = make(), make()
    half = alive.part_path(KEY)
    assert mine.remove_parts() == 0
    assert half.exists()
    left = alive.root / "parts" / "of-a-dead-one"
    left.mkdir()
    (left / "x.part").write_bytes(b"half")
    assert mine.remove_parts() == 1
    assert not left.exists()
    half.unlink()


def test_many_threads_read_and_write_at_once(make: Make) -> None:
    """One archive for all threads of a process."""
    archive, faults = make(), []

    def work(number: int) -> None:
        try:
            for turn in range(4):
                archive.put_bytes(f"clips/b/{number}.mp4", f"{number}:{turn}".encode())
                assert archive.get_bytes(f"clips/b/{number}.mp4") == f"{number}:{turn}".encode()
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
