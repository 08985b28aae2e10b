"""Transfers in the admin, to be read. The venue can be asked what became of one."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from exchange.admin import transfer_words as words
from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import GatewayError
from exchange.models import ExchangeAccount, Transfer, plain_amount
from exchange.registry import ClientInitError
from exchange.transfers import reconcile_transfers

PER_PAGE = 10
ASK_BUTTON = "exchange_transfer_ask_about_this"  # as unfold names the button of the method


class _ReadOnly:
    """Refuse to add, change or delete: rows say what happened. Columns of two lines."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("css/admin.css",)}

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
    def amount_in_short(self, transfer: Transfer) -> SafeString:
        """Return the amount without the zeros of the column, and which way it goes."""
        amount = words.figure(f"{plain_amount(transfer.amount)} {transfer.asset}")
        return words.cell(amount, transfer.get_direction_display(), css="tb-amount")

    @admin.display(description="what came of it", ordering="status")
    def what_came_of_it(self, transfer: Transfer) -> SafeString:
        """Return the status and the reason for it."""
        return words.cell(words.chip(transfer), words.reason(transfer), css="tb-outcome")

    @admin.display(description="asked for", ordering="created_at")
    def asked_for(self, transfer: Transfer) -> SafeString:
        """Return when it was asked for, by whom and what for."""
        who = f"by {transfer.requested_by}" if transfer.requested_by else ""
        note = " · ".join(part for part in (who, transfer.purpose) if part)
        return words.cell(words.figure(words.time_text(transfer.created_at)), note)

    @admin.display(description="settled", ordering="settled_at")
    def settled(self, transfer: Transfer) -> SafeString:
        """Return when its end was known, and the venue's number of it."""
        number = f"number {transfer.transaction_id}" if transfer.transaction_id else ""
        when = words.time_text(transfer.settled_at) if transfer.settled_at else "not yet"
        return words.cell(words.figure(when), number)


class TransferInline(_ReadOnly, TabularInline):  # type: ignore[misc]  # unfold ships no types
    """The transfers of an account, newest first."""

    model = Transfer
    fields = ("amount_in_short", "what_came_of_it", "asked_for", "settled")
    readonly_fields = fields
    per_page = PER_PAGE
    extra = 0
    show_change_link = True


@admin.register(Transfer)
class TransferAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Every wish to move money between wallets, and what came of it."""

    list_display = ("id", "amount_in_short", "what_came_of_it", "of_account", "asked_and_settled")
    list_filter = ("status", "direction", "asset", "account__environment")
    search_fields = ("transaction_id", "purpose", "message", "account__uid")
    list_select_related = ("account", "requested_by")
    date_hierarchy = "created_at"
    list_per_page = 50
    fieldsets = (
        (None, {"fields": ("what_came_of_it", "way_on", "amount_in_short", "account")}),
        ("Who and when", {"fields": ("asked_for", "settled", "signing_time")}),
        (
            "What the venue has shown",
            {"classes": ("collapse",), "fields": ("seen_at_the_venue", "updated_at")},
        ),
    )
    readonly_fields = (
        *("what_came_of_it", "way_on", "amount_in_short", "account"),
        *("asked_for", "settled", "signing_time", "seen_at_the_venue", "updated_at"),
    )
    actions = ("ask_the_venue",)
    # A button of the form: a link would ask the venue on GET.
    actions_submit_line = ("ask_about_this",)

    @admin.display(description="account", ordering="account__uid")
    def of_account(self, transfer: Transfer) -> SafeString:
        """Return where the account is, and its number."""
        account = transfer.account
        return words.cell(account.get_environment_display(), words.unbroken(account.uid))

    @admin.display(description="asked for, settled", ordering="created_at")
    def asked_and_settled(self, transfer: Transfer) -> SafeString:
        """Return both times in one column, so that the list fits a small screen."""
        when = transfer.settled_at
        end = f"settled {words.time_text(when)}" if when else "not settled yet"
        return words.cell(self.asked_for(transfer), words.unbroken(end))

    @admin.display(description="what to do")
    def way_on(self, transfer: Transfer) -> SafeString:
        """Return what a person can do about one that is not settled."""
        return words.way_on(transfer)

    @admin.display(description="signing time")
    def signing_time(self, transfer: Transfer) -> str:
        """Return the time in what was signed, or would have been."""
        return words.signing_text(transfer)

    @admin.display(description="evidence", empty_value="nothing")
    def seen_at_the_venue(self, transfer: Transfer) -> SafeString | None:
        """Return the evidence in sentences."""
        lines = words.evidence_lines(transfer)
        return words.lines_html(lines) if lines else None

    def get_fieldsets(self, request: HttpRequest, obj: Transfer | None = None) -> Any:
        """Leave out what to do where there is nothing to do."""
        (title, first), *others = super().get_fieldsets(request, obj)
        if obj is None or obj.is_unsettled:
            return [(title, first), *others]
        fields = [name for name in first["fields"] if name != "way_on"]
        return [(title, first | {"fields": fields}), *others]

    def get_actions_submit_line(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer to ask about what is not settled."""
        transfer = self.get_object(request, unquote(str(object_id)))
        if transfer is None or not transfer.is_unsettled:
            return []
        buttons: list[Any] = super().get_actions_submit_line(request, object_id)
        return buttons

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the transfer; ask about it when its button was pressed. Nothing else is changed."""
        if request.method != "POST" or ASK_BUTTON not in request.POST:
            page: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
            return page
        transfer = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, transfer):
            raise PermissionDenied
        if transfer is None:
            raise Http404
        self.ask_about_this(request, transfer)
        return HttpResponseRedirect(request.get_full_path())

    @action(description=words.ASK, permissions=("view",))  # type: ignore[untyped-decorator]
    def ask_about_this(self, request: HttpRequest, obj: Transfer) -> None:
        """Reconcile the account of the page's transfer; sends nothing but questions."""
        self._ask_about(request, obj.account)

    @admin.action(
        description=f"{words.ASK} (all unsettled ones of the account)",
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
            text = f"{account}: the venue could not be asked. {error}"
            self.message_user(request, text, messages.ERROR)
        else:
            self._tell(request, account, found)

    def _tell(self, request: HttpRequest, account: ExchangeAccount, found: list[Transfer]) -> None:
        if not found:
            self.message_user(request, f"{account}: every transfer is settled.", messages.SUCCESS)
        for transfer in found:
            text = f"{transfer}. {transfer.message}"
            if words.may_be_several(transfer):
                text = f"{text} Settle it by: {words.decide_command(transfer)}"
            self.message_user(request, text, words.level_of(transfer))
