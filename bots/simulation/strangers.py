"""What happens at the venue without us: orders of other people's programs, prices that jump."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from bots.simulation.market import PAIRS
from bots.simulation.world import World
from exchange.demo.amounts import UNITS_PER_ONE, to_units
from exchange.demo.errors import VenueError
from exchange.demo.futures.asked import OrderRequest as FuturesRequest
from exchange.demo.trading.asked import OrderRequest
from exchange.domain.types import Market

_LARGEST_SHOCK: Final = 30  # thousandths of the price
_LONGEST_SHOCK_SECONDS: Final = 400
_FAR_BELOW: Final = Decimal("0.92")  # never filled, and within the venue's price band
_LEAST_WORTH: Final = 150


def shock(world: World) -> None:
    """Let the price of a pair jump and stay there for a while."""
    symbol = world.dice.choice(list(PAIRS))
    thousandths = world.dice.randint(-_LARGEST_SHOCK, _LARGEST_SHOCK)
    seconds = world.dice.randint(20, _LONGEST_SHOCK_SECONDS)
    move_price(world, symbol, thousandths, seconds=seconds)


def move_price(world: World, symbol: str, thousandths: int, *, seconds: int) -> None:
    """Let a price jump by so many thousandths and stay there for so long, market time."""
    price = _rounded(world, symbol, price_of(world, symbol) * (1000 + thousandths) / 1000)
    world.trace.note(f"{symbol} goes to {price:f} ({thousandths / 10:+} %) for {seconds} s")
    world.venue.hold_price(symbol, to_units(price), for_ms=seconds * 1000)


def place_foreign_order(world: World) -> None:
    """Let the holder of an account place an order by another program, far from the price."""
    if world.is_violent:
        return  # no price is far from where it may be next
    player, symbol = world.dice.choice(world.players), world.dice.choice(list(PAIRS))
    market = world.dice.choice((Market.SPOT, Market.FUTURES))
    price = _rounded(world, symbol, price_of(world, symbol) * _FAR_BELOW)
    quantity = _quantity(world, symbol, price)
    name = f"web_{world.dice.randrange(10**9)}"
    try:
        if market is Market.SPOT:
            spot = OrderRequest(
                symbol=world.venue.symbols[symbol],
                side="BUY",
                type="LIMIT",
                quantity=quantity,
                price=price,
                client_order_id=name,
            )
            world.venue.engine.place(player.uid, spot, at_ms=world.clock.market_ms)
        else:
            futures = FuturesRequest(
                symbol=world.venue.futures_market.symbols[symbol],
                side="BUY",
                type="LIMIT",
                quantity=quantity,
                price=price,
                client_order_id=name,
            )
            world.venue.futures.place(player.uid, futures, at_ms=world.clock.market_ms)
    except VenueError as error:
        world.trace.note(f"a stranger's order is refused: {error}")
        return
    world.promises.foreign.append(name)
    world.trace.note(f"a stranger buys {quantity} {symbol} ({market}) at {price:f}: {name}")


def price_of(world: World, symbol: str) -> Decimal:
    """Return the price of a pair now."""
    world.wire.catch_up()
    units = world.venue.tracks[symbol].price(world.clock.market_ms)
    return Decimal(units) / UNITS_PER_ONE


def hold_prices(world: World) -> None:
    """Let every price stand still from now on."""
    for symbol in PAIRS:
        price = _rounded(world, symbol, price_of(world, symbol))
        world.venue.hold_price(symbol, to_units(price), for_ms=None)


def _rounded(world: World, symbol: str, price: Decimal) -> Decimal:
    tick = max(world.venue.symbols[symbol].tick, world.venue.futures_market.symbols[symbol].tick)
    return price - price % tick


def _quantity(world: World, symbol: str, price: Decimal) -> Decimal:
    step = max(world.venue.symbols[symbol].step, world.venue.futures_market.symbols[symbol].step)
    least = _LEAST_WORTH / price
    return least - least % step + step
