"""The database refuses the moves that the table of legal moves does not know."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots import journal
from bots.domain.orders import MOVES, OrderStatus
from bots.models import BotConfig, Order
from exchange.models import APIKey

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def order_that_is(bot: BotConfig, api_key: APIKey) -> Callable[[OrderStatus], Order]:
    """Return a function that writes an order of any status down."""

    def make(status: OrderStatus) -> Order:
        attempt = Order.objects.count() + 1
        return Order.objects.create(
            bot=bot,
            account=api_key.account,
            market="spot",
            symbol="BTCUSDT",
            source="t",
            slot=1,
            leg="e",
            attempt=attempt,
            client_order_id=f"tbtest-{attempt}",
            side="BUY",
            quantity=1,
            intent_reason="entry_signal",
            signed_at_ms=1,
            recv_window_ms=5000,
            status=status,
            sent_at=timezone.now(),
        )

    return make


@pytest.mark.parametrize("start", list(OrderStatus))
def test_the_database_allows_the_moves_of_the_table_and_no_others(
    order_that_is: Callable[[OrderStatus], Order], start: OrderStatus
) -> None:
    allowed = set()
    for target in OrderStatus:
        order = order_that_is(start)
        try:
            with transaction.atomic():
                Order.objects.filter(pk=order.pk).update(status=target)
        except IntegrityError as error:
            assert f"{start} may not become {target}" in str(error)  # noqa: PT017
        else:
            allowed.add(target)
    assert allowed == MOVES.get(start, frozenset()) | {start}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=st.lists(st.sampled_from(OrderStatus), max_size=8))
def test_no_path_leaves_a_final_state_and_unknown_is_never_left_for_sent(
    order_that_is: Callable[[OrderStatus], Order], wanted: list[OrderStatus]
) -> None:
    order = order_that_is(OrderStatus.INTENDED)
    walked = [OrderStatus.INTENDED]
    for target in wanted:
        before = OrderStatus(order.status)
        has_moved = journal.move_order(order, target)
        assert has_moved == (target in MOVES.get(before, ()))
        if has_moved:
            walked.append(target)
    order.refresh_from_db()
    assert order.status == walked[-1]
    assert all(step in MOVES for step in walked[:-1])
    assert len(walked) <= len(set(walked)) + walked.count(OrderStatus.PARTIALLY_FILLED)
    assert walked.count(OrderStatus.SENT) <= 1
