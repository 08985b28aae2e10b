"""Take every step once and write down how it went."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from django.conf import settings

from exchange.credentials import CredentialsDecryptError
from exchange.domain.budget import Priority, asking_for
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
    UnknownSymbolError,
)
from exchange.domain.gateway import ExchangeGateway
from exchange.domain.types import Environment, KeyPermissions, Market
from exchange.models import APIKey
from exchange.registry import (
    KeyRevokedError,
    gateway_for,
    market_data_gateway,
    spot_gateway_for,
)
from exchange.smoke.futures_steps import FUTURES_STEPS
from exchange.smoke.report import SmokeReport, Step, StepStatus
from exchange.smoke.steps import CLOCK_HINT, STEPS, FindingError, SkippedError, Walk
from exchange.smoke.used_weight import WeightMeter

_STEPS: Final = {Market.SPOT: STEPS, Market.FUTURES: FUTURES_STEPS}
# The first kind that fits; a refusal that carries a hint of its own does not come here.
_HINTS: Final[tuple[tuple[type[GatewayError], str], ...]] = (
    (
        RateLimitedError,
        "wait as long as the venue says, and see who else asks from this address",
    ),
    (UnavailableError, "check the network and the URLs of this environment; is the venue up?"),
    (TimestampError, CLOCK_HINT),
    (CredentialsError, "look at the key's restrictions at the venue, its addresses included"),
    (UnknownSymbolError, "choose a symbol that the venue lists"),
    (GatewayError, "the venue's text names what it does not like"),
)


def walk_through(
    environment: Environment,
    symbol: str,
    *,
    api_key: APIKey | None,
    market: Market = Market.SPOT,
) -> SmokeReport:
    """Take every step; one that fails keeps only those from going on that need its answer.

    All of them need a venue that answers the first one: nobody waits for a silent venue nine times.

    api_key   of `environment`; without one the steps that need a key are skipped
    ClientInitError when there is no venue behind `environment`.
    """
    meter = WeightMeter()
    walk = _begin(environment, market, symbol, api_key, meter)
    with asking_for(Priority.PAGE):  # bots come first
        steps = tuple(_steps(walk, meter))
    return SmokeReport(
        environment=environment,
        market=market,
        symbol=symbol,
        key=api_key.label if api_key else None,
        steps=steps,
    )


def _begin(
    environment: Environment,
    market: Market,
    symbol: str,
    api_key: APIKey | None,
    meter: WeightMeter,
) -> Walk:
    public = market_data_gateway(environment, market)
    meter.listen_to(public)
    signed: ExchangeGateway | None = None
    spot_rights: Callable[[], KeyPermissions] | None = None
    why_no_key: SkippedError | FindingError = SkippedError("no key")
    if api_key:
        try:
            signed = gateway_for(api_key, market)
            meter.listen_to(signed)
            if market is not Market.SPOT and settings.EXCHANGE_URLS[environment.value].has_sapi:
                spot_rights = spot_gateway_for(api_key).key_permissions
        except (CredentialsDecryptError, KeyRevokedError) as error:
            why_no_key = FindingError(str(error), "add the key anew, or restore FERNET_KEYS")
    return Walk(
        symbol=symbol,
        environment=environment,
        public=public,
        signed=signed,
        why_no_key=why_no_key,
        spot_rights=spot_rights,
    )


def _steps(walk: Walk, meter: WeightMeter) -> Iterator[Step]:
    is_silent = False
    for number, (name, take) in enumerate(_STEPS[walk.public.market].items()):
        if is_silent:
            yield Step(name=name, status=StepStatus.SKIPPED, detail="the venue did not answer")
            continue
        step = _taken(name, take, walk, meter)
        is_silent = number == 0 and step.status is StepStatus.FAILED
        yield step


def _taken(name: str, take: Callable[[Walk], str], walk: Walk, meter: WeightMeter) -> Step:
    started, before = time.monotonic(), meter.used
    status, hint = StepStatus.OK, ""
    try:
        detail = take(walk)
    except SkippedError as error:
        return Step(name=name, status=StepStatus.SKIPPED, detail=str(error))
    except FindingError as finding:
        status, detail, hint = finding.status, str(finding), finding.hint
    except GatewayError as error:
        status = StepStatus.FAILED
        detail, hint = _in_words(error)
    return Step(
        name=name,
        status=status,
        detail=detail,
        hint=hint,
        seconds=round(time.monotonic() - started, 4),
        weight=meter.since(before),
    )


def _in_words(error: GatewayError) -> tuple[str, str]:
    if isinstance(error, OrderRejectedError) and error.hint:
        return str(error).removesuffix(error.hint).rstrip(": "), error.hint
    return str(error), next(hint for kind, hint in _HINTS if isinstance(error, kind))
