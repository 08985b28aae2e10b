"""Books that an older version has folded are folded once more, with all that they show now.

What commissions in quote or base currency were worth is filled in for all at once; a tick would do
it fill by fill.
"""

from __future__ import annotations

from django.db import migrations

VALUE = """
UPDATE bots_fill SET commission_quote = CASE
    WHEN commission = 0 THEN 0
    WHEN right(symbol, length(commission_asset)) = commission_asset THEN commission
    ELSE round(commission * price, 12)
END
WHERE commission_quote IS NULL AND (
    commission = 0
    OR right(symbol, length(commission_asset)) = commission_asset
    OR left(symbol, length(commission_asset)) = commission_asset
)
"""
FOLD_ANEW = "UPDATE bots_botstate SET last_folded_fill_id = -1"


class Migration(migrations.Migration):
    dependencies = [("bots", "0007_order_moves")]
    operations = [
        migrations.RunSQL(VALUE, migrations.RunSQL.noop),
        migrations.RunSQL(FOLD_ANEW, migrations.RunSQL.noop),
    ]
