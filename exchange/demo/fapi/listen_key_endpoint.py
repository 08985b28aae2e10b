"""The key by which an account's events are listened to. No signature is needed, only the API key.

Source: "Start", "Keepalive" and "Close User Data Stream" of the USD-M futures API. The names of
parameters are not documented; what clients send, `listenKey`, must be the account's own.
"""

from __future__ import annotations

from typing import Final

from exchange.demo.errors import VenueError
from exchange.demo.http.auth import FUTURES_TRADING
from exchange.demo.http.endpoint import Call, Endpoint

UNKNOWN_LISTEN_KEY: Final = (-1125, "This listenKey does not exist.")


def open_stream(call: Call) -> dict[str, str]:
    """Return the account's key, a new one if none is valid, and prolong it."""
    call.params.finish()
    return {"listenKey": call.venue.listen_keys.open(call.uid)}


def keep_stream(call: Call) -> dict[str, str]:
    """Prolong the account's key (-1125 when none is valid)."""
    word = _own_key(call)
    call.venue.listen_keys.keep(word)
    return {"listenKey": word}


def close_stream(call: Call) -> dict[str, str]:
    """End the account's key (-1125 when none is valid); its sockets are told."""
    call.venue.listen_keys.close(_own_key(call))
    return {}


def _own_key(call: Call) -> str:
    sent = call.params.text("listenKey")
    call.params.finish()
    word = call.venue.listen_keys.word_of(call.uid)
    if word is None or sent not in (None, word):
        raise VenueError(*UNKNOWN_LISTEN_KEY)
    return word


ENDPOINTS: Final = {
    (method, "/fapi/v1/listenKey"): Endpoint(
        handle=handle, weight=1, needs_key=True, permission=FUTURES_TRADING
    )
    for method, handle in (("POST", open_stream), ("PUT", keep_stream), ("DELETE", close_stream))
}
