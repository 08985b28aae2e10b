"""Forms about API keys, shared by the admin and the pages."""

from __future__ import annotations

from typing import Final

from django import forms

from exchange.models import LABEL_LENGTH, EnvironmentChoices

WHAT_TO_ALLOW: Final = (
    "Allow reading and spot trading, nothing more: a live key that may withdraw is refused."
    " Restrict it at the venue to the address of this server."
)


def _secret_field(label: str, help_text: str = "") -> forms.CharField:
    # Never rendered back, not even after an error in another field.
    widget = forms.PasswordInput(attrs={"autocomplete": "off"}, render_value=False)
    return forms.CharField(label=label, widget=widget, max_length=4096, help_text=help_text)


class AddAPIKeyForm(forms.Form):
    """Ask for what `add_api_key` needs; the service checks it at the venue."""

    label = forms.CharField(max_length=LABEL_LENGTH)
    environment = forms.ChoiceField(choices=EnvironmentChoices.choices)
    key = _secret_field("API key", WHAT_TO_ALLOW)
    secret = _secret_field("Secret")
