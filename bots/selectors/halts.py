"""Which switches hold a bot back, in words."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from bots.domain.decision import Denial, DenialCode
from bots.domain.halting import HaltLevel, Purpose, is_stopped, strictest
from bots.models import BotConfig, BotState, Halt


def halts_over(bot: BotConfig) -> QuerySet[Halt]:
    """Return the switches that are on and concern the bot: of all, of its account, its own."""
    scopes = Q(account=None, bot=None) | Q(bot_id=bot.pk)
    if bot.api_key is not None:
        scopes |= Q(account_id=bot.api_key.account_id)
    switched_on = Halt.objects.filter(scopes).exclude(level=HaltLevel.NONE)
    return switched_on.select_related("set_by").order_by("pk")


def level_over(bot: BotConfig) -> HaltLevel:
    """Return the strictest level that holds for the bot."""
    return strictest(*(HaltLevel(halt.level) for halt in halts_over(bot)))


def halt_blocks(state: BotState) -> tuple[Denial, ...]:
    """Return why a halt lets no position be opened; one for each switch that is on."""
    return tuple(
        Denial(code=DenialCode.HALTED, detail=in_words(halt)) for halt in halts_over(state.bot)
    )


def exit_block(state: BotState) -> str | None:
    """Return why a halt lets no ordinary exit be sent; None when one may."""
    for halt in halts_over(state.bot):
        if is_stopped(Purpose.EXIT, HaltLevel(halt.level)):
            return in_words(halt)
    return None


def in_words(halt: Halt) -> str:
    """Return what is stopped, since when, by whom and why."""
    stopped = "entries are" if halt.level == HaltLevel.ENTRIES else "everything is"
    if halt.bot_id is not None:
        scope = "this bot"
    else:
        scope = "the account" if halt.account_id is not None else "the whole installation"
    since = f" since {halt.set_at:%Y-%m-%d %H:%M} UTC" if halt.set_at else ""
    who = f" by {halt.set_by.get_username()}" if halt.set_by else ""
    why = f": {halt.reason}" if halt.reason else ""
    return f"{stopped} halted for {scope}{since}{who}{why}"
