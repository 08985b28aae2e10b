"""The journal is append-only, and the database says so."""

from __future__ import annotations

from django.db import migrations

FORWARD = """
CREATE FUNCTION bots_botevent_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'bots_botevent is append-only: % refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER botevent_append_only BEFORE UPDATE OR DELETE ON bots_botevent
    FOR EACH ROW EXECUTE FUNCTION bots_botevent_append_only();
"""
BACKWARD = """
DROP TRIGGER botevent_append_only ON bots_botevent;
DROP FUNCTION bots_botevent_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("bots", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
