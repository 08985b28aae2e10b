"""What a bot is doing: a projection that can be rebuilt from orders, fills and the venue."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bots.domain.direction import Direction
from bots.domain.status import Reason, State, Status
from bots.models.bot import BotConfig
from bots.models.fields import amount
from exchange.domain.types import Environment


class BotState(models.Model):
    """One row per bot; its row lock is the lock of the bot's ticks.

    Written on the connection that holds the lock, never on the journal's.
    """

    bot = models.OneToOneField(
        BotConfig, primary_key=True, on_delete=models.CASCADE, related_name="state"
    )
    status = models.CharField(max_length=64, default=State.STOPPED.value)
    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in State], default=State.STOPPED.value
    )
    reason = models.CharField(max_length=40, blank=True, default="")
    last_error_message = models.TextField(blank=True, default="")
    last_sentence = models.TextField(blank=True, default="")  # why it did or did not trade

    in_position = models.BooleanField(default=False)
    direction = models.CharField(
        max_length=5,
        choices=[(each.value, each.value) for each in Direction],
        default=Direction.LONG.value,
    )
    entry_price = amount(null=True, blank=True)
    current_position_size_coins = amount(default=Decimal(0))
    position_cost = amount(default=Decimal(0))  # quote paid for what is held, fees included
    position_opened_at = models.DateTimeField(null=True, blank=True)  # market time
    trailing_stop_price = amount(null=True, blank=True)
    max_price_since_entry = amount(null=True, blank=True)
    min_price_since_entry = amount(null=True, blank=True)
    take_profit_price = amount(null=True, blank=True)
    stop_loss_price = amount(null=True, blank=True)
    last_price = amount(null=True, blank=True)
    unrealized_pnl = amount(default=Decimal(0))
    total_realized_pnl = amount(default=Decimal(0))  # net of fees and funding
    total_funding = amount(default=Decimal(0))  # futures; positive: received
    mark_price = amount(null=True, blank=True)  # futures
    liquidation_price = amount(null=True, blank=True)  # futures, as the venue reports it
    # Books are folded anew when there are newer fills, or when the bot trades something else now.
    last_folded_fill_id = models.BigIntegerField(default=0)
    last_folded_funding_id = models.BigIntegerField(default=0)
    funding_read_until = models.DateTimeField(null=True, blank=True)  # market time
    folded_for = models.CharField(max_length=120, blank=True, default="")
    # Symbol and its status at the venue while no position may be opened in it; empty when well.
    symbol_trouble = models.CharField(max_length=64, blank=True, default="")
    # Of a futures bot: what the venue said before the last entry, whatever was configured.
    leverage_reported = models.PositiveSmallIntegerField(null=True, blank=True)

    # Stops at the venue. Wall time and seconds of it, of the position that is held.
    unprotected_since = models.DateTimeField(null=True, blank=True)
    unprotected_reason = models.TextField(blank=True, default="")
    unprotected_seconds = amount(default=Decimal(0))  # before `unprotected_since`
    stop_failures = models.PositiveIntegerField(default=0)  # in a row
    resting_stop_price = amount(null=True, blank=True)
    resting_target_price = amount(null=True, blank=True)
    # Entry and settings that they were placed for: only another one may loosen a stop.
    stop_basis = models.CharField(max_length=160, blank=True, default="")

    # A person, a webhook or an emergency wants the position closed; the next tick does it.
    close_requested_at = models.DateTimeField(null=True, blank=True)  # wall time
    close_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    close_source = models.CharField(max_length=1, blank=True, default="")
    close_reason = models.TextField(blank=True, default="")

    # Settings that the open position was entered with and that wait for the next entry.
    entry_settings = models.JSONField(default=dict, blank=True)

    trading_day = models.DateField(null=True, blank=True)  # UTC day of market time
    day_start_equity = amount(null=True, blank=True)
    # Realized and unrealized at the start of the day; what today's profit is counted from, so that
    # an edit of the capital is none.
    day_start_pnl = amount(null=True, blank=True)
    daily_pnl = amount(default=Decimal(0))
    daily_trades_count = models.PositiveIntegerField(default=0)
    daily_limit_reason = models.CharField(max_length=40, blank=True, default="")  # until the roll

    # Market time. Null means due at once.
    next_due_at = models.DateTimeField(null=True, blank=True)
    claimed_slot = models.BigIntegerField(default=0)
    last_seen_kline = models.DateTimeField(null=True, blank=True)
    last_market_time = models.DateTimeField(null=True, blank=True)
    last_order_time = models.DateTimeField(null=True, blank=True)
    last_entry_time = models.DateTimeField(null=True, blank=True)
    last_close_time = models.DateTimeField(null=True, blank=True)
    # Wall time.
    claimed_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    foreign_checked_at = models.DateTimeField(null=True, blank=True)
    # What the last look at the account found: until when it agreed (market time), what it suspects.
    account_look = models.JSONField(default=dict, blank=True)
    market_moved_at = models.DateTimeField(null=True, blank=True)  # when market time last moved on
    last_updated_at = models.DateTimeField(auto_now=True)

    sequence = models.BigIntegerField(default=0)  # of the frames sent to pages; only rises

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in State]), name="state_known"
            ),
            models.CheckConstraint(
                condition=Q(current_position_size_coins__gte=0), name="state_position_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(in_position=False)
                | Q(entry_price__isnull=False, current_position_size_coins__gt=0),
                name="state_position_has_price_and_size",
            ),
        ]
        # Read by the dispatcher every second: bots that wait longest come first.
        indexes = [models.Index(F("next_due_at").asc(nulls_first=True), name="state_due")]

    def __str__(self) -> str:
        return f"{self.bot_id}: {self.status}"

    def show(self, status: Status, environment: Environment) -> None:
        """Set status, state and reason together; they never disagree."""
        self.status = status.words(environment)
        self.state = status.state.value
        self.reason = status.reason.value

    @property
    def current(self) -> Status:
        """Return state and reason as a value."""
        return Status(State(self.state), Reason(self.reason))
