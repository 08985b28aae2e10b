"""What a trader asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse

from bots.domain.direction import Directions
from bots.domain.estimates import furthest_stop_perc
from bots.domain.orders import UNSETTLED
from bots.domain.parameters import validate_parameters
from bots.domain.snapshot import Parameters
from bots.domain.strategies import STRATEGIES
from bots.models.fields import amount, percentage, plain
from exchange.domain.futures import MAX_LEVERAGE_USED
from exchange.domain.intervals import INTERVALS
from exchange.models import APIKey

MAX_LEVERAGE = 125  # accepted; what is used is capped lower
_TRAILING = ("custom_trailing_stop", "trailing_stop_perc")
# What ends a losing position: the first one that is set, a trailing stop only without the others.
_STOPS = ("custom_stop_loss", "stop_loss_perc", *_TRAILING)


class PositionType(models.TextChoices):
    """Which of the venue's markets a bot trades."""

    SPOT = "spot", "Spot"
    FUTURES = "futures", "USD-M futures"


class UnprotectedPolicy(models.TextChoices):
    """What becomes of a position whose stop the venue will not take."""

    CLOSE = "close", "Close the position at the market"
    KEEP = "keep", "Keep it, tell me, and go on trying"


class BotConfig(models.Model):
    """One bot as its owner configured it. A custom value, when set, overrides the plain one."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bots"
    )
    name = models.CharField(max_length=80)
    symbol = models.CharField(max_length=20, help_text="For example BTCUSDT.")
    timeframe = models.CharField(
        max_length=4, default="5m", choices=[(name, name) for name in INTERVALS]
    )
    strategy = models.CharField(
        max_length=40, default="ema", choices=[(name, name) for name in STRATEGIES]
    )
    is_active = models.BooleanField("active", default=False)
    api_key = models.ForeignKey(
        APIKey,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="bots",
        verbose_name="API key",
    )
    position_type = models.CharField(
        "market", max_length=8, choices=PositionType, default=PositionType.SPOT
    )
    direction = models.CharField(
        "positions",
        max_length=5,
        choices=[(each.value, each.value) for each in Directions],
        default=Directions.LONG.value,
        help_text="Short and both need futures.",
    )
    check_interval_seconds = models.PositiveIntegerField(
        "check interval, seconds", default=60, help_text="30 or more, in market time."
    )

    initial_capital = amount("initial capital (quote)", default=Decimal(1000))
    position_size_perc = percentage(
        "position size, % of capital",
        null=True,
        blank=True,
        help_text="Of the initial capital plus the profit and loss so far.",
    )
    position_size_fixed = amount(
        "position size, fixed (quote)",
        null=True,
        blank=True,
        help_text="Wins when both sizes are set.",
    )
    stop_loss_perc = percentage("stop-loss, %", null=True, blank=True)
    take_profit_perc = percentage("take-profit, %", null=True, blank=True)
    trailing_stop_perc = percentage("trailing stop, %", null=True, blank=True)
    trailing_stop_active = models.BooleanField("trailing stop on", default=False)
    daily_target_perc = percentage("profit target of a day, %", null=True, blank=True)
    max_daily_loss_perc = percentage("largest loss of a day, %", null=True, blank=True)
    max_daily_trades = models.PositiveIntegerField("most entries of a day", null=True, blank=True)
    order_cooldown_seconds = models.PositiveIntegerField(
        "pause after an order, seconds", default=0, help_text="In market time."
    )

    entry_slippage_perc = percentage(
        "most slippage of an entry, %",
        null=True,
        blank=True,
        default=Decimal("0.5"),
        help_text="Worst price of an entry that brings its stops along; empty: at the market.",
    )
    unprotected_policy = models.CharField(
        "when no stop can be placed",
        max_length=8,
        choices=UnprotectedPolicy,
        default=UnprotectedPolicy.CLOSE,
    )
    close_at_daily_limit = models.BooleanField("close at a daily limit", default=False)

    stop_loss_guard_count = models.PositiveIntegerField(
        "stop-loss guard, stops",
        null=True,
        blank=True,
        help_text="So many stop-losses within the time below lock entries; empty: off.",
    )
    stop_loss_guard_minutes = models.PositiveIntegerField("stop-loss guard, within", default=1440)
    stop_loss_guard_lock_minutes = models.PositiveIntegerField(
        "stop-loss guard, lock for", default=60
    )
    max_drawdown_perc = percentage(
        "largest drawdown, %",
        null=True,
        blank=True,
        help_text="Of the closed trades within the time below; empty: off.",
    )
    max_drawdown_minutes = models.PositiveIntegerField("drawdown, within", default=1440)
    max_drawdown_lock_minutes = models.PositiveIntegerField("drawdown, lock for", default=240)
    exchange_error_count = models.PositiveIntegerField(
        "exchange errors",
        null=True,
        blank=True,
        default=5,
        help_text="So many refusals and failures within the time below lock entries; empty: off.",
    )
    exchange_error_minutes = models.PositiveIntegerField("exchange errors, within", default=10)
    exchange_error_lock_minutes = models.PositiveIntegerField(
        "exchange errors, lock for", default=10
    )
    stale_data_seconds = models.PositiveIntegerField(
        "stale data, seconds",
        null=True,
        blank=True,
        default=180,
        help_text="Prices that have not moved on for so long lock entries; empty: off.",
    )

    ema_fast = models.PositiveIntegerField("fast EMA, klines", default=9)
    ema_slow = models.PositiveIntegerField("slow EMA, klines", default=21)
    ema_period = models.PositiveIntegerField(
        "trend EMA, klines",
        null=True,
        blank=True,
        help_text="Trend filter: entries only above this EMA.",
    )
    rsi_period = models.PositiveIntegerField("RSI, klines", default=14)
    rsi_oversold = percentage("RSI oversold", default=Decimal(30))
    rsi_overbought = percentage("RSI overbought", default=Decimal(70))
    custom_ema_fast = models.PositiveIntegerField("custom fast EMA, klines", null=True, blank=True)
    custom_ema_slow = models.PositiveIntegerField("custom slow EMA, klines", null=True, blank=True)
    custom_rsi_period = models.PositiveIntegerField("custom RSI, klines", null=True, blank=True)
    custom_rsi_oversold = percentage("custom RSI oversold", null=True, blank=True)
    custom_rsi_overbought = percentage("custom RSI overbought", null=True, blank=True)
    custom_stop_loss = percentage("custom stop-loss, %", null=True, blank=True)
    custom_take_profit = percentage("custom take-profit, %", null=True, blank=True)
    custom_trailing_stop = percentage("custom trailing stop, %", null=True, blank=True)

    leverage = models.PositiveIntegerField(
        default=10, help_text="Futures only; at most 50 is used."
    )
    transfer_amount = amount("amount to transfer (quote)", null=True, blank=True)
    auto_transfer_funds = models.BooleanField("transfer by itself", default=False)

    # A deleted bot keeps its history: orders and fills are facts. It is shown to nobody.
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "bot"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=Q(deleted_at__isnull=True),
                name="bot_name_once_per_user",
                violation_error_message="This user has a bot with this name.",
            ),
            models.CheckConstraint(
                condition=Q(check_interval_seconds__gte=30), name="bot_check_interval_30_or_more"
            ),
            models.CheckConstraint(
                condition=Q(leverage__gte=1, leverage__lte=MAX_LEVERAGE),
                name="bot_leverage_1_to_125",
            ),
            models.CheckConstraint(
                condition=Q(initial_capital__gt=0), name="bot_initial_capital_positive"
            ),
            models.CheckConstraint(
                # A CHECK that evaluates to NULL passes, hence the explicit "not null".
                condition=Q(position_size_perc__isnull=False, position_size_perc__gt=0)
                | Q(position_size_fixed__isnull=False, position_size_fixed__gt=0),
                name="bot_has_a_position_size",
                violation_error_message="Set a position size, in percent or fixed.",
            ),
            models.CheckConstraint(
                condition=Q(position_type__in=PositionType.values), name="bot_position_type_known"
            ),
            models.CheckConstraint(
                condition=Q(direction=Directions.LONG.value)
                | Q(
                    direction__in=[each.value for each in Directions],
                    position_type=PositionType.FUTURES,
                ),
                name="bot_short_on_futures_only",
                violation_error_message="Spot bots can only go long.",
            ),
        ]
        # Read by the dispatcher every second.
        indexes = [
            models.Index(fields=["id"], condition=Q(is_active=True), name="bot_active"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.symbol} {self.timeframe})"

    def get_absolute_url(self) -> str:
        """Return the bot's page."""
        return reverse("bot-detail", args=[self.pk])

    @property
    def parameters(self) -> Parameters:
        """Return the settings that apply, custom values first."""
        trailing = _first(self.custom_trailing_stop, self.trailing_stop_perc)
        return Parameters(
            strategy=self.strategy,
            timeframe=self.timeframe,
            ema_fast=_first(self.custom_ema_fast, self.ema_fast),
            ema_slow=_first(self.custom_ema_slow, self.ema_slow),
            ema_period=self.ema_period,
            rsi_period=_first(self.custom_rsi_period, self.rsi_period),
            rsi_oversold=_first(self.custom_rsi_oversold, self.rsi_oversold),
            rsi_overbought=_first(self.custom_rsi_overbought, self.rsi_overbought),
            stop_loss_perc=_first(self.custom_stop_loss, self.stop_loss_perc),
            take_profit_perc=_first(self.custom_take_profit, self.take_profit_perc),
            trailing_stop_perc=trailing if self.trailing_stop_active else None,
            initial_capital=self.initial_capital,
            position_size_perc=self.position_size_perc,
            position_size_fixed=self.position_size_fixed,
            daily_target_perc=self.daily_target_perc,
            max_daily_loss_perc=self.max_daily_loss_perc,
            max_daily_trades=self.max_daily_trades,
            order_cooldown_seconds=self.order_cooldown_seconds,
            directions=Directions(self.direction),
            leverage=min(self.leverage, MAX_LEVERAGE_USED) if self.is_futures else 1,
            entry_slippage_perc=self.entry_slippage_perc,
            closes_at_daily_limit=self.close_at_daily_limit,
        )

    @property
    def is_futures(self) -> bool:
        """Say whether the bot trades USD-M futures."""
        return self.position_type == PositionType.FUTURES

    def clean(self) -> None:
        """Refuse what cannot work, naming each field.

        What only the venue knows (does it list the symbol?) is asked when the bot starts.
        """
        self.symbol = (self.symbol or "").upper().strip()
        fields = {field.name for field in self._meta.concrete_fields}
        problems = validate_parameters({name: getattr(self, name) for name in fields})
        problems |= self._what_the_market_does_not_allow(problems)
        if self.trailing_stop_active and not _first(
            self.custom_trailing_stop, self.trailing_stop_perc
        ):
            problems["trailing_stop_perc"] = "Set a distance, or switch the trailing stop off."
        if self.api_key is not None and self.api_key.owner_id != self.user_id:
            problems["api_key"] = "This key belongs to another user."
        problems |= self._changes_that_need_a_flat_bot()
        if self._name_is_taken():
            problems["name"] = "This user has a bot with this name."
        if problems:
            raise ValidationError(
                {
                    name if name in fields else NON_FIELD_ERRORS: text
                    for name, text in problems.items()
                }
            )

    def _what_the_market_does_not_allow(self, known: dict[str, str]) -> dict[str, str]:
        if not self.is_futures:
            if self.direction != Directions.LONG.value:
                return {"direction": "Spot bots can only go long; choose long, or futures."}
            return {}
        problems = {}
        if self.auto_transfer_funds and not self.transfer_amount:
            problems["transfer_amount"] = "Is required while money is transferred by itself."
        if not known.keys() & {"leverage", *_STOPS} and (late := self._stop_that_comes_too_late()):
            problems |= late
        return problems

    def _stop_that_comes_too_late(self) -> dict[str, str]:
        name = next((name for name in _STOPS if getattr(self, name) is not None), None)
        if name is None or (name in _TRAILING and not self.trailing_stop_active):
            return {}
        used = min(self.leverage, MAX_LEVERAGE_USED)
        room = furthest_stop_perc(used)
        if Decimal(getattr(self, name)) <= room:
            return {}
        return {
            name: f"At leverage {used} a position is liquidated about {plain(100 / Decimal(used))} "
            f"% away from its entry. Choose at most {plain(room)} %, or a lower leverage."
        }

    def _name_is_taken(self) -> bool:
        # Forms leave `deleted_at` out, and with it the check of the constraint that names it.
        others = BotConfig.objects.filter(
            user_id=self.user_id, name=self.name, deleted_at__isnull=True
        )
        return others.exclude(pk=self.pk).exists()

    def _changes_that_need_a_flat_bot(self) -> dict[str, str]:
        """Refuse to trade something else while a position or an open order belongs to the old."""
        before = (
            BotConfig.objects.filter(pk=self.pk).select_related("state", "api_key", "user").first()
        )
        if before is None or not before.is_engaged:
            return {}
        refusal = "Close the position first: it belongs to what the bot trades now."
        problems = {
            name: refusal
            for name in ("symbol", "position_type", "user")
            if getattr(before, name) != getattr(self, name)
        }
        if before.api_key != self.api_key and not self._opens_the_same_account():
            problems["api_key"] = f"{refusal} Another key to the same account may be chosen."
        return problems

    def _opens_the_same_account(self) -> bool:
        # A position must outlive its key: one that was revoked or lost is replaced by another.
        newest = self.orders.order_by("-id").values_list("account_id", flat=True).first()
        return self.api_key is not None and self.api_key.account_id == newest

    @property
    def is_engaged(self) -> bool:
        """Say whether the bot holds a position or has an order whose end is not known."""
        state = getattr(self, "state", None)
        holds = state is not None and state.in_position
        return holds or self.orders.filter(status__in=UNSETTLED).exists()


def _first(custom: Any, plain_value: Any) -> Any:
    return plain_value if custom is None else custom
