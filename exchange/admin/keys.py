"""Accounts and keys in the admin. What a hand edit would turn into a lie is read-only."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.forms import AdminForm
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from exchange.admin.transfers import TransferInline
from exchange.forms import AddAPIKeyForm
from exchange.models import APIKey, ExchangeAccount
from exchange.services import UNREACHABLE, add_api_key, check_api_key, revoke_api_key

NEW_KEY_FIELDS = ("owner", "label", "environment", "key", "secret")


@admin.register(ExchangeAccount)
class ExchangeAccountAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Show accounts; they come into being when a key is added."""

    list_display = ("environment", "uid", "owner", "created_at")
    list_filter = ("environment",)
    search_fields = ("uid", "owner__username")
    list_select_related = ("owner",)
    inlines = (TransferInline,)
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: only a key proves that an account exists."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: number and environment are facts of the venue."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: limits and halts hang on the account."""
        return False


class AdminAddAPIKeyForm(AddAPIKeyForm):
    """The form of the pages plus the owner, in the admin's dress."""

    owner = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].widget = UnfoldAdminTextInputWidget()
        choices = self.fields["environment"].widget.choices
        self.fields["environment"].widget = UnfoldAdminSelectWidget(choices=choices)
        for name in ("key", "secret"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"})


class LabelForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """Rename a key; the constraint names the owner too, who is not part of the form."""

    class Meta:
        model = APIKey
        fields = ("label",)

    def clean_label(self) -> str:
        """Refuse a label that another key of the same owner has."""
        label = str(self.cleaned_data["label"])
        others = APIKey.objects.filter(owner=self.instance.owner_id, label=label)
        if others.exclude(pk=self.instance.pk).exists():
            raise ValidationError("You have a key with this label.")
        return label


@admin.register(APIKey)
class APIKeyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Add and revoke keys. A stored secret is never shown and cannot be edited."""

    list_display = (
        *("label", "environment", "owner", "key_hint"),
        *("dangers", "last_checked_at", "revoked_at"),
    )
    list_filter = ("environment", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("label", "owner__username", "account__uid")
    list_select_related = ("owner",)
    fields = (
        "label",
        "environment",
        "owner",
        "account",
        "key_hint",
        "what_it_may_do",
        "to_put_right",
        "last_checked_at",
        "revoked_at",
        "created_at",
    )
    readonly_fields = fields[1:]
    form = LabelForm
    actions = ("check_selected", "revoke_selected")
    # Buttons of the form: links would ask the venue, or revoke, on GET.
    actions_submit_line = ("check_this", "revoke_this")

    def get_queryset(self, request: HttpRequest) -> QuerySet[APIKey]:
        """Leave the ciphertexts in the database; no page needs them."""
        queryset: QuerySet[APIKey] = super().get_queryset(request)
        return queryset.defer("encrypted_key", "encrypted_secret")

    @admin.display(description="Permissions")
    def what_it_may_do(self, api_key: APIKey) -> str:
        """Say what the venue told at the last check; shown, never asked anew."""
        return "; ".join(api_key.permissions_in_words) or "not known yet"

    @admin.display(description="Put right", empty_value="nothing")
    def dangers(self, api_key: APIKey) -> str | None:
        """Say in the list what is dangerous about a key that may still be used."""
        if api_key.is_revoked:
            return None
        return " · ".join(warning.split(".")[0] for warning in api_key.warnings) or None

    @admin.display(description="Put right")
    def to_put_right(self, api_key: APIKey) -> str:
        """Say what is dangerous about the key."""
        return "\n\n".join(api_key.warnings) or "nothing"

    def save_model(self, request: HttpRequest, obj: APIKey, form: Any, change: Any) -> None:
        """Save the label alone, so that a key revoked meanwhile stays revoked; run the button."""
        obj.save(update_fields=["label"])
        for button in self.get_actions_submit_line(request, obj.pk):
            if button.action_name in request.POST:
                button.method(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a key is revoked, so that its history keeps its name."""
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask for a new key and check it at the venue.

        Not Django's own view, which would hold a transaction open while the venue is asked.
        """
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AdminAddAPIKeyForm(request.POST or None)
        added = _add(form) if request.method == "POST" else None
        if added is None:
            return self._add_page(request, form, form_url)
        self.log_addition(request, added, [{"added": {}}])
        self._warn(request, added)
        return self.response_add(request, added)  # type: ignore[no-any-return]

    def _add_page(
        self, request: HttpRequest, form: AdminAddAPIKeyForm, form_url: str
    ) -> HttpResponse:
        fieldsets: Any = [(None, {"fields": NEW_KEY_FIELDS})]
        plain_form: Any = form  # the types insist on a ModelForm, the code does not
        context = {
            **self.admin_site.each_context(request),
            "title": "Add API key",
            "adminform": AdminForm(plain_form, fieldsets, {}, model_admin=self),
            "errors": form.errors,
            "inline_admin_formsets": [],
            "media": self.media + form.media,
            "is_popup": False,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        page: HttpResponse = self.render_change_form(request, context, add=True, form_url=form_url)
        return page

    @admin.action(description="Check permissions of selected keys again", permissions=("change",))
    def check_selected(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        """Ask the venue about each key that is not revoked."""
        # All columns: the list defers the ciphertexts, which opening a gateway needs.
        keys = APIKey.objects.filter(pk__in=queryset).select_related("account")
        silent: set[str] = set()
        for api_key in keys:
            if api_key.environment in silent:  # one that hangs would hold the page for each key
                self.message_user(request, f"{api_key} was not checked.", messages.WARNING)
            elif not self._check(request, api_key):
                silent.add(api_key.environment)

    @action(description="Check permissions again", permissions=("change",))  # type: ignore[untyped-decorator]
    def check_this(self, request: HttpRequest, obj: APIKey) -> None:
        """Ask the venue about the key of the page, once the form's transaction has ended."""
        transaction.on_commit(partial(self._check, request, obj))

    def _check(self, request: HttpRequest, api_key: APIKey) -> bool:
        try:
            check_api_key(api_key=api_key)
        except ValidationError as error:
            self.message_user(request, f"{api_key}: {' '.join(error.messages)}", messages.ERROR)
            return error.code != UNREACHABLE
        self.log_change(request, api_key, "Permissions checked.")
        words = "; ".join(api_key.permissions_in_words)
        self.message_user(request, f"{api_key}: {words}.", messages.SUCCESS)
        self._warn(request, api_key)
        return True

    def _warn(self, request: HttpRequest, api_key: APIKey) -> None:
        for warning in api_key.warnings:
            self.message_user(request, f"{api_key}: {warning}", messages.WARNING)

    @admin.action(description="Revoke selected keys", permissions=("change",))
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        """Revoke each key; nothing else may be edited in bulk."""
        keys = list(queryset.filter(revoked_at__isnull=True))
        for api_key in keys:
            self._revoke(request, api_key)
        self.message_user(request, f"{len(keys)} revoked.", messages.SUCCESS)

    @action(description="Revoke this key", permissions=("change",))  # type: ignore[untyped-decorator]
    def revoke_this(self, request: HttpRequest, obj: APIKey) -> None:
        """Revoke the key of the page."""
        self._revoke(request, obj)
        self.message_user(request, f"{obj} is revoked.", messages.SUCCESS)

    def _revoke(self, request: HttpRequest, api_key: APIKey) -> None:
        revoke_api_key(api_key=api_key)
        self.log_change(request, api_key, "Revoked.")


def _add(form: AdminAddAPIKeyForm) -> APIKey | None:
    if not form.is_valid():
        return None
    try:
        return add_api_key(**form.cleaned_data)
    except ValidationError as error:
        form.add_error(None, error)
        return None
