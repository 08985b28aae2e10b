"""What each error code and HTTP status of the venue says about the request it answers.

Sources: binance-spot-api-docs errors.md and rest-api.md ("HTTP Return Codes"), the USD-M
error-code and general-info pages. The same number can mean different things on spot and futures,
hence the table is keyed by both.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from exchange.domain.types import Market

TOO_MANY_ORDERS: Final = -1015


class Outcome(Enum):
    """What an error says about the request."""

    UNCERTAIN = auto()  # a read failed; a write may have happened
    NOT_DONE = auto()
    NOT_OFFERED = auto()  # not done, and not for a long time
    RATE_LIMITED = auto()
    BAD_TIMESTAMP = auto()
    BAD_CREDENTIALS = auto()  # or an account that may not trade
    BAD_SYMBOL = auto()
    DUPLICATE = auto()  # an order of this id is open: ours, from a request whose reply was lost
    ALREADY_SO = auto()
    REFUSED = auto()


def _for(
    market: Market, outcome: Outcome, *codes: int
) -> Iterable[tuple[tuple[Market, int], Outcome]]:
    return (((market, code), outcome) for code in codes)


SPOT, FUTURES = Market.SPOT, Market.FUTURES
_REQUEST_CODES: Final = (
    *(-1020, *range(-1106, -1099), -1111, -1114, -1115, -1116, -1117),
    *(-1120, -1122, -1128, -1130),
)
# Codes that are not here are refusals too when the status is 4xx, uncertain otherwise.
OUTCOMES: Final = MappingProxyType(
    dict(
        [
            *_for(SPOT, Outcome.UNCERTAIN, -1000, -1001, -1006, -1007, -1008),
            *_for(SPOT, Outcome.NOT_OFFERED, -1016),
            *_for(SPOT, Outcome.RATE_LIMITED, -1003, TOO_MANY_ORDERS),
            *_for(SPOT, Outcome.BAD_TIMESTAMP, -1021),
            *_for(SPOT, Outcome.BAD_CREDENTIALS, -1002, -1022, -2008, -2014, -2015, -2017),
            *_for(SPOT, Outcome.BAD_SYMBOL, -1121),
            *_for(SPOT, Outcome.REFUSED, *_REQUEST_CODES, -1013, *range(-1168, -1157)),
            *_for(SPOT, Outcome.REFUSED, *range(-1199, -1195), -1220, -2010, -2011, -2013),
            *_for(SPOT, Outcome.REFUSED, -2021, -2022, -2026, -2039),
            # The futures documentation calls -1001 safe to repeat; a 5xx is not, for us.
            *_for(FUTURES, Outcome.UNCERTAIN, -1000, -1001, -1006, -1007),
            *_for(FUTURES, Outcome.NOT_DONE, -1008),
            *_for(FUTURES, Outcome.NOT_OFFERED, -1016),
            *_for(FUTURES, Outcome.RATE_LIMITED, -1003, TOO_MANY_ORDERS),
            *_for(FUTURES, Outcome.BAD_TIMESTAMP, -1021, -5028),  # -5028: the engine's own check
            *_for(FUTURES, Outcome.BAD_CREDENTIALS, -1002, -1022, -2008, -2014, -2015, -2017),
            *_for(FUTURES, Outcome.BAD_CREDENTIALS, -4088, -4109),
            *_for(FUTURES, Outcome.BAD_SYMBOL, -1121),
            # -20132 is what another algo service of the venue says of a clientAlgoId.
            *_for(FUTURES, Outcome.DUPLICATE, -4116, -20132),
            *_for(FUTURES, Outcome.ALREADY_SO, -4046, -4059, -4171, -5027),
            *_for(FUTURES, Outcome.REFUSED, *_REQUEST_CODES, -1013, -1108, -1136, -2007, -2010),
            *_for(
                FUTURES, Outcome.REFUSED, -2011, -2013, *range(-2028, -2017), *range(-4007, -3999)
            ),
            *_for(FUTURES, Outcome.REFUSED, *range(-4016, -4012), -4023, -4024, -4028, -4031),
            *_for(FUTURES, Outcome.REFUSED, -4045, *range(-4051, -4046), -4054, -4055),
            *_for(FUTURES, Outcome.REFUSED, -4060, -4061, -4062, -4067, -4068, -4087),
            # -4114 and -4115 answer endpoints that take a clientTranId, which none of ours does.
            *_for(FUTURES, Outcome.REFUSED, -4114, -4115, -4117, -4118, -4120, -4131, -4135),
            *_for(FUTURES, Outcome.REFUSED, *range(-4142, -4135), -4161, -4164, -4165),
            *_for(FUTURES, Outcome.REFUSED, *range(-4170, -4166), -4172, -4183, -4184, -4189),
            *_for(FUTURES, Outcome.REFUSED, -4192, *range(-4211, -4201), *range(-4403, -4399)),
            *_for(FUTURES, Outcome.REFUSED, -4531, -5021, -5022, *range(-5041, -5036)),
        ]
    )
)
# Of the 503 replies of futures these two say that nothing was done; the third, "Unknown error,
# please check your request or try again later.", does not.
FUTURES_NOT_DONE: Final = ("Service Unavailable", "Internal error; unable to process")
STATUS_OUTCOMES: Final = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: Outcome.BAD_CREDENTIALS,
        HTTPStatus.FORBIDDEN: Outcome.RATE_LIMITED,  # the firewall, with an HTML page
        HTTPStatus.REQUEST_TIMEOUT: Outcome.UNCERTAIN,
        HTTPStatus.IM_A_TEAPOT: Outcome.RATE_LIMITED,  # banned for ignoring 429
        HTTPStatus.TOO_MANY_REQUESTS: Outcome.RATE_LIMITED,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: Outcome.NOT_OFFERED,
    }
)
