"""A bot's settings. Starting and stopping go through the services, never through a tick box."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Final, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Field, ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import User
from bots.models import BotConfig
from bots.models.fields import plain
from bots.selectors.bot_view import BotView
from bots.services import BotError, create_bot, start_bot, stop_bot, update_bot

NOT_YET: Final = "Bots on futures are not part of this version yet"


class BotConfigForm(ModelForm):  # type: ignore[type-arg]  # generic for the checker alone
    """Write amounts as people do: 1000, not 1000.000000000000000000."""

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "position_type": f"{NOT_YET}: only Spot can be saved.",
            "leverage": f"{NOT_YET}: a bot on spot ignores it.",
            "transfer_amount": f"{NOT_YET}: nothing is transferred.",
            "auto_transfer_funds": f"{NOT_YET}: nothing is transferred.",
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
    readonly_fields = ("is_active", "status", "created_at", "updated_at")
    actions = ("start_selected", "stop_selected")
    fieldsets = (
        (None, {"fields": ("user", "name", ("is_active", "status"))}),
        (
            "What it trades",
            {
                "fields": (
                    ("symbol", "timeframe"),
                    ("api_key", "position_type"),
                    ("strategy", "check_interval_seconds"),
                    "leverage",
                )
            },
        ),
        (
            "Money",
            {
                "fields": (
                    "initial_capital",
                    ("position_size_perc", "position_size_fixed"),
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
        """Leave the secrets of the keys in the database."""
        bots: QuerySet[BotConfig] = super().get_queryset(request)
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

    @admin.action(description="Start selected bots", permissions=("change",))
    def start_selected(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Start each bot, and say for each that cannot start why."""
        started = 0
        for bot in queryset:
            try:
                start_bot(bot_id=bot.pk, actor=_actor(request))
            except BotError as error:
                self.message_user(request, f"{bot.name} did not start: {error}", messages.ERROR)
            else:
                started += 1
        if started:
            self.message_user(request, f"{started} started.", messages.SUCCESS)

    @admin.action(description="Stop selected bots", permissions=("change",))
    def stop_selected(self, request: HttpRequest, queryset: QuerySet[BotConfig]) -> None:
        """Stop each bot; positions are kept."""
        bots = list(queryset)
        for bot in bots:
            stop_bot(bot_id=bot.pk, actor=_actor(request))
        self.message_user(request, f"{len(bots)} stopped. Positions are kept.", messages.SUCCESS)


def _actor(request: HttpRequest) -> User:
    return cast(User, request.user)
