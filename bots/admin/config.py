"""A bot's settings. Starting and stopping go through the services, never through a tick box."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Field, ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import User
from bots.domain.halting import HaltLevel
from bots.locks import HaltScope
from bots.models import BotConfig
from bots.models.fields import plain
from bots.selectors.access import may_halt_everything
from bots.selectors.bot_view import BotView
from bots.services import (
    BotError,
    close_position,
    create_bot,
    delete_bot,
    lift_halt,
    set_halt,
    start_bot,
    stop_bot,
    update_bot,
    when_it_applies,
)


class BotConfigForm(ModelForm):  # type: ignore[type-arg]  # generic for the checker alone
    """Write amounts as people do: 1000, not 1000.000000000000000000."""

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "position_type": "On futures a size is margin: what is traded is size × leverage.",
            "leverage": "1 to 125, of which at most 50 is used. A bot on spot ignores it.",
            "stop_loss_perc": "On futures it has to end a position before the venue does: at most "
            "100 / leverage, less half a percent.",
            "transfer_amount": "What the futures wallet is filled up to when the bot starts.",
            "auto_transfer_funds": "Futures: move what is missing from the spot wallet at start.",
        }

    def get_initial_for_field(self, field: Field, field_name: str) -> Any:
        """Return the shortest notation of a number."""
        value = super().get_initial_for_field(field, field_name)
        return plain(value) if isinstance(value, Decimal) else value


@admin.register(BotConfig)
class BotConfigAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Make and edit bots; the model's `clean` names every field that cannot work."""

    form = BotConfigForm
    list_display = (
        "name", "user", "symbol", "timeframe", "strategy", "environment", "status", "is_active",
    )  # fmt: skip
    list_filter = ("is_active", "state__state", "api_key__environment", "timeframe", "symbol")
    search_fields = ("name", "symbol", "user__username", "user__email")
    list_select_related = ("user", "api_key", "state")
    date_hierarchy = "created_at"
    readonly_fields = (
        *("is_active", "status", "what_a_position_comes_to", "what_waits"),
        *("created_at", "updated_at"),
    )
    actions = (
        *("start_selected", "stop_selected", "close_selected", "delete_selected_bots"),
        *("halt_entries", "halt_everything", "lift_halts"),
    )
    fieldsets = (
        (None, {"fields": ("user", "name", ("is_active", "status"), "what_waits")}),
        (
            "What it trades",
            {
                "fields": (
                    ("symbol", "timeframe"),
                    ("api_key", "position_type"),
                    ("strategy", "check_interval_seconds"),
                    ("direction", "leverage"),
                )
            },
        ),
        (
            "Money",
            {
                "fields": (
                    "initial_capital",
                    ("position_size_perc", "position_size_fixed"),
                    "what_a_position_comes_to",
                    "entry_slippage_perc",
                    ("transfer_amount", "auto_transfer_funds"),
                )
            },
        ),
        (
            "Exits",
            {
                "description": "Distances of price from the average entry, in percent.",
                "fields": (
                    ("stop_loss_perc", "take_profit_perc"),
                    ("trailing_stop_active", "trailing_stop_perc"),
                    "unprotected_policy",
                ),
            },
        ),
        (
            "Limits of a day",
            {
                "description": "The day is the UTC day of market time.",
                "fields": (
                    ("daily_target_perc", "max_daily_loss_perc"),
                    ("max_daily_trades", "order_cooldown_seconds"),
                    "close_at_daily_limit",
                ),
            },
        ),
        (
            "Locks",
            {
                "description": "What keeps the bot from entries for a while. Exits never wait.",
                "fields": (
                    ("stop_loss_guard_count", "stop_loss_guard_minutes"),
                    "stop_loss_guard_lock_minutes",
                    ("max_drawdown_perc", "max_drawdown_minutes"),
                    "max_drawdown_lock_minutes",
                    ("exchange_error_count", "exchange_error_minutes"),
                    "exchange_error_lock_minutes",
                    "stale_data_seconds",
                ),
            },
        ),
        (
            "Strategy",
            {
                "fields": (
                    ("ema_fast", "ema_slow"),
                    ("ema_period", "rsi_period"),
                    ("rsi_oversold", "rsi_overbought"),
                )
            },
        ),
        (
            "Custom values",
            {
                # Never folded up: a folded group would hide its errors and what it overrides.
                "description": "A custom value, when set, overrides the plain one.",
                "fields": (
                    ("custom_ema_fast", "custom_ema_slow"),
                    ("custom_rsi_oversold", "custom_rsi_overbought"),
                    ("custom_rsi_period", "custom_stop_loss"),
                    ("custom_take_profit", "custom_trailing_stop"),
                ),
            },
        ),
        ("Dates", {"classes": ("collapse",), "fields": (("created_at", "updated_at"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BotConfig]:
        """Leave out deleted bots, and the secrets of the keys in the database."""
        bots: QuerySet[BotConfig] = super().get_queryset(request).filter(deleted_at=None)
        return bots.select_related("user", "api_key", "state").defer(
            "api_key__encrypted_key", "api_key__encrypted_secret"
        )

    def has_delete_permission(self, request: HttpRequest, obj: BotConfig | None = None) -> bool:
        """Refuse: a bot's history stays, and so does the bot."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: BotConfig,
        form: ModelForm[BotConfig],
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """Create through the service, so that the bot gets its state and its first journal line."""
        if change:
            update_bot(obj, changed=form.changed_data, actor=_actor(request))
            if words := when_it_applies(obj, form.changed_data):
                self.message_user(request, f"{words} The rest applies now.", messages.WARNING)
        else:
            create_bot(obj, actor=_actor(request))

    @admin.display(description="environment", ordering="api_key__environment")
    def environment(self, bot: BotConfig) -> str:
        """Return where the bot trades."""
        return bot.api_key.get_environment_display() if bot.api_key else "no key"

    @admin.display(description="status", ordering="state__status")
    def status(self, bot: BotConfig) -> str:
        """Return the exact words of the status."""
        return BotView(bot).state.status if bot.pk else "stopped"

    @admin.display(description="a position comes to")
    def what_a_position_comes_to(self, bot: BotConfig) -> str:
        """Return margin, notional and how far away the liquidation is; a dash on spot."""
        estimate = BotView(bot).estimate if bot.pk else None
        if estimate is None:
            return "-"
        return (
            f"margin {plain(estimate.margin)} × {estimate.leverage} = "
            f"notional {plain(estimate.notional)}, liquidated about "
            f"{plain(estimate.liquidation_distance)} % away from the entry"
        )

    @admin.display(description="not in force yet")
    def what_waits(self, bot: BotConfig) -> str:
        """Return the edits that wait for the next entry or for the venue; a dash without any."""
        if not bot.pk:
            return "-"
        view = BotView(bot)
        lines = [
            f"waits for the next entry: {edit.name} {edit.in_force} → {edit.wanted}"
            for edit in view.waiting_edits
        ]
        lines += [
            f"pending at the venue: {edit.name} {edit.in_force} → {edit.wanted}"
            for edit in view.unplaced_levels
        ]
        return "; ".join(lines) or "-"

    @admin.action(description="Start selected bots", permissions=("change",))
    def start_selected(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Start each bot, and say for each that cannot start why."""
        self._each(request, queryset, start_bot, done="started.", failed="did not start")

    @admin.action(description="Stop selected bots, keep their positions", permissions=("change",))
    def stop_selected(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Stop each bot; positions are kept."""
        self._each(
            request, queryset, stop_bot, done="stopped. Positions are kept.", failed="did not stop"
        )

    @admin.action(description="Close the positions of selected bots", permissions=("change",))
    def close_selected(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Ask for each position to be closed at the market."""
        self._each(
            request,
            queryset,
            close_position,
            done="asked to close at the market.",
            failed="is not closed",
        )

    @admin.action(description="Delete selected bots", permissions=("change",))
    def delete_selected_bots(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Delete each bot that is stopped and flat."""
        self._each(request, queryset, delete_bot, done="deleted.", failed="is not deleted")

    @admin.action(description="Halt entries of selected bots", permissions=("halt",))
    def halt_entries(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Let no position be opened any more."""
        self._halt(request, queryset, HaltLevel.ENTRIES)

    @admin.action(
        description="Halt everything of selected bots but stops at the venue",
        permissions=("halt",),
    )
    def halt_everything(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Let no order be sent but stops and a person's closes."""
        self._halt(request, queryset, HaltLevel.EVERYTHING)

    @admin.action(description="Lift the halts of selected bots", permissions=("halt",))
    def lift_halts(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Lift each bot's own halt; those of its account and of all stay."""

        def lift(*, bot_id: int, actor: User | None) -> object:
            return lift_halt(scope=HaltScope(bot_id=bot_id), actor=actor)

        self._each(request, queryset, lift, done="free of a halt of their own.", failed="is halted")

    def has_halt_permission(self, request: HttpRequest) -> bool:
        """Say whether the operator may turn the kill switches."""
        return may_halt_everything(_actor(request))

    def _halt(self, request: HttpRequest, queryset: QuerySet[BotConfig], level: HaltLevel) -> None:
        def halt(*, bot_id: int, actor: User | None) -> object:
            reason = "set by the operator in the admin"
            scope = HaltScope(bot_id=bot_id)
            return set_halt(scope=scope, level=level, reason=reason, actor=actor)

        self._each(request, queryset, halt, done="halted.", failed="is not halted")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[BotConfig],
        act: Callable[..., object],
        *,
        done: str,
        failed: str,
    ) -> None:
        """Act on each bot, and say for each with which it did not work why."""
        worked = 0
        for bot in queryset:
            try:
                act(bot_id=bot.pk, actor=_actor(request))
            except BotError as error:
                self.message_user(request, f"{bot.name} {failed}: {error}", messages.ERROR)
            else:
                worked += 1
        if worked:
            self.message_user(request, f"{worked} {done}", messages.SUCCESS)


def _actor(request: HttpRequest) -> User:
    return cast(User, request.user)
