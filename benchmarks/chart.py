"""Lines over numbered changes, as an SVG that a browser or a README shows. Values in, text out.

The seconds stand on a logarithmic scale: a build from a checkpoint and a clean one are far apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 190, 40, 40
_COLOURS = ("#7f7f7f", "#ff7f0e", "#9467bd", "#d62728", "#1f77b4")


def lines(title: str, series: Mapping[str, Sequence[float]]) -> str:
    """A chart of ``series``, by name: the seconds of each change, all of one length."""
    values = [value for one in series.values() for value in one]
    low, high = _decades(min(values, default=1.0), max(values, default=10.0))
    length = max(map(len, series.values()), default=0)

    def x(number: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * number / max(1, length - 1)

    def y(seconds: float) -> float:
        share = (math.log10(seconds) - low) / (high - low)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share

    def drawn() -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
            ' font-family="sans-serif" font-size="12">'
        )
        yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        yield _text(_LEFT, 20, title, size=14)
        for exponent in range(low, high + 1):
            at, label = y(10.0**exponent), f"{10.0**exponent:g} s"
            yield f'<path d="M{_LEFT} {at:.1f}H{_WIDTH - _RIGHT}" stroke="#ddd"/>'
            yield _text(_LEFT - 8, at + 4, label, anchor="end")
        for number in range(0, length, max(1, length // 10)):
            yield _text(x(number), _HEIGHT - _BOTTOM + 18, str(number + 1), anchor="middle")
        yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "change", anchor="middle")
        for place, (name, times) in enumerate(series.items()):
            colour = _COLOURS[place % len(_COLOURS)]
            points = " ".join(f"{x(n):.1f},{y(value):.1f}" for n, value in enumerate(times))
            yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            at = _TOP + 18 * place
            yield f'<path d="M{_WIDTH - _RIGHT + 14} {at}h22" stroke="{colour}" stroke-width="3"/>'
            yield _text(_WIDTH - _RIGHT + 42, at + 4, name)
        yield "</svg>"

    return "\n".join(drawn()) + "\n"


def _decades(low: float, high: float) -> tuple[int, int]:
    """The powers of ten that enclose what is measured."""
    first, last = math.floor(math.log10(max(low, 1e-3))), math.ceil(math.log10(max(high, 1e-3)))
    return first, max(last, first + 1)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
    return f"<text {place}>{escape(text)}</text>"
