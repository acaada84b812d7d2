"""What makes build tools notice what they would miss: values without IO."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precautions:
    """What has to be done to a checkpoint before a change is built on it.

    ``dated_anew`` are source files that get a new mtime although they are the same, so that
    whatever was made of them is made again. ``forgotten`` are paths below ``/build`` that are
    removed, ``emptied`` folders there that go as well if nothing is left in them; ``notes`` says
    why in the log. ``another_second``: what changed gets a date that is later in its seconds, too,
    than all that the checkpoint holds. ``unfit`` says why nothing helps: the build has to be clean
    then.
    """

    dated_anew: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    another_second: bool = False
    unfit: str | None = None

    def __or__(self, other: Precautions) -> Precautions:
        """Both; the first reason for a clean build is the one that is told."""
        return Precautions(
            dated_anew=(*self.dated_anew, *other.dated_anew),
            forgotten=(*self.forgotten, *other.forgotten),
            emptied=(*self.emptied, *other.emptied),
            notes=(*self.notes, *other.notes),
            another_second=self.another_second or other.another_second,
            unfit=self.unfit if self.unfit is not None else other.unfit,
        )


NONE = Precautions()
