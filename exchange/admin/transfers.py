"""Transfers in the admin, to be read. The venue can be asked what became of one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.models import ExchangeAccount, Transfer, plain_amount
from exchange.registry import ClientInitError
from exchange.transfers import reconcile_transfers

PER_PAGE = 10


class _ReadOnly:
    """Refuse to add, change or delete: rows say what happened."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: money is moved by bots and by `transfer_funds`."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows say what happened."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a transfer that is forgotten may be made twice."""
        return False

    @admin.display(description="amount", ordering="amount")
    def amount_in_short(self, transfer: Transfer) -> str:
        """Return the amount without the zeros of the column."""
        return f"{plain_amount(transfer.amount)} {transfer.asset}"


class TransferInline(_ReadOnly, TabularInline):  # type: ignore[misc]  # unfold ships no types
    """The transfers of an account, newest first."""

    model = Transfer
    fields = ("direction", "amount_in_short", "status", "transaction_id", "created_at")
    readonly_fields = fields
    per_page = PER_PAGE
    extra = 0
    show_change_link = True


@admin.register(Transfer)
class TransferAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Every wish to move money between wallets, and what came of it."""

    list_display = (
        *("id", "account", "direction", "amount_in_short", "status", "transaction_id"),
        *("requested_by", "purpose", "created_at", "settled_at"),
    )
    list_filter = ("status", "direction", "asset", "account__environment")
    search_fields = ("transaction_id", "purpose", "message", "account__uid")
    list_select_related = ("account", "requested_by")
    date_hierarchy = "created_at"
    list_per_page = 50
    fields = (
        *("account", "direction", "amount_in_short", "status", "message", "transaction_id"),
        *("purpose", "requested_by", "signed_at_ms", "recv_window_ms", "looks", "evidence"),
        *("created_at", "updated_at", "settled_at"),
    )
    readonly_fields = fields
    actions = ("ask_the_venue",)

    @admin.action(
        description="Ask the venue what became of it (all unsettled ones of the account)",
        permissions=("view",),
    )
    def ask_the_venue(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> None:
        """Reconcile the accounts of the chosen transfers; sends nothing but questions."""
        accounts = ExchangeAccount.objects.filter(transfers__in=queryset).distinct()
        for account in accounts:
            self._ask_about(request, account)

    def _ask_about(self, request: HttpRequest, account: ExchangeAccount) -> None:
        try:
            with asking_for(Priority.PAGE):  # bots come first
                found = reconcile_transfers(account)
        except ValidationError as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
        except (GatewayError, ClientInitError, CredentialsDecryptError) as error:
            words = f"{account}: the venue could not be asked. {error}"
            self.message_user(request, words, messages.ERROR)
        else:
            self._tell(request, account, found)

    def _tell(self, request: HttpRequest, account: ExchangeAccount, found: list[Transfer]) -> None:
        if not found:
            self.message_user(request, f"{account}: every transfer is settled.", messages.SUCCESS)
        for transfer in found:
            level = messages.WARNING if transfer.is_unsettled else messages.SUCCESS
            self.message_user(request, f"{transfer}. {transfer.message}", level)
