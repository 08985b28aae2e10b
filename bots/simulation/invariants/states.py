"""What a bot shows agrees with its switch, and an error has a reason that is none of ours."""

from __future__ import annotations

from bots.simulation.errors import InvariantError
from bots.simulation.view import View


def check_states(view: View) -> None:
    """Raise InvariantError where a bot that has just ticked contradicts itself."""
    for bot_id in view.promises.ticked:
        state = view.states[bot_id]
        if state.bot.is_active == (state.state == "stopped"):
            raise InvariantError(
                f"bot {bot_id} is_active is {state.bot.is_active}, its state {state.state}"
            )
        if view.is_quiet and state.state == "error":
            raise InvariantError(
                f"bot {bot_id} gave up although nothing is wrong any more: "
                f"{state.status}: {state.last_error_message}"
            )
