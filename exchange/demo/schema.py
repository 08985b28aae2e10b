"""The tables of the state file, and how a file of an older version becomes one of this."""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 3
_FIRST: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (
    uid INTEGER PRIMARY KEY, key_digest TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL);
CREATE TABLE deposits (
    uid INTEGER NOT NULL, wallet TEXT NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL,
    at_ms INTEGER NOT NULL);
CREATE TABLE balances (
    uid INTEGER NOT NULL, wallet TEXT NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL,
    locked TEXT NOT NULL, PRIMARY KEY (uid, wallet, asset)) WITHOUT ROWID;
CREATE TABLE orders (
    order_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, side TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,
    quantity TEXT NOT NULL, quote_order_quantity TEXT NOT NULL, executed TEXT NOT NULL,
    executed_quote TEXT NOT NULL, prevention_mode TEXT NOT NULL, at_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL);
CREATE INDEX orders_by_client_id ON orders (uid, symbol, client_order_id);
CREATE INDEX orders_by_status ON orders (uid, status);
CREATE TABLE fills (
    trade_id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, uid INTEGER NOT NULL,
    symbol TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL,
    commission TEXT NOT NULL, commission_asset TEXT NOT NULL, at_ms INTEGER NOT NULL,
    is_buyer INTEGER NOT NULL);
CREATE INDEX fills_by_order ON fills (order_id);
CREATE INDEX fills_by_account ON fills (uid, symbol);
CREATE TABLE steering (
    symbol TEXT NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER, price INTEGER NOT NULL)
"""
# Version 1 knew market orders only, which are done the moment they are placed.
_SECOND: Final = """
ALTER TABLE accounts ADD COLUMN bnb_burn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN list_id INTEGER NOT NULL DEFAULT -1;
ALTER TABLE orders ADD COLUMN time_in_force TEXT NOT NULL DEFAULT 'GTC';
ALTER TABLE orders ADD COLUMN price TEXT NOT NULL DEFAULT '0.00000000';
ALTER TABLE orders ADD COLUMN stop_price TEXT NOT NULL DEFAULT '0.00000000';
ALTER TABLE orders ADD COLUMN strategy_id INTEGER;
ALTER TABLE orders ADD COLUMN strategy_type INTEGER;
ALTER TABLE orders ADD COLUMN working_ms INTEGER NOT NULL DEFAULT -1;
ALTER TABLE orders ADD COLUMN expiry_reason TEXT;
UPDATE orders SET working_ms = at_ms;
CREATE INDEX orders_by_list ON orders (list_id);
ALTER TABLE fills ADD COLUMN list_id INTEGER NOT NULL DEFAULT -1;
ALTER TABLE fills ADD COLUMN is_maker INTEGER NOT NULL DEFAULT 0;
CREATE TABLE order_lists (
    list_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, kind TEXT NOT NULL, contingency TEXT NOT NULL,
    status_type TEXT NOT NULL, order_status TEXT NOT NULL, held TEXT NOT NULL,
    at_ms INTEGER NOT NULL);
CREATE INDEX lists_by_client_id ON order_lists (uid, client_order_id);
CREATE TABLE symbol_rules (
    symbol TEXT PRIMARY KEY, status TEXT, tick TEXT, step TEXT, min_notional TEXT) WITHOUT ROWID
"""
# Version 2 sorted all orders of an account to show its newest ones.
_THIRD: Final = "CREATE INDEX orders_by_account ON orders (uid, symbol)"
# What leads from each version to the next; a new file walks the whole way.
STEPS: Final = (_FIRST, _SECOND, _THIRD)
