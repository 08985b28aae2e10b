"""What the commission of a fill was worth."""

from __future__ import annotations

from decimal import Decimal

from bots.journal.connection import JOURNAL
from bots.models import Fill


def set_commission_quote(fill: Fill, value: Decimal) -> None:
    """Note what the commission of a fill was worth in quote currency then. Safe to repeat."""
    Fill.objects.using(JOURNAL).filter(pk=fill.pk).update(commission_quote=value)
    fill.commission_quote = value
