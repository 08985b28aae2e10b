"""Fill an empty installation with a demo trader, an operator and a bot that trades."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from bots.models import BotConfig
from bots.services import BotError, create_bot, start_bot
from exchange.domain.types import Environment
from exchange.models import APIKey
from exchange.services import add_api_key

TRADER: Final = "demo"
OPERATOR: Final = "operator"


class Command(BaseCommand):
    help = (
        "Seed the demo on an empty database; changes nothing on any other. Reads the passwords "
        "and the demo exchange's key from DEMO_TRADER_PASSWORD, OPERATOR_PASSWORD, DEMO_API_KEY "
        "and DEMO_API_SECRET. The demo exchange must be running."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create whatever is missing of people, key and bots; safe to repeat after a failure."""
        if User.objects.exists() and not User.objects.filter(username=TRADER).exists():
            self.stdout.write("The database has users already; nothing to seed.")
            return
        trader = self._trader()
        if BotConfig.objects.filter(user=trader).exists():
            self.stdout.write("The demo is there already; nothing to seed.")
            return
        self._operator()
        key = self._key(trader)
        bitcoin = create_bot(_bot(trader, key, "Bitcoin 5m", "BTCUSDT", Decimal(2500)), actor=None)
        create_bot(_bot(trader, key, "Ethereum 5m", "ETHUSDT", Decimal(1000)), actor=None)
        try:
            start_bot(bot_id=bitcoin.pk, actor=None)
        except BotError as error:
            raise CommandError(f"The demo bot does not start: {error}") from error
        self.stdout.write(self.style.SUCCESS(f"Seeded the demo: {bitcoin} is running."))

    def _trader(self) -> User:
        existing = User.objects.filter(username=TRADER).first()
        return existing or User.objects.create_user(
            TRADER, "demo@localhost.localdomain", _required("DEMO_TRADER_PASSWORD")
        )

    def _operator(self) -> None:
        if not User.objects.filter(username=OPERATOR).exists():
            User.objects.create_superuser(
                OPERATOR, "operator@localhost.localdomain", _required("OPERATOR_PASSWORD")
            )

    def _key(self, trader: User) -> APIKey:
        existing = APIKey.objects.filter(owner=trader, label="Demo exchange").first()
        if existing:
            return existing
        try:
            return add_api_key(
                owner=trader,
                environment=Environment.DEMO,
                label="Demo exchange",
                key=_required("DEMO_API_KEY"),
                secret=_required("DEMO_API_SECRET"),
            )
        except ValidationError as error:
            raise CommandError(f"The demo key was not accepted: {error.messages}") from error


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise CommandError(f"Set the environment variable {name}.")
    return value


def _bot(trader: User, key: APIKey, name: str, symbol: str, stake: Decimal) -> BotConfig:
    bot = BotConfig(
        user=trader,
        api_key=key,
        name=name,
        symbol=symbol,
        timeframe="5m",
        strategy="ema",
        check_interval_seconds=30,
        initial_capital=Decimal(5000),
        position_size_fixed=stake,
        stop_loss_perc=Decimal(2),
        take_profit_perc=Decimal(4),
    )
    bot.full_clean()
    return bot
