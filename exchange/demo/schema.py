"""The tables of the state file, and how a file of an older version becomes one of this."""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 4
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
# Version 3 knew the spot market only.
_FOURTH: Final = """
ALTER TABLE steering ADD COLUMN market TEXT NOT NULL DEFAULT 'spot';
CREATE TABLE futures_orders (
    order_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_order_id TEXT NOT NULL, side TEXT NOT NULL, position_side TEXT NOT NULL,
    type TEXT NOT NULL, original_type TEXT NOT NULL, time_in_force TEXT NOT NULL,
    status TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL, stop_price TEXT NOT NULL,
    executed TEXT NOT NULL, executed_quote TEXT NOT NULL, reduce_only INTEGER NOT NULL,
    close_position INTEGER NOT NULL, working_type TEXT NOT NULL, price_protect INTEGER NOT NULL,
    prevention_mode TEXT NOT NULL, good_till_ms INTEGER NOT NULL, algo_id INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, expiry_reason TEXT);
CREATE INDEX futures_orders_by_account ON futures_orders (uid, symbol);
CREATE INDEX futures_orders_by_client_id ON futures_orders (uid, symbol, client_order_id);
CREATE INDEX futures_orders_by_status ON futures_orders (status);
CREATE TABLE futures_algos (
    algo_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    client_algo_id TEXT NOT NULL, side TEXT NOT NULL, position_side TEXT NOT NULL,
    type TEXT NOT NULL, time_in_force TEXT NOT NULL, status TEXT NOT NULL, quantity TEXT NOT NULL,
    price TEXT NOT NULL, trigger_price TEXT NOT NULL, activate_price TEXT NOT NULL,
    callback_rate TEXT NOT NULL, working_type TEXT NOT NULL, price_protect INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL, close_position INTEGER NOT NULL, prevention_mode TEXT NOT NULL,
    good_till_ms INTEGER NOT NULL, is_trailing INTEGER NOT NULL, peak TEXT NOT NULL,
    child_id INTEGER NOT NULL, reject_reason TEXT, at_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL, triggered_ms INTEGER NOT NULL);
CREATE INDEX futures_algos_by_account ON futures_algos (uid, symbol);
CREATE INDEX futures_algos_by_client_id ON futures_algos (uid, client_algo_id);
CREATE INDEX futures_algos_by_status ON futures_algos (status);
CREATE TABLE futures_fills (
    trade_id INTEGER PRIMARY KEY AUTOINCREMENT, order_id INTEGER NOT NULL, uid INTEGER NOT NULL,
    symbol TEXT NOT NULL, side TEXT NOT NULL, position_side TEXT NOT NULL, price TEXT NOT NULL,
    quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL, commission TEXT NOT NULL,
    commission_asset TEXT NOT NULL, realized_pnl TEXT NOT NULL, at_ms INTEGER NOT NULL,
    is_maker INTEGER NOT NULL);
CREATE INDEX futures_fills_by_order ON futures_fills (order_id);
CREATE INDEX futures_fills_by_account ON futures_fills (uid, symbol);
CREATE TABLE futures_positions (
    uid INTEGER NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, amount TEXT NOT NULL,
    cost TEXT NOT NULL, isolated_wallet TEXT NOT NULL, updated_ms INTEGER NOT NULL,
    PRIMARY KEY (uid, symbol, side)) WITHOUT ROWID;
CREATE TABLE futures_incomes (
    income_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, symbol TEXT NOT NULL,
    type TEXT NOT NULL, amount TEXT NOT NULL, asset TEXT NOT NULL, info TEXT NOT NULL,
    trade_id INTEGER NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX futures_incomes_by_account ON futures_incomes (uid, at_ms);
CREATE TABLE futures_settings (
    uid INTEGER NOT NULL, symbol TEXT NOT NULL, leverage INTEGER NOT NULL,
    margin_type TEXT NOT NULL, PRIMARY KEY (uid, symbol)) WITHOUT ROWID;
CREATE TABLE futures_hedgers (uid INTEGER PRIMARY KEY);
CREATE TABLE transfers (
    transfer_id INTEGER PRIMARY KEY AUTOINCREMENT, uid INTEGER NOT NULL, type TEXT NOT NULL,
    asset TEXT NOT NULL, amount TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX transfers_by_account ON transfers (uid, type, at_ms)
"""
# What leads from each version to the next; a new file walks the whole way.
STEPS: Final = (_FIRST, _SECOND, _THIRD, _FOURTH)
