"""What a tick does when its symbol is halted, about to go, or gone.

No position is opened then. What is held stays in the books with its levels, and its exits go on as
far as the venue takes them. The journal says once that somebody has to look, and once that it is
well again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bots import journal
from bots.domain.codec import decode
from bots.domain.symbol import symbol_trouble
from bots.domain.wording import sentence
from bots.models import BotState, EventKind, Tick
from exchange.domain.errors import UnknownSymbolError
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.rules import TradingRules
from exchange.domain.symbol_status import NOT_LISTED

HALTED_EXIT_SECONDS: Final = 5.0  # how long a halt is believed that keeps a position (weight 20)
TROUBLE_LENGTH: Final = 64  # of the column; the venue may invent longer words


def read_rules(state: BotState, *, gateway: ExchangeGateway) -> TradingRules:
    """Return the rules of the bot's symbol; of one that is gone the last that a tick recorded.

    Those allow no entry. UnknownSymbolError when the bot has never ticked this symbol.
    Each process keeps rules for a while, and two of them may disagree about a halt: what speaks
    against the bot's own memory is therefore asked anew, and so is a halt that keeps a position.
    """
    rules = _rules(state, gateway, max_age=None)
    if _word(state, rules) != state.symbol_trouble:
        return _rules(state, gateway, max_age=0.0)
    if state.symbol_trouble and state.in_position:
        return _rules(state, gateway, max_age=HALTED_EXIT_SECONDS)
    return rules


def _rules(state: BotState, gateway: ExchangeGateway, *, max_age: float | None) -> TradingRules:
    try:
        return gateway.rules(state.bot.symbol, max_age=max_age)
    except UnknownSymbolError:
        rules = _last_recorded(state)
        if rules is None:
            raise
        return replace(rules, is_trading=False, status=NOT_LISTED)


def note_symbol(state: BotState, rules: TradingRules) -> None:
    """Journal that the symbol's trouble began, changed or ended; nothing while it stays the same.

    Call when the market has been read: before, it is not known whether the symbol is still there.
    """
    _note(state, _word(state, rules), status=rules.status, trouble=symbol_trouble(rules))


def note_symbol_gone(state: BotState) -> None:
    """Journal, once, that the venue answers as if it had never heard of the symbol."""
    symbol = state.bot.symbol
    trouble = f"the venue does not know {symbol}, it may be delisted or renamed"
    _note(state, _word_of(symbol, NOT_LISTED), status=NOT_LISTED, trouble=trouble)


def show_symbol_trouble(state: BotState, rules: TradingRules) -> None:
    """Show on the bot what speaks against its symbol; its status words do not have room for it."""
    trouble = symbol_trouble(rules)
    if trouble is not None:
        state.last_error_message = sentence(trouble)


def _word(state: BotState, rules: TradingRules) -> str:
    return "" if symbol_trouble(rules) is None else _word_of(state.bot.symbol, rules.status)


def _word_of(symbol: str, status: str) -> str:
    return f"{symbol} {status}"[:TROUBLE_LENGTH]


def _note(state: BotState, word: str, *, status: str, trouble: str | None) -> None:
    symbol, before = state.bot.symbol, state.symbol_trouble
    state.symbol_trouble = word
    if word == before:
        return
    if trouble is not None:
        message = f"{sentence(trouble)} {_consequence(state)} A person has to look at it."
        data = {"symbol": symbol, "status": status}
        journal.record_event(state.pk, EventKind.SYMBOL_TROUBLE, message, data=data)
    elif before.startswith(f"{symbol} "):  # and not one that the bot was given instead
        message = f"{symbol} is trading again at the venue."
        journal.record_event(state.pk, EventKind.SYMBOL_WELL, message)


def _consequence(state: BotState) -> str:
    if state.in_position:
        return (
            "No position is opened. The one that is held is kept, and its exits are tried as far "
            "as the venue takes them."
        )
    return "No position is opened."


def _last_recorded(state: BotState) -> TradingRules | None:
    ticks = Tick.objects.using(journal.JOURNAL).filter(bot_id=state.pk).exclude(inputs={})
    inputs = ticks.order_by("-id").values_list("inputs", flat=True).first()
    if not inputs or inputs["symbol"] != state.bot.symbol:
        return None
    return decode(TradingRules, inputs["rules"], path="rules")
