"""What the venue or the holder of an account does beside us: liquidations, halts, other hands."""

from __future__ import annotations

from typing import Final

from bots.simulation.market import PAIRS
from bots.simulation.strangers import move_price
from bots.simulation.world import World
from exchange.demo.control.symbols import set_symbol
from exchange.demo.errors import VenueError
from exchange.demo.futures.asked import OrderRequest
from exchange.domain.types import Market

# Thousandths of the price, either way: beyond what ten times leverage survives.
_VIOLENT: Final = 150
_VIOLENT_SECONDS: Final = 120
_SHARES: Final = (1, 1, 3)  # of a position: all of it, or a third
_HALTED: Final = {Market.SPOT: "HALT", Market.FUTURES: "TRADING_HALT"}
_TRADING: Final = "TRADING"


def crash(world: World) -> None:
    """Let the price of a pair jump so far that whoever has no stop there is liquidated."""
    if world.promises.foreign:
        return  # strangers' orders must stay far from the price
    world.is_violent = True
    thousandths = world.dice.choice((-_VIOLENT, _VIOLENT))
    move_price(world, world.dice.choice(list(PAIRS)), thousandths, seconds=_VIOLENT_SECONDS)


def close_elsewhere(world: World) -> None:
    """Let the holder of an account close a futures position, or part of it, by another program."""
    books = world.venue.futures.books
    uids = {player.uid for player in world.players}
    held = [one for one in books.all_positions() if one.uid in uids and one.amount]
    if not held:
        return
    position = world.dice.choice(held)
    symbol = world.venue.futures_market.symbols[position.symbol]
    quantity = abs(position.amount) / world.dice.choice(_SHARES)
    request = OrderRequest(
        symbol=symbol,
        side="SELL" if position.amount > 0 else "BUY",
        type="MARKET",
        quantity=quantity - quantity % symbol.step,
        reduce_only=True,
        client_order_id=f"web_{world.dice.randrange(10**9)}",
    )
    words = f"{request.side} of {request.quantity} {position.symbol} by another program"
    try:
        world.venue.futures.place(position.uid, request, at_ms=world.clock.market_ms)
    except VenueError as error:
        world.trace.note(f"{words}: refused, {error}")
        return
    world.trace.note(words)


def halt_symbol(world: World) -> None:
    """Let the venue halt a symbol of one market, or take all of them up again."""
    if world.halted_symbols:
        resume_symbols(world)
        return
    symbol, market = world.dice.choice(list(PAIRS)), world.dice.choice(list(_HALTED))
    world.halted_symbols.append((symbol, market))
    _set_status(world, symbol, market, _HALTED[market])


def resume_symbols(world: World) -> None:
    """Let the venue take up again whatever it has halted."""
    while world.halted_symbols:
        symbol, market = world.halted_symbols.pop()
        _set_status(world, symbol, market, _TRADING)


def _set_status(world: World, symbol: str, market: Market, status: str) -> None:
    world.trace.note(f"{symbol} ({market}) is {status}")
    world.wire.catch_up()
    set_symbol(world.venue, {"symbol": symbol, "market": market.value, "status": status})
