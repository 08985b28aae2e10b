"""The kill switches as the services turn them and as ticks read them."""

from __future__ import annotations

import pytest

from accounts.models import User
from bots.domain.decision import DenialCode
from bots.domain.halting import HaltLevel
from bots.locks import HaltScope
from bots.models import BotEvent, Halt, HaltChange
from bots.selectors.halts import exit_block, halt_blocks, level_over
from bots.services import BotError, lift_halt, set_halt
from bots.tests.life.conftest import MakeBot, state_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


def test_each_switch_that_is_on_blocks_entries_in_its_own_words(
    make_bot: MakeBot, trader: User
) -> None:
    bot, other = make_bot("One"), make_bot("Other")
    assert bot.api_key is not None
    scopes = (
        HaltScope(),
        HaltScope(account_id=bot.api_key.account_id),
        HaltScope(bot_id=bot.pk),
    )
    for number, scope in enumerate(scopes):
        set_halt(scope=scope, level=HaltLevel.ENTRIES, reason=f"reason {number}", actor=trader)
    blocks = halt_blocks(state_of(bot))
    assert {block.code for block in blocks} == {DenialCode.HALTED}
    details = " / ".join(block.detail for block in blocks)
    for words in ("the whole installation", "the account", "this bot"):
        assert f"entries are halted for {words} since" in details
    assert "by alice: reason 2" in details
    assert len(halt_blocks(state_of(other))) == 2
    assert exit_block(state_of(bot)) is None


def test_only_a_halt_of_everything_blocks_exits(make_bot: MakeBot) -> None:
    bot = make_bot("One")
    scope = HaltScope(bot_id=bot.pk)
    set_halt(scope=scope, level=HaltLevel.ENTRIES, reason="a", actor=None)
    assert exit_block(state_of(bot)) is None
    set_halt(scope=scope, level=HaltLevel.EVERYTHING, reason="b", actor=None)
    block = exit_block(state_of(bot))
    assert block is not None
    assert block.startswith("everything is halted for this bot")
    assert level_over(bot) is HaltLevel.EVERYTHING
    lift_halt(scope=scope, actor=None)
    assert (exit_block(state_of(bot)), halt_blocks(state_of(bot))) == (None, ())
    assert level_over(bot) is HaltLevel.NONE


def test_turning_a_switch_to_where_it_is_changes_nothing(make_bot: MakeBot) -> None:
    scope = HaltScope(bot_id=make_bot("One").pk)
    for _ in range(2):
        set_halt(scope=scope, level=HaltLevel.ENTRIES, reason="a", actor=None)
    assert HaltChange.objects.count() == BotEvent.objects.filter(kind="halted").count() == 1
    for _ in range(2):
        lift_halt(scope=scope, actor=None, reason="calm again")
    assert HaltChange.objects.count() == 2
    newest = BotEvent.objects.filter(kind="halted").latest("id")
    assert newest.message == "The halt is lifted: calm again."
    assert Halt.objects.count() == 1


def test_a_stricter_halt_is_never_weakened_in_passing(make_bot: MakeBot) -> None:
    bot = make_bot("One")
    scope = HaltScope(bot_id=bot.pk)
    set_halt(scope=scope, level=HaltLevel.EVERYTHING, reason="the venue lies", actor=None)
    with pytest.raises(BotError, match=r"A stricter halt stands .*the venue lies.* Lift it first"):
        set_halt(scope=scope, level=HaltLevel.ENTRIES, reason="careful", actor=None)
    assert level_over(bot) is HaltLevel.EVERYTHING
    assert HaltChange.objects.count() == 1
