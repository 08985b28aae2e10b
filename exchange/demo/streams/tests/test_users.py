from __future__ import annotations

from typing import Any

from exchange.demo.streams.users import UserHub
from exchange.domain.types import Market

ANN, BOB = 1, 2


def make_hub(asked: list[object] | None = None) -> UserHub:
    def payloads(change: object) -> list[dict[str, Any]]:
        if asked is not None:
            asked.append(change)
        return [{"e": "one", "of": change}, {"e": "two", "of": change}]

    return UserHub({Market.SPOT: payloads, Market.FUTURES: lambda _: []})


def test_every_listener_of_an_account_hears_its_changes_in_order() -> None:
    hub, first, second = make_hub(), [], []  # type: ignore[var-annotated]
    hub.join(ANN, Market.SPOT, first.append)
    hub.join(ANN, Market.SPOT, second.append)
    hub.heard(ANN, "fill")
    assert first == second == [{"e": "one", "of": "fill"}, {"e": "two", "of": "fill"}]


def test_nobody_hears_of_another_account_or_market() -> None:
    hub, bob, futures = make_hub(), [], []  # type: ignore[var-annotated]
    hub.join(BOB, Market.SPOT, bob.append)
    hub.join(ANN, Market.FUTURES, futures.append)
    hub.heard(ANN, "fill")
    assert bob == []
    assert futures == []


def test_events_are_not_even_written_when_nobody_listens() -> None:
    asked: list[object] = []
    hub = make_hub(asked)
    hub.heard(ANN, "fill")
    assert asked == []
    leave = hub.join(ANN, Market.SPOT, lambda _: None)
    assert not hub.is_empty
    hub.heard(ANN, "fill")
    leave()
    hub.heard(ANN, "fill")
    assert asked == ["fill"]
    assert hub.is_empty


def test_leaving_twice_takes_nobody_else_along() -> None:
    hub, heard = make_hub(), []  # type: ignore[var-annotated]
    leave = hub.join(ANN, Market.SPOT, lambda _: None)
    leave()
    hub.join(ANN, Market.SPOT, heard.append)
    leave()
    hub.tell(ANN, Market.SPOT, {"e": "direct"})
    assert heard == [{"e": "direct"}]
