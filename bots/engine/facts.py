"""The facts behind a bot's books: fills and funding of one account, one market, one symbol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from bots import journal
from bots.domain.folding import fold
from bots.domain.positions import Fill as DomainFill
from bots.domain.positions import Funding, Position
from bots.models import BotConfig, Fill, FundingPayment
from exchange.domain.rules import TradingRules
from exchange.domain.types import Market, Side


@dataclass(frozen=True, slots=True)
class Books:
    """What one set of books is about. A bot that trades something else begins new ones."""

    bot_id: int
    account_id: int | None
    market: Market
    symbol: str

    @classmethod
    def of(cls, bot: BotConfig) -> Books:
        """Return the books of what the bot trades now."""
        account_id = bot.api_key.account_id if bot.api_key else None
        return cls(bot.pk, account_id, Market(bot.position_type), bot.symbol)

    @property
    def name(self) -> str:
        """Return how `BotState.folded_for` calls them."""
        return f"{self.account_id or ''}:{self.market}:{self.symbol}"

    @property
    def fills(self) -> QuerySet[Fill]:
        """Return their fills."""
        return Fill.objects.using(journal.JOURNAL).filter(
            bot_id=self.bot_id,
            account_id=self.account_id,
            market=self.market.value,
            symbol=self.symbol,
        )

    @property
    def funding(self) -> QuerySet[FundingPayment]:
        """Return the funding they paid and received; none on spot."""
        payments = FundingPayment.objects.using(journal.JOURNAL).filter(
            bot_id=self.bot_id, account_id=self.account_id, symbol=self.symbol
        )
        return payments if self.market is Market.FUTURES else payments.none()


def fold_facts(
    fills: Iterable[Fill], funding: Iterable[FundingPayment], *, rules: TradingRules
) -> Position:
    """Return the position that these facts lead to; see `bots.domain.folding.fold`."""
    return fold(
        [_domain_fill(fill) for fill in fills],
        [_domain_funding(payment) for payment in funding],
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        quantity_increment=rules.quantity_increment,
        market=rules.market,
        residue_below=rules.min_notional,
    )


def position_before(moment: datetime, books: Books, *, rules: TradingRules) -> Position:
    """Return the position as it was at `moment` (market time), without what came at or after it."""
    return fold_facts(
        books.fills.filter(market_time__lt=moment),
        books.funding.filter(market_time__lt=moment),
        rules=rules,
    )


def _domain_fill(fill: Fill) -> DomainFill:
    return DomainFill(
        trade_id=fill.trade_id,
        side=Side(fill.side),
        price=fill.price,
        quantity=fill.quantity,
        quote_quantity=fill.quote_quantity,
        commission=fill.commission,
        commission_asset=fill.commission_asset,
        commission_quote=fill.commission_quote,
        market_time=fill.market_time,
    )


def _domain_funding(payment: FundingPayment) -> Funding:
    return Funding(
        amount=payment.amount,
        transaction_id=payment.transaction_id,
        market_time=payment.market_time,
    )
