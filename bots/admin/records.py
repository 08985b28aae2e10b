"""What bots did, to be read. A hand edit of any of it would be a lie."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from bots.admin.amounts import in_short
from bots.models import BotEvent, BotState, Fill, Order, Tick, Trade


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Show rows and refuse to add, change or delete any."""

    actions: tuple[str, ...] | None = None
    list_per_page = 50

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns, amounts in short."""
        return in_short(self.model, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Return the fields of a row, amounts in short."""
        return in_short(self.model, super().get_fields(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows are written by the engine alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: rows say what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse: rows are kept."""
        return False


@admin.register(BotState)
class BotStateAdmin(ReadOnlyAdmin):
    """What each bot is doing now."""

    list_display = (
        "bot", "status", "in_position", "current_position_size_coins", "unrealized_pnl",
        "daily_pnl", "total_realized_pnl", "last_run_at", "last_error_message",
    )  # fmt: skip
    list_filter = ("state", "in_position", "bot__symbol")
    search_fields = ("bot__name", "bot__symbol", "bot__user__username", "last_error_message")
    list_select_related = ("bot",)
    date_hierarchy = "last_updated_at"


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Every instruction to a venue, with what was signed and what came of it."""

    list_display = (
        "client_order_id", "bot", "side", "symbol", "quantity", "status", "intent_reason",
        "filled_quantity", "closed_reason", "created_at",
    )  # fmt: skip
    list_filter = ("status", "side", "intent_reason", "source", "symbol")
    search_fields = ("client_order_id", "venue_order_id", "bot__name", "symbol")
    list_select_related = ("bot", "account")
    date_hierarchy = "created_at"


@admin.register(Fill)
class FillAdmin(ReadOnlyAdmin):
    """Every execution as the venue reported it."""

    list_display = (
        "trade_id", "bot", "side", "symbol", "price", "quantity", "commission",
        "commission_asset", "market_time", "created_at",
    )  # fmt: skip
    list_filter = ("side", "symbol", "commission_asset")
    search_fields = ("trade_id", "order__client_order_id", "bot__name", "symbol")
    list_select_related = ("bot", "order", "account")
    date_hierarchy = "created_at"


@admin.register(Trade)
class TradeAdmin(ReadOnlyAdmin):
    """Filled orders as people read them."""

    list_display = (
        "bot", "user", "side", "symbol", "price", "quantity_filled", "realized_pnl", "reason",
        "market_time", "created_at",
    )  # fmt: skip
    list_filter = ("side", "reason", "symbol")
    search_fields = ("binance_order_id", "order__client_order_id", "bot__name", "user__username")
    list_select_related = ("bot", "user", "order")
    date_hierarchy = "created_at"


@admin.register(Tick)
class TickAdmin(ReadOnlyAdmin):
    """What every tick read and decided."""

    list_display = (
        "bot",
        "market_time",
        "status",
        "sentence",
        "has_orders",
        "duration_ms",
        "started_at",
    )
    list_filter = ("has_orders", "status", "bot__symbol")
    search_fields = ("bot__name", "sentence", "error")
    list_select_related = ("bot",)
    date_hierarchy = "started_at"
    show_full_result_count = False  # counting millions of rows takes longer than reading a page
    fields = (
        "bot", "slot", "market_time", "started_at", "duration_ms", "status", "sentence", "error",
        "has_orders", "pretty_decision", "pretty_inputs",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tick]:
        """Leave the bulky columns in the database where they are not shown."""
        ticks: QuerySet[Tick] = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and match.url_name == "bots_tick_changelist"
        return ticks.defer("inputs", "decision") if is_list else ticks

    @admin.display(description="decision")
    def pretty_decision(self, tick: Tick) -> SafeString:
        """Return the outcome, indented."""
        return _pretty(tick.decision)

    @admin.display(description="inputs")
    def pretty_inputs(self, tick: Tick) -> SafeString:
        """Return the snapshot, indented."""
        return _pretty(tick.inputs)


@admin.register(BotEvent)
class BotEventAdmin(ReadOnlyAdmin):
    """The append-only journal."""

    list_display = ("created_at", "bot", "kind", "message", "actor")
    list_filter = ("kind", "bot__symbol")
    search_fields = ("bot__name", "message", "actor__username")
    list_select_related = ("bot", "actor")
    date_hierarchy = "created_at"
    fields = ("bot", "kind", "actor", "message", "pretty_data", "created_at")

    @admin.display(description="data")
    def pretty_data(self, event: BotEvent) -> SafeString:
        """Return the details, indented."""
        return _pretty(event.data)


def _pretty(data: Any) -> SafeString:
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="whitespace-pre-wrap text-xs">{}</pre>', text)
