"""A value that a thread computes while other things go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Deferred(Generic[T]):
    """Starts ``work`` at once; ``value`` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._joining = threading.Lock()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], T]) -> None:
        try:
            self._result.append(work())
        except BaseException as error:
            self._error = error

    def value(self) -> T:
        with self._joining:  # two at once may fail: Thread._stop asserts that its lock is free
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]
