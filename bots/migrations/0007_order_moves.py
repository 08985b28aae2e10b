"""An order moves along the table of `bots.domain.orders.MOVES`, and the database says so."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION bots_order_legal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status = 'intended' AND NEW.status IN ('sent', 'denied'))
        OR (OLD.status = 'sent' AND NEW.status IN
            ('unknown', 'open', 'partially_filled', 'filled', 'canceled', 'rejected', 'expired'))
        OR (OLD.status = 'unknown' AND NEW.status IN
            ('open', 'partially_filled', 'filled', 'canceled', 'rejected', 'expired'))
        OR (OLD.status = 'open' AND NEW.status IN
            ('partially_filled', 'filled', 'canceled', 'rejected', 'expired'))
        OR (OLD.status = 'partially_filled' AND NEW.status IN ('filled', 'canceled', 'expired'))
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'bots_order: % may not become %', OLD.status, NEW.status
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER order_legal_move AFTER UPDATE OF status ON bots_order
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION bots_order_legal_move();
"""
BACKWARD = """
DROP TRIGGER order_legal_move ON bots_order;
DROP FUNCTION bots_order_legal_move();
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0006_the_whole_engine")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
