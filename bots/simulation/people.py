"""What people do with the bots of a run, and what they are promised for it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Final

from bots.domain.halting import HaltLevel
from bots.engine.tick import run_tick
from bots.journal import JOURNAL
from bots.locks import HaltScope
from bots.models import Incident
from bots.services import (
    BotError,
    close_position,
    dismiss_incident,
    lift_halt,
    set_halt,
    start_bot,
    stop_bot,
    update_bot,
)
from bots.simulation.chance import Dice
from bots.simulation.world import World
from exchange.models import ExchangeAccount

_LEVELS: Final = (HaltLevel.ENTRIES, HaltLevel.EVERYTHING)
# So that what comes later has a later time: promises are compared by it.
_MOMENT: Final = 0.001


def start(world: World, bot_id: int) -> None:
    """Let the owner start a bot."""
    if _tried(world, f"start of bot {bot_id}", lambda: start_bot(bot_id=bot_id, actor=None)):
        world.promises.stopped.pop(bot_id, None)
        paused = world.promises.paused
        world.promises.paused = {key: at for key, at in paused.items() if key[0] != bot_id}


def cap_accounts(world: World) -> None:
    """Let the operator limit how many positions each account may have open at once, or not."""
    for player in world.players:
        most = world.dice.choice((None, None, None, 1, 2))
        accounts = ExchangeAccount.objects.filter(pk=player.api_key.account_id)
        accounts.update(max_open_positions=most)
        world.trace.note(f"account {player.uid}: at most {most or 'any number of'} positions")


def stop(world: World, bot_id: int, *, closes: bool = False) -> None:
    """Let the owner stop a bot; what was sent before may still be filled."""
    words = f"stop of bot {bot_id}{', closing' if closes else ''}"
    if _tried(world, words, lambda: stop_bot(bot_id=bot_id, actor=None, close=closes)):
        world.promises.stopped[bot_id] = world.clock.now()
        world.promises.ticked.pop(bot_id, None)
    world.clock.sleep(_MOMENT)


def close(world: World, bot_id: int) -> None:
    """Let the owner ask for the position to be closed."""
    _tried(world, f"close of bot {bot_id}", lambda: close_position(bot_id=bot_id, actor=None))


def edit(world: World, bot_id: int, dice: Dice) -> None:
    """Let the owner change the stop-loss, in position or not."""
    bot = world.bot(bot_id)
    bot.stop_loss_perc = Decimal(dice.randint(2, 15)) / 10
    world.trace.note(f"bot {bot_id} gets a stop-loss of {bot.stop_loss_perc} %")
    update_bot(bot, changed=["stop_loss_perc"], actor=None)


def halt(world: World, dice: Dice) -> None:
    """Let somebody halt a bot, an account or everything."""
    bot = world.bot(dice.choice(world.bots).pk)
    account_id = bot.api_key.account_id if bot.api_key else None
    scope = dice.choice((HaltScope(), HaltScope(account_id=account_id), HaltScope(bot_id=bot.pk)))
    level = dice.choice(_LEVELS)
    words = f"halt of {level} for {name_of(scope)}"
    if _tried(world, words, lambda: set_halt(scope=scope, level=level, reason="x", actor=None)):
        world.promises.halted.setdefault(name_of(scope), world.clock.now())
    world.clock.sleep(_MOMENT)


def lift_halts(world: World) -> None:
    """Let somebody lift every halt."""
    for name in list(world.promises.halted):
        _tried(world, f"lift of {name}", partial(lift_halt, scope=scope_of(name), actor=None))
        del world.promises.halted[name]


def dismiss_incidents(world: World) -> None:
    """Let somebody close every open incident, having looked at it."""
    for pk in Incident.objects.using(JOURNAL).filter(closed_at=None).values_list("pk", flat=True):
        act = partial(dismiss_incident, pk, actor=None, note="seen")
        _tried(world, f"dismissal of incident {pk}", act)


def act_meanwhile(world: World) -> None:
    """Let another worker or a person act while a tick stands still at the venue."""
    dice = world.somebody
    bot_id = dice.choice(world.bots).pk
    (act,) = dice.choices(list(MEANWHILE), weights=list(MEANWHILE.values()))
    world.trace.note("    meanwhile:")
    act(world, bot_id)


def halt_something(world: World, _: int) -> None:
    """Let the operator halt something, whatever the tick that stands still is about."""
    halt(world, world.somebody)


def tick_beside(world: World, bot_id: int) -> None:
    """Let another worker tick a bot, perhaps the one that is being ticked."""
    answer = run_tick(bot_id)
    world.trace.note(f"    bot {bot_id}, by another worker: {answer}")


def name_of(scope: HaltScope) -> str:
    """Return what promises call a scope."""
    if scope.bot_id is not None:
        return f"bot {scope.bot_id}"
    return "all" if scope.account_id is None else f"account {scope.account_id}"


def scope_of(name: str) -> HaltScope:
    """Return the scope that promises call so."""
    kind, _, number = name.partition(" ")
    if kind == "all":
        return HaltScope()
    return HaltScope(**{f"{kind}_id": int(number)})


def _tried(world: World, words: str, act: Callable[[], object]) -> bool:
    try:
        act()
    except BotError as error:
        world.trace.note(f"{words}: refused, {error}")
        return False
    world.trace.note(words)
    return True


# What may happen beside a tick, and how often.
MEANWHILE: dict[Callable[[World, int], None], int] = {
    tick_beside: 10,
    stop: 2,
    start: 2,
    close: 2,
    halt_something: 3,
}
