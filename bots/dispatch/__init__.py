"""Who makes bots tick: what is due is claimed and put into the queue, announced or not."""

from bots.dispatch.queue import TICK_EXPIRES_SECONDS, dispatch_due_bots

__all__ = ["TICK_EXPIRES_SECONDS", "dispatch_due_bots"]
