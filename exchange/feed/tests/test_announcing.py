"""What is published about an account is read as it was."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment, Market
from exchange.feed.announcing import AccountNews, account_news, encode
from exchange.feed.tests.klines import NOON


def news(event: AccountEvent) -> AccountNews:
    return AccountNews(
        account_id=7, environment=Environment.DEMO, market=Market.FUTURES, event=event
    )


def test_the_published_text_names_everything() -> None:
    event = AccountEvent(
        kind=AccountEventKind.ORDER,
        symbol="BTCUSDT",
        client_order_id="tbab12-3-t1",
        status="FILLED",
        filled_quantity=Decimal("0.00000010"),
        event_time=NOON,
    )

    assert encode(news(event)) == (
        '{"account_id": 7, "environment": "demo", "market": "futures", "kind": "order", '
        '"symbol": "BTCUSDT", "client_order_id": "tbab12-3-t1", "status": "FILLED", '
        '"filled_quantity": "0.00000010", "event_time": 1772366400000}'
    )


TEXTS = st.none() | st.text(max_size=20)
EVENTS = st.builds(
    AccountEvent,
    kind=st.sampled_from(AccountEventKind),
    symbol=TEXTS,
    client_order_id=TEXTS,
    status=TEXTS,
    filled_quantity=st.none() | st.decimals(0, 10**9, places=8),
    event_time=st.none() | st.integers(0, 10**9).map(lambda ms: NOON + timedelta(milliseconds=ms)),
)


@given(EVENTS)
def test_what_is_read_is_what_was_told(event: AccountEvent) -> None:
    assert account_news(encode(news(event)).encode()) == news(event)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{}", '{"account_id": 7}',
        encode(news(AccountEvent(kind=AccountEventKind.RESYNC))).replace("resync", "party"),
        encode(news(AccountEvent(kind=AccountEventKind.RESYNC))).replace("demo", "moon"),
        encode(news(AccountEvent(kind=AccountEventKind.RESYNC))).replace(
            '"filled_quantity": null', '"filled_quantity": "much"'
        ),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_word(text: str) -> None:
    with pytest.raises(ValueError, match="no account event"):
        account_news(text)
