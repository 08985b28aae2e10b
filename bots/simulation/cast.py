"""Who plays in a simulation: people, their accounts at the venue, and the keys to them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from accounts.models import User
from exchange.demo.accounts import FUTURES, SPOT, AccountSpec
from exchange.demo.venue import Venue
from exchange.domain.types import Environment
from exchange.models import APIKey, ExchangeAccount

_PERMISSIONS: Final = MappingProxyType({"enableReading": True, "enableFutures": True})
_SPOT: Final = MappingProxyType({"USDT": Decimal(20_000), "BNB": Decimal(2)})
_FUTURES: Final = MappingProxyType({"USDT": Decimal(20_000)})


@dataclass(frozen=True, slots=True)
class Player:
    """A person with an account and a key to it."""

    user: User
    api_key: APIKey
    uid: int


def account_specs(people: int, *, scale: int = 1) -> list[AccountSpec]:
    """Return an account for each person, for a demo exchange; `scale` multiplies what they own."""
    deposits = {(SPOT, asset): amount * scale for asset, amount in _SPOT.items()}
    deposits |= {(FUTURES, asset): amount * scale for asset, amount in _FUTURES.items()}
    return [
        AccountSpec(key=_key(name), secret=_secret(name), deposits=deposits)
        for name in _names(people)
    ]


def players_of(venue: Venue, people: int) -> list[Player]:
    """Return so many players, with rows of what the venue says of them. Safe to repeat."""
    return [_player(name, uid=venue.accounts[_key(name)].uid) for name in _names(people)]


def _player(name: str, *, uid: int) -> Player:
    known = (
        APIKey.objects.filter(label=name, account__uid=str(uid))
        .select_related("owner", "account")
        .first()
    )
    if known is not None:
        return Player(known.owner, known, uid)
    email = f"{name.lower()}@example.org"
    user = User.objects.create(username=name.lower(), email=email, password="!")  # noqa: S106
    account = ExchangeAccount.objects.create(
        environment=Environment.DEMO.value, uid=str(uid), owner=user
    )
    key = APIKey(
        owner=user,
        account=account,
        label=name,
        environment=Environment.DEMO.value,
        permissions=dict(_PERMISSIONS),
    )
    key.set_credentials(key=_key(name), secret=_secret(name))
    key.save()
    return Player(user, key, uid)


def _names(people: int) -> list[str]:
    return [f"Simulated{number}" for number in range(people)]


def _key(name: str) -> str:
    return (f"Key{name}" * 8)[:64]


def _secret(name: str) -> str:
    return (f"Secret{name}" * 8)[:64]
