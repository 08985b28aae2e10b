"""Who asks: API key, HMAC signature over the raw wire bytes, and the timestamp window.

Timestamps are signing time, which is the wall's, at every speed of the market.
Source: "SIGNED endpoint security" of the spot API's `rest-api.md`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from exchange.demo.accounts import KEY_PATTERN, Account
from exchange.demo.errors import UNAUTHORIZED, VenueError, not_authorized, not_permitted
from exchange.demo.http.wire import Params, WireRequest

DEFAULT_RECV_WINDOW: Final = Decimal(5_000)
MAXIMUM_RECV_WINDOW: Final = Decimal(60_000)
SPOT_TRADING: Final = "enableSpotAndMarginTrading"
FUTURES_TRADING: Final = "enableFutures"
UNIVERSAL_TRANSFER: Final = "permitsUniversalTransfer"
_TOLERATED_AHEAD_MS: Final = 1_000
_RECV_WINDOW: Final = r"^[0-9]{1,8}(\.[0-9]{1,3})?$"
_TIMESTAMP: Final = r"^[0-9]{1,20}$"


def signature_of(payload: str, secret: str) -> str:
    """Return the HMAC-SHA256 of a payload as the venue expects it, in hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_payload(request: WireRequest) -> str:
    """Return what the signature covers: raw query, then raw body, without the signature itself."""
    return _without_signature(request.query) + _without_signature(request.body)


def authenticate(
    request: WireRequest,
    params: Params,
    *,
    accounts: Mapping[str, Account],
    wall_ms: Callable[[], int],
) -> Account:
    """Return the account that signed the request, or refuse it.

    Codes: -2014 malformed key, -2015 unknown key, -1102 no signature or timestamp,
    -1022 wrong signature, -1131 window too long, -1021 outside the window.
    """
    account = account_of_key(request.api_key, accounts)
    signature = params.required_text("signature")
    expected = signature_of(signed_payload(request), account.secret)
    if not hmac.compare_digest(signature.lower().encode(), expected.encode()):
        raise VenueError(-1022, "Signature for this request is not valid.")
    _check_timestamp(params, wall_ms())
    return account


def account_of_key(key: str | None, accounts: Mapping[str, Account]) -> Account:
    """Return the account of an API key; -2014 for one that is malformed, -2015 for an unknown."""
    if key is None or KEY_PATTERN.fullmatch(key) is None:
        raise VenueError(-2014, "API-key format invalid.", status=UNAUTHORIZED)
    if key not in accounts:
        raise not_permitted()
    return accounts[key]


def check_permission(account: Account, permission: str | None) -> None:
    """Refuse a key that may not read, or lacks what an endpoint needs (-2015; transfers -1002)."""
    if not account.flags["enableReading"]:
        raise not_permitted()
    if permission is not None and not account.flags[permission]:
        raise not_authorized() if permission == UNIVERSAL_TRANSFER else not_permitted()


def _without_signature(part: str) -> str:
    return "&".join(pair for pair in part.split("&") if not pair.startswith("signature="))


def _check_timestamp(params: Params, now_ms: int) -> None:
    window_text = params.text("recvWindow", _RECV_WINDOW)
    window = Decimal(window_text) if window_text else DEFAULT_RECV_WINDOW
    if window > MAXIMUM_RECV_WINDOW:
        raise VenueError(-1131, "recvWindow must be less than 60000")
    timestamp = params.milliseconds(int(params.required_text("timestamp", _TIMESTAMP)))
    if timestamp >= now_ms + _TOLERATED_AHEAD_MS:
        message = "Timestamp for this request was 1000ms ahead of the server's time."
        raise VenueError(-1021, message)
    if now_ms - timestamp > window:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")
