from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.filters import Grid

grids = st.builds(
    Grid, increment=st.integers(0, 12).map(Decimal), origin=st.integers(0, 12).map(Decimal)
)
values = st.decimals(0, 500, places=3)


def points(grid: Grid) -> set[int]:
    step, start = int(grid.increment), int(grid.origin)
    return set(range(start, 400, step)) if step else set(range(400))


@given(grid=grids, value=values)
def test_floor_and_ceil_are_the_neighbors_of_a_value(grid: Grid, value: Decimal) -> None:
    below, above = grid.floor(value), grid.ceil(value)

    if not grid.increment:
        assert below == above == value
    elif value < grid.origin:
        assert (below, above) == (Decimal(0), grid.origin)
    else:
        assert below <= value <= above
        assert above - below in {0, grid.increment}
        assert (below - grid.origin) % grid.increment == 0
    assert grid.has(value) == (below == value == above)


@given(first=grids, second=grids)
def test_the_common_grid_has_the_points_that_both_have(first: Grid, second: Grid) -> None:
    common = first.common(second)

    both = points(first) & points(second)
    if common is None:
        assert not both
    elif first.increment and second.increment:
        assert points(common) == both


def test_a_common_grid_is_exact_in_decimals() -> None:
    common = Grid(increment=Decimal("0.01")).common(Grid(increment=Decimal("0.00025")))

    assert common == Grid(increment=Decimal("0.01"))
    assert Grid(increment=Decimal(3)).common(Grid(increment=Decimal(1))) == Grid(
        increment=Decimal(3)
    )


def test_rounding_is_exact_beyond_28_digits() -> None:
    grid = Grid(increment=Decimal("0.00000001"))
    nearly = Decimal("0." + "9" * 60)

    assert grid.floor(nearly) == Decimal("0.99999999")
    assert grid.ceil(nearly) == 1
