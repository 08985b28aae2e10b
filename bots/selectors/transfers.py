"""What a bot has moved between the wallets of its account."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import QuerySet, Sum

from bots.models import BotConfig
from exchange.domain.transfers import TransferDirection
from exchange.domain.types import ZERO
from exchange.models import UNSETTLED, Transfer, TransferStage


def purpose_of(bot: BotConfig) -> str:
    """Return the words by which the transfers of a bot are known."""
    return f"bot {bot.pk}"


def moved_by(bot: BotConfig) -> Decimal:
    """Return what the bot has brought to the futures wallet and not moved back, in quote."""
    done = _of(bot).filter(status=TransferStage.DONE, purpose=purpose_of(bot))
    brought, returned = (
        done.filter(direction=direction.value).aggregate(sum=Sum("amount"))["sum"] or ZERO
        for direction in (TransferDirection.TO_FUTURES, TransferDirection.TO_SPOT)
    )
    return max(brought - returned, ZERO)


def unsettled_to_futures(bot: BotConfig) -> Transfer | None:
    """Return the transfer of the bot's account of which nobody knows yet whether it arrived."""
    rows = _of(bot).filter(status__in=UNSETTLED, direction=TransferDirection.TO_FUTURES.value)
    return rows.order_by("pk").first()


def _of(bot: BotConfig) -> QuerySet[Transfer]:
    account_id = bot.api_key.account_id if bot.api_key else None
    return Transfer.objects.filter(account_id=account_id)
