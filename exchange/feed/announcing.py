"""How an account's events are told to other processes, on `names.account_channel()`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from exchange.domain.clock import from_milliseconds, to_milliseconds
from exchange.domain.streams import AccountEvent, AccountEventKind
from exchange.domain.types import Environment, Market


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNews:
    """An event of one account in one market: a reason to look, never a fact to book.

    account_id   primary key of the ExchangeAccount
    """

    account_id: int
    environment: Environment
    market: Market
    event: AccountEvent


def encode(news: AccountNews) -> str:
    """Return what is published; times are ms since the epoch, quantities decimal texts."""
    event = news.event
    return json.dumps(
        {
            "account_id": news.account_id,
            "environment": news.environment,
            "market": news.market,
            "kind": event.kind,
            "symbol": event.symbol,
            "client_order_id": event.client_order_id,
            "status": event.status,
            "filled_quantity": _text(event.filled_quantity),
            "event_time": to_milliseconds(event.event_time) if event.event_time else None,
        }
    )


def account_news(data: bytes | str) -> AccountNews:
    """Read what `encode` made; ValueError says what is wrong with anything else."""
    try:
        told = json.loads(data)
        return AccountNews(
            account_id=int(told["account_id"]),
            environment=Environment(told["environment"]),
            market=Market(told["market"]),
            event=_event(told),
        )
    except (KeyError, TypeError, ValueError, InvalidOperation, OverflowError) as error:
        raise ValueError(f"no account event: {type(error).__name__} {error}") from None


def _event(told: dict[str, Any]) -> AccountEvent:
    filled, moment = told["filled_quantity"], told["event_time"]
    return AccountEvent(
        kind=AccountEventKind(told["kind"]),
        symbol=told["symbol"],
        client_order_id=told["client_order_id"],
        status=told["status"],
        filled_quantity=None if filled is None else Decimal(filled),
        event_time=None if moment is None else from_milliseconds(int(moment)),
    )


def _text(quantity: Decimal | None) -> str | None:
    return None if quantity is None else format(quantity, "f")
