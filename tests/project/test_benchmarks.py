"""What the benchmarks conclude from what they measured, and how they draw it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from benchmarks import chart, measured
from benchmarks.follow import BARE, FOLLOWING, WAYS, Change, Following

_SVG = "{http://www.w3.org/2000/svg}"


def _change(ours: float, bare: float, **fields: object) -> Change:
    seconds = {**dict.fromkeys(WAYS, 10.0), FOLLOWING: ours, BARE: bare}
    return Change("c" * 40, "subject", seconds, **fields)  # type: ignore[arg-type]


def test_following_holds_within_both_limits_alone() -> None:
    assert Following("p", (_change(5.3, 5.0), _change(1.2, 1.0))).holds
    assert not Following("p", (_change(6.0, 5.0), _change(1.1, 1.0))).holds, "the sum"
    assert not Following("p", (_change(9.0, 9.0), _change(1.3, 1.0), _change(1.3, 1.0))).holds
    assert not Following("p", (_change(1.0, 1.0, differences=("a",)),)).holds
    assert not Following("p", ()).holds


def test_following_by_nix_holds_where_each_change_alone_keeps_to_its_limit() -> None:
    assert Following("p", (_change(1.9, 0.2), _change(11.0, 9.1)), by_nix=True).holds
    dear = Following("p", (_change(2.3, 0.2), _change(9.0, 9.0)), by_nix=True)
    assert not dear.holds
    assert Following.from_json(dear.to_json()) == dear
    different = _change(1.0, 0.2, differences=("prog",))
    assert not Following("p", (different,), by_nix=True).holds


def test_of_several_runs_the_medians_count_and_what_is_wrong_in_any_of_them() -> None:
    runs = [
        Following("p", (_change(seconds, 1.0), _change(2.0, 2.0)), by_nix=True)
        for seconds in (9.0, 1.5, 2.0)
    ]
    found = Following.medians(runs)
    assert found.holds
    assert found.total(FOLLOWING) == 4.0
    assert Following.from_json(found.to_json()) == found
    wrong = Following("p", (_change(1.5, 1.0, differences=("prog",)), _change(2.0, 2.0)))
    assert not Following.medians([runs[1], wrong, runs[2]]).holds
    clean = Following("p", (_change(1.5, 1.0, why_clean="a new header"), _change(2.0, 2.0)))
    assert len(Following.medians([runs[1], clean, runs[2]]).counted) == 1


def test_what_was_built_clean_or_does_not_build_is_not_counted() -> None:
    found = Following(
        "p",
        (
            _change(1.0, 1.0),
            _change(9.0, 1.0, why_clean="a new header"),
            Change("d" * 40, "broken", {}, fails=True),
        ),
    )
    assert found.total(FOLLOWING) == 1.0
    assert found.holds


def test_the_page_counts_all_histories_together_and_what_was_built_clean_apart() -> None:
    """Neither history alone is within both limits."""
    slow = Following("slow", (_change(31.0, 30.0), _change(9.0, 8.0, why_clean="a new header")))
    quick = Following("quick", (_change(1.2, 1.0), _change(1.1, 1.0), _change(1.2, 1.0)))
    documents = [json.loads(json.dumps({"follow": [one.to_json()]})) for one in (slow, quick)]
    whole = measured.read(documents)
    assert whole.holds
    assert (len(whole.together.changes), len(whole.together.counted)) == (5, 4)
    assert whole.together.identical
    page = measured.page(whole).replace("\n", " ")
    assert "4 of 5 changes were built from a checkpoint (80%" in page
    assert "5 of 5 are identical" in page
    assert "clean: a new header" in page
    assert "together took 1.06 times" in page
    other = Following("other", (_change(1.0, 1.0, differences=("Files a and b differ",)),))
    assert not measured.read([*documents, {"follow": [other.to_json()]}]).holds


def test_the_chart_has_a_line_for_each_way_with_a_point_for_each_change() -> None:
    drawn = ElementTree.fromstring(chart.lines("a < b", {"one": [0.1, 1.0, 20.0], "two": [1] * 3}))
    lines = drawn.findall(f"{_SVG}polyline")
    points = [
        [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
        for line in lines
    ]
    assert [len(line) for line in points] == [3, 3]
    heights = [y for _, y in points[0]]
    assert heights == sorted(heights, reverse=True), "more seconds stand higher"
    assert {y for _, y in points[1]} == {points[1][0][1]}
    texts = [text.text for text in drawn.findall(f"{_SVG}text")]
    assert {"a < b", "one", "two", "0.1 s", "100 s"} <= set(texts)
