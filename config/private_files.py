"""Makes DATA_DIR and everything in it inaccessible to other users of the machine.

New files: the settings set a umask of 0077 in every process. Files of an older installation: closed at start if we
created and own them. Anything else is left alone, with a warning.
"""

import grp
import logging
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

logger = logging.getLogger(__name__)

PRIVATE_UMASK = 0o077
OTHERS = 0o077  # group and others
# What we create directly in DATA_DIR. Databases have more files, such as db.sqlite3-wal.
FOLDERS = {"audio", "exports", "jieba", "kokoro", "mail", "queue", "screenshots", "spool", "static"}
KEYS = {"secret_key", "webhook_key"}
DATABASES = ("db.sqlite3", "test.sqlite3")
ACCESS_LIST = "it has an access list"
NOT_A_LINK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_umask_at_start = PRIVATE_UMASK


# --- new files -----------------------------------------------------------------------------------


def set_private_umask(data_dir: Path) -> None:
    """Makes new files of this process accessible only to its user.

    Root in another user's folder is an exception: the service could not read what an operator's command left there, and
    the folder itself already keeps everyone else out.
    """
    global _umask_at_start
    if os.geteuid() == 0 and data_dir.is_dir() and data_dir.stat().st_uid != 0:
        return
    previous = os.umask(PRIVATE_UMASK)
    if previous != PRIVATE_UMASK:
        _umask_at_start = previous


@contextmanager
def operator_umask() -> Iterator[None]:
    """Gives files in the block the mode of the operator's shell, for files that others may have to read.

    The umask belongs to the whole process, so use it only while no other thread runs.
    """
    private = os.umask(_umask_at_start)
    try:
        yield
    finally:
        os.umask(private)


@contextmanager
def umask_for(folder: Path, *, data_dir: Path) -> Iterator[None]:
    """Sets the umask for files in `folder`: outside `data_dir`, one user may install what another reads."""
    if folder.is_relative_to(data_dir):
        yield
    else:
        with operator_umask():
            yield


def make_private_folder(folder: Path) -> None:
    """Creates `folder` for our user only, and missing parents with the usual mode."""
    with operator_umask():
        folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


# --- files of an older installation --------------------------------------------------------------


def close_to_others(data_dir: Path) -> None:
    """Removes access of group and others to DATA_DIR and what we created directly in it.

    Logs what it did, or the command to run. It ignores deeper files, however many, because a folder of mode 0700
    protects everything inside. Call it before the database is opened: closing any descriptor of an SQLite file drops
    the locks that this process has on it.
    """
    try:
        descriptor = os.open(data_dir, NOT_A_LINK | os.O_DIRECTORY)
    except OSError:  # missing or unreadable; the code that needs it reports that
        return
    try:
        state = os.fstat(descriptor)
        names = os.listdir(descriptor)  # noqa: PTH208  # reads the open folder, whatever its path points to now
        strange = sorted(name for name in names if not _is_made_by_us(name) and name != "lost+found")
        is_shared = bool(_how_shared(descriptor, state))
        if state.st_mode & OTHERS:
            if strange or is_shared or state.st_uid != os.geteuid():
                logger.warning("%s", _advice(data_dir, descriptor, state, strange))
            else:
                _close(descriptor, state)
                logger.info(
                    "%s was open to other users of this machine (mode %04o) and is now closed to them",
                    data_dir, stat.S_IMODE(state.st_mode),
                )  # fmt: skip
        for name in names:
            # Next to unknown files, a folder called "mail" may belong to someone else.
            if _is_file_of_ours(name) or (name in FOLDERS and not strange):
                _close_entry(descriptor, data_dir / name, is_shared=is_shared)
    finally:
        os.close(descriptor)


def _close_entry(folder: int, path: Path, *, is_shared: bool) -> None:
    """Removes access to an entry. `is_shared`: a group was given access to DATA_DIR and may need its files."""
    try:
        descriptor = os.open(path.name, NOT_A_LINK, dir_fd=folder)
    except OSError:  # a link, a socket, deleted in the meantime, or not readable
        _warn_about_link(path)
        return
    try:
        state = os.fstat(descriptor)
        is_plain = stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)
        is_ours = state.st_uid == os.geteuid() and not is_shared and not _how_shared(descriptor, state)
        if is_plain and is_ours and state.st_mode & OTHERS:
            _close(descriptor, state)
    finally:
        os.close(descriptor)


def _close(descriptor: int, state: os.stat_result) -> None:
    os.fchmod(descriptor, stat.S_IMODE(state.st_mode) & ~OTHERS)


def _warn_about_link(path: Path) -> None:
    """Warns about a link: DATA_DIR's mode does not protect its target."""
    with suppress(OSError):
        if path.is_symlink() and path.stat().st_mode & OTHERS:
            logger.warning(
                "%s leads to %s, which other users of this machine can read. To close it: chmod 700 %s",
                path, path.resolve(), shlex.quote(str(path.resolve())),
            )  # fmt: skip


def _advice(path: Path, descriptor: int, state: os.stat_result, strange: list[str]) -> str:
    """Returns why the folder is left as it is, and the command that closes it."""
    quoted, user = shlex.quote(str(path)), _user_name(os.geteuid())
    opening = f"{path} is open to other users of this machine (mode {stat.S_IMODE(state.st_mode):04o})"
    if state.st_uid != os.geteuid():
        command = f"chmod 700 {quoted}"
        if os.geteuid() != 0:
            command = f"sudo chown {user} {quoted} && sudo {command}"
        return f"{opening} and belongs to {_user_name(state.st_uid)}. To close it: {command}"
    if strange:
        return (
            f"{opening} and holds more than Utterance's files ({strange[0]}). Set DATA_DIR to a folder of its own. "
            f"If only Utterance needs this one: chmod 700 {quoted}"
        )
    shared = _how_shared(descriptor, state)
    command = f"setfacl -b {quoted} && chmod 700 {quoted}" if shared == ACCESS_LIST else f"chmod 700 {quoted}"
    return f"{opening}: {shared}. New files in it are for {user} alone. To close the folder: {command}"


def _is_made_by_us(name: str) -> bool:
    return name in FOLDERS or _is_file_of_ours(name)


def _is_file_of_ours(name: str) -> bool:
    return name in KEYS or name.startswith(DATABASES)


def _how_shared(descriptor: int, state: os.stat_result) -> str:
    """Returns how someone gave others access on purpose, or "" if no one did."""
    if _has_access_list(descriptor):
        return ACCESS_LIST
    mode, group = state.st_mode, f"access was granted to the group {_group_name(state.st_gid)}"
    if not mode & OTHERS:
        return ""
    if mode & (stat.S_ISGID | stat.S_ISVTX):
        return group
    group_bits, other_bits = mode >> 3 & 0o7, mode & 0o7
    if other_bits:
        # 0755 and 0775 are the defaults for new folders, so they show no intent.
        return group if group_bits != other_bits and state.st_gid != os.getegid() else ""
    return group if group_bits and not _is_private_group(state.st_gid) else ""


def _is_private_group(gid: int) -> bool:
    """Whether the group has only our user. Many systems create such a group for each user."""
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def _has_access_list(descriptor: int) -> bool:
    if not hasattr(os, "listxattr"):
        return False
    try:
        return any(name.startswith("system.posix_acl") for name in os.listxattr(descriptor))
    except OSError:  # this file system has no access lists
        return False


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
