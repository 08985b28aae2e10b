"""What holds bots back and what needs a person: halts, locks, incidents, and funding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.models import User
from bots.admin.records import ReadOnlyAdmin
from bots.domain.halting import HaltLevel
from bots.locks import HaltScope
from bots.models import EntryLock, FundingPayment, Halt, HaltChange, Incident
from bots.selectors.access import may_halt_everything
from bots.services import (
    BotError,
    adopt_incident,
    dismiss_incident,
    lift_halt,
    lift_lock,
    set_halt,
)


def may_settle(request: HttpRequest) -> bool:
    """Say whether the operator may settle what needs a person."""
    return cast(User, request.user).has_perm("bots.change_botconfig")


class HaltForm(ModelForm):  # type: ignore[type-arg]  # generic for the checker alone
    """Turn a switch: of an account, of a bot, or with neither of both of the whole installation."""

    class Meta:
        help_texts: ClassVar[dict[str, str]] = {
            "account": "Every bot of this account. Leave both empty to halt everything.",
            "bot": "This bot alone.",
            "level": "entries: no position is opened. everything: the bots' own exits and moves of "
            "stops wait too; stops at the venue stay, and people may still close.",
            "reason": "Whoever lifts it has to know why it was set.",
        }

    def _get_validation_exclusions(self) -> set[str]:
        # One row per scope: the service takes the one that is there already.
        taken: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return {*taken, "account", "bot"}

    def clean(self) -> dict[str, Any]:
        """Name what is missing or contradicts itself."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self._validate_unique = False
        if values.get("account") and values.get("bot"):
            raise ValidationError("Choose an account or a bot, not both.")
        if values.get("level") == HaltLevel.NONE:
            self.add_error("level", "Choose what to halt. A halt is lifted in the list.")
        if not (values.get("reason") or "").strip():
            self.add_error("reason", "Say why.")
        return values


@admin.register(Halt)
class HaltAdmin(ReadOnlyAdmin):
    """The persisted kill switches: add one to halt, lift those that are chosen."""

    form = HaltForm
    list_display = ("of", "level", "reason", "set_by", "set_at")
    list_filter = ("level",)
    search_fields = ("bot__name", "account__uid", "reason")
    list_select_related = ("account", "bot", "set_by")
    actions = ("lift_selected",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Return what a person decides, and of a row also who did and when."""
        chosen = ["account", "bot", "level", "reason"]
        return chosen if obj is None else [*chosen, "set_by", "set_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let those who may halt the installation add a halt."""
        return may_halt_everything(cast(User, request.user))

    def has_lift_permission(self, request: HttpRequest) -> bool:
        """Let the same people lift one."""
        return self.has_add_permission(request)

    def save_model(
        self,
        request: HttpRequest,
        obj: Halt,
        form: ModelForm[Halt],
        change: bool,  # noqa: FBT001  # Django's signature
    ) -> None:
        """Set it through the service, which waits for what is being sent this moment."""
        scope = HaltScope(account_id=obj.account_id, bot_id=obj.bot_id)
        actor = cast(User, request.user)
        level = HaltLevel(obj.level)
        obj.pk = set_halt(scope=scope, level=level, reason=obj.reason, actor=actor).pk

    @admin.display(description="of", ordering="bot__name")
    def of(self, halt: Halt) -> str:
        """Return what it stops, by name."""
        if halt.bot is not None:
            return f"bot {halt.bot.name}"
        return str(halt.account) if halt.account is not None else "everything"

    @admin.action(description="Lift selected halts", permissions=("lift",))
    def lift_selected(self, request: HttpRequest, queryset: QuerySet[Halt]) -> None:
        """Let orders be sent again."""
        for halt in queryset:
            scope = HaltScope(account_id=halt.account_id, bot_id=halt.bot_id)
            lift_halt(scope=scope, actor=cast(User, request.user))
            self.message_user(request, f"Lifted: {self.of(halt)}.", messages.SUCCESS)


@admin.register(HaltChange)
class HaltChangeAdmin(ReadOnlyAdmin):
    """Which switch was turned when, by whom and why."""

    list_display = ("created_at", "halt", "level_before", "level", "reason", "actor")
    list_filter = ("level",)
    search_fields = ("halt__bot__name", "halt__account__uid", "reason", "actor__username")
    list_select_related = ("halt", "actor")
    date_hierarchy = "created_at"


@admin.register(EntryLock)
class EntryLockAdmin(ReadOnlyAdmin):
    """Times in which a bot opens no position."""

    list_display = ("bot", "kind", "reason", "starts_at", "ends_at", "lifted_at", "lifted_by")
    list_filter = ("kind", "bot__symbol")
    search_fields = ("bot__name", "reason")
    list_select_related = ("bot", "lifted_by")
    date_hierarchy = "created_at"
    actions = ("lift_selected",)

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Let those lift locks who may change bots."""
        return may_settle(request)

    @admin.action(description="Lift selected locks", permissions=("settle",))
    def lift_selected(self, request: HttpRequest, queryset: QuerySet[EntryLock]) -> None:
        """Let the bots open positions again; the same cause locks no more."""
        for lock in queryset:
            lift_lock(lock.pk, actor=cast(User, request.user))
        self.message_user(request, f"{len(queryset)} lifted.", messages.SUCCESS)


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """What does not fit and only a person can settle."""

    list_display = ("opened_at", "bot", "kind", "message", "is_blocking", "resolution", "closed_by")
    list_filter = ("resolution", "kind", "is_blocking", "bot__symbol")
    search_fields = ("bot__name", "message", "key", "note")
    list_select_related = ("bot", "account", "closed_by")
    date_hierarchy = "opened_at"
    actions = ("adopt_selected", "dismiss_selected")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Let those settle incidents who may change bots."""
        return may_settle(request)

    @admin.action(description="Adopt: give it to the bot", permissions=("settle",))
    def adopt_selected(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        """Make what was found the bot's own."""
        self._each(request, queryset, adopt_incident, done="adopted")

    @admin.action(description="Dismiss: none of the bot's business", permissions=("settle",))
    def dismiss_selected(self, request: HttpRequest, queryset: QuerySet[Incident]) -> None:
        """Close what was found; the same thing is not raised again."""

        def dismiss(incident_id: int, *, actor: User | None) -> object:
            return dismiss_incident(incident_id, actor=actor, note="dismissed in the admin")

        self._each(request, queryset, dismiss, done="dismissed")

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Incident],
        act: Callable[..., object],
        *,
        done: str,
    ) -> None:
        for incident in queryset:
            try:
                act(incident.pk, actor=cast(User, request.user))
            except BotError as error:
                words = f"{incident.bot.name}, {incident.get_kind_display()}: {error}"
                self.message_user(request, words, messages.ERROR)
            else:
                words = f"{incident.bot.name}, {incident.get_kind_display()}: {done}."
                self.message_user(request, words, messages.SUCCESS)


@admin.register(FundingPayment)
class FundingPaymentAdmin(ReadOnlyAdmin):
    """Funding that positions on futures paid or received."""

    list_display = ("bot", "symbol", "amount", "asset", "transaction_id", "market_time")
    list_filter = ("symbol", "asset")
    search_fields = ("bot__name", "symbol", "transaction_id")
    list_select_related = ("bot", "account")
    date_hierarchy = "created_at"
