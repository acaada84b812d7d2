"""The faults, and the tests that are to find them."""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    """``old`` becomes ``new`` in ``file``, where it stands once. ``tests`` find it."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


DEFECTS = (
    Defect(
        "a date is a second early",
        "ckpt_git/watch/answer/answer.c",
        "    if (date <= newest) {\n        date = last_given = newest + 1;\n",
        "    if (date > 0) {\n        date = last_given = date - 1000000000;\n",
        ("tests/watch/test_dates.py",),
    ),
    Defect(
        "a deletion is forgotten",
        "ckpt_git/watch/memory/effects.c",
        "    if (before->kind != KIND_ABSENT && is_other_kind)\n",
        "    if (before->kind != KIND_ABSENT && is_other_kind && after->kind != KIND_ABSENT)\n",
        ("tests/watch/test_making.py",),
    ),
    Defect(
        "a file is published without a rename",
        "ckpt_git/records/files.py",
        "            aside.write_bytes(content)\n",
        "            aside = path\n            aside.write_bytes(content)\n",
        ("tests/records/test_state.py", "tests/records/test_queue.py", "tests/cli/test_damage.py"),
    ),
    Defect(
        "a lock isn't taken",
        "ckpt_git/records/lock.py",
        "        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))\n",
        "        pass\n",
        ("tests/records/test_lock.py", "tests/background/test_builder.py"),
    ),
    Defect(
        "a damaged record is believed",
        "ckpt_git/kept_files.py",
        "hashlib.sha256(body).hexdigest().encode() != digest:",
        "len(digest) != _DIGEST:",
        ("tests/records/test_files.py",),
    ),
    Defect(
        "a look-up in vain isn't noted",
        "ckpt_git/watch/preload/preload.c",
        "    case ENOTDIR:\n        return missing;\n",
        "    case ENOTDIR:\n        return 0;\n",
        ("tests/watch/test_looking.py",),
    ),
    Defect(
        "a listing is forgotten",
        "ckpt_git/watch/steps/lookups.c",
        "    if (process->listed == folder && process->listed_at == changes_count())\n",
        "    if (folder->zone == ZONE_TRACKED)\n",
        ("tests/watch/test_looking.py",),
    ),
    Defect(
        "an incomplete trace counts as a complete one",
        "ckpt_git/watch/steps/steps.c",
        "    for (struct step *above = step; above != NULL; above = above->parent) {\n"
        "        va_list rest;\n",
        "    for (struct step *above = step; above == NULL; above = above->parent) {\n"
        "        va_list rest;\n",
        ("tests/watch/test_unseen.py",),
    ),
    Defect(
        "a command is answered although an input changed",
        "ckpt_git/watch/memory/recall.c",
        "    if (!(observed->mask & SAW_CONTENT))\n        return 1;\n",
        "    return 1;\n",
        ("tests/watch/test_looking.py",),
    ),
    Defect(
        "a damaged content is put back",
        "ckpt_git/watch/files/objects.c",
        "    if (!digest_equal(found, value))\n        return -EBADMSG;\n",
        "",
        ("tests/watch_programs", "tests/engines/local/store/test_store.py"),
    ),
)
