"""Nothing is ever half written, whatever stops the writing."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from entropist.errors import FileError
from entropist.files import written_whole


def fill(target, content=b"new"):
    with written_whole(target) as beside:
        beside.write_bytes(content)


@pytest.mark.parametrize("old", [None, b"old"])
@pytest.mark.parametrize(
    "stop", [RuntimeError("stop"), KeyboardInterrupt(), SystemExit(3), OSError(errno.EIO, "bad disk")]
)
def test_what_interrupts_leaves_the_old_file_and_no_litter(tmp_path, stop, old):
    target = tmp_path / "a.txt"
    if old is not None:
        target.write_bytes(old)
    expected = FileError if isinstance(stop, OSError) else type(stop)
    with pytest.raises(expected), written_whole(target) as beside:  # noqa: PT012 — both lines are the case
        beside.write_bytes(b"half")
        raise stop
    assert [path.name for path in tmp_path.iterdir()] == ([] if old is None else ["a.txt"])
    assert old is None or target.read_bytes() == old


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path):
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")
    with written_whole(str(target)) as beside:
        beside.write_bytes(b"new")
        assert target.read_bytes() == b"old"
        assert beside.parent == tmp_path  # else the rename could cross disks and copy
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_of_the_old_file_stay(tmp_path):
    target = tmp_path / "secret.txt"
    target.write_bytes(b"old")
    target.chmod(0o600)
    fill(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.txt", tmp_path / "link.txt"
    real.write_bytes(b"old")
    link.symlink_to(real)
    fill(link)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert list((tmp_path / "there").iterdir()) == [real]


def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        fill(fifo)
        assert os.read(end, 100) == b"new"
    finally:
        os.close(end)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_the_longest_name_a_disk_takes(tmp_path):
    target = tmp_path / ("é" * 127)
    fill(target)
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("", "it is a directory. Give the name of a file in it."),
        ("missing/a.txt", "No such file or directory. Make its directory first."),
        ("file/a.txt", "Not a directory"),
        ("n" * 300, "File name too long"),
        ("a\0b", "has no NUL"),
    ],
)
def test_a_place_that_cannot_be_written_says_what_to_do(tmp_path, place, message):
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError) as caught:
        fill(tmp_path / place)
    assert message in str(caught.value)
    assert str(caught.value).startswith("cannot write ")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("place", [".", "/", "..", ""])
def test_places_without_a_name_of_their_own_are_directories(place):
    with pytest.raises(FileError, match="it is a directory"):
        fill(place)


def test_no_permission_says_to_choose_another_place(tmp_path):
    script = "import os; os.setgroups([]); os.setgid(65534); os.setuid(65534)" if os.geteuid() == 0 else ""
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o555)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    found = subprocess.run([sys.executable, "-c", f"""
from entropist.files import written_whole
from entropist.errors import FileError
{script}
try:
    with written_whole({str(shut / "a.txt")!r}) as beside:
        beside.write_text("x")
except FileError as error:
    print(error)
"""], capture_output=True, text=True, check=True)  # fmt: skip
    assert found.stdout == f"cannot write {shut / 'a.txt'}: Permission denied. Choose a place you may write to.\n"


def test_a_limit_on_file_size_leaves_nothing(tmp_path):
    """What a quota does: the write fails in its midst."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    found = subprocess.run([sys.executable, "-c", f"""
import resource
from entropist.files import written_whole
from entropist.errors import FileError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with written_whole({str(target)!r}) as beside:
        beside.write_bytes(bytes(100_000))
except FileError as error:
    print(error)
"""], capture_output=True, text=True, check=True)  # fmt: skip
    assert found.stdout == f"cannot write {target}: File too large. Nothing was left half written.\n"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"old")]


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True)
    if mount.returncode:
        pytest.skip("a small disk cannot be mounted here; the limit on file size above tests the same path")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_leaves_the_old_file(small_disk):
    target = small_disk / "a.bin"
    fill(target, b"old")
    with pytest.raises(FileError, match=r"No space left on device\. Nothing was left half written"):
        fill(target, bytes(1 << 20))
    assert [(path.name, path.read_bytes()) for path in small_disk.iterdir()] == [("a.bin", b"old")]
    fill(target, b"again")
    assert target.read_bytes() == b"again"
