"""The timeline of a job."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.ingest.results.timeline import Interval, Timeline

ENDS = st.lists(
    st.tuples(st.floats(0, 1e6), st.integers(0, 3), st.integers(0, 2), st.integers(0, 10**9)), max_size=60
)


def test_outcomes_within_one_second_are_counted_together() -> None:
    timeline = Timeline()
    timeline.add(0.2, stored=1, size=10)
    timeline.add(0.9, stored=1, size=5)
    timeline.add(2.5, failed=1)

    assert timeline.intervals(2.75) == (
        Interval(0.0, 1.0, 2, 0, 15),
        Interval(1.0, 1.0, 0, 0, 0),
        Interval(2.0, 0.75, 0, 1, 0),
    )


def test_an_item_just_after_a_full_second_does_not_count_as_a_peak() -> None:
    timeline = Timeline()
    timeline.add(0.5, stored=4, size=40)
    timeline.add(1.002, stored=1, failed=1, size=10)

    assert timeline.intervals(1.002) == (Interval(0.0, 1.002, 5, 1, 50),)


@given(ENDS)
def test_nothing_is_lost_and_memory_is_bounded(ends: list[tuple[float, int, int, int]]) -> None:
    timeline = Timeline()
    for seconds, stored, failed, size in ends:
        timeline.add(seconds, stored=stored, failed=failed, size=size)

    found = timeline.intervals(max((end[0] for end in ends), default=0.0))

    assert len(found) <= 240
    assert sum(one.stored for one in found) == sum(end[1] for end in ends)
    assert sum(one.failed for one in found) == sum(end[2] for end in ends)
    assert sum(one.bytes_sent for one in found) == sum(end[3] for end in ends)
    assert all(one.seconds > 0 for one in found)
    assert [one.start for one in found] == [number * timeline.width for number in range(len(found))]


def test_a_job_without_outcomes_has_no_intervals() -> None:
    assert Timeline().intervals(100.0) == ()
