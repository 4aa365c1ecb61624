from itertools import pairwise

import pytest

from pms_lab.charts.stretched import LEAST_PX, Room, Stretched, ticks

TIMES = [0.0, 0.002, 0.1, 60.0, 700.0]


def test_instants_keep_their_order_and_fill_the_width() -> None:
    axis = Stretched(TIMES, [], 500)
    places = [axis.x(at_s) for at_s in TIMES]
    assert places[0] == 0
    assert places[-1] == axis.width == pytest.approx(500)
    assert all(after - before >= LEAST_PX for before, after in pairwise(places))


def test_a_longer_stretch_is_wider_and_never_in_proportion() -> None:
    axis = Stretched(TIMES, [], 500)
    widths = [axis.x(end_s) - axis.x(start_s) for start_s, end_s in axis.stretches]
    assert widths == sorted(widths)
    assert widths[-1] < 10 * widths[1]  # and 6,500 times as long


def test_every_room_is_there_even_where_they_overlap() -> None:
    rooms = [Room(0.0, 0.002, 40), Room(0.0, 0.1, 30), Room(0.002, 60.0, 200), Room(60.0, 60.0, 90)]
    axis = Stretched(TIMES, rooms, 300)
    for room in rooms[:3]:
        assert axis.x(room.end_s) - axis.x(room.start_s) >= room.px - 1e-9


def test_what_does_not_fit_makes_the_axis_wider() -> None:
    axis = Stretched(TIMES, [Room(0.1, 60.0, 400)], 300)
    assert axis.width == pytest.approx(400 + 3 * LEAST_PX)


def test_narrow_rooms_are_made_first_so_that_wide_ones_around_them_need_no_more() -> None:
    rooms = [Room(0.0, 20.0, 100), Room(0.0, 10.0, 90)]
    assert Stretched([0.0, 10.0, 20.0], rooms, 0).width == pytest.approx(100)


def test_between_two_instants_time_runs_evenly() -> None:
    axis = Stretched([0.0, 10.0, 11.0], [], 100)
    assert axis.x(5.0) == pytest.approx(axis.x(10.0) / 2)


def test_ticks_keep_their_distance_and_the_first_named_ones_win() -> None:
    axis = Stretched([0.0, 1.0, 2.0, 3.0], [], 90)
    assert ticks(axis, [0.0, 3.0, 1.0, 2.0], 50) == [0.0, 3.0]
    assert ticks(axis, [1.0, 0.0, 2.0, 3.0], 50) == [1.0, 3.0]
