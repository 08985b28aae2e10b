"""A transfer in words and chips for the admin. Asks nobody but the database."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.contrib import messages
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from exchange.domain.clock import from_milliseconds
from exchange.models import Transfer, TransferStage, plain_amount
from exchange.transfer_evidence import age_text
from exchange.transfer_history import FREE_AFTER, FREE_BEFORE, KNOWN_BEFORE, SEEN

TONES: Final[Mapping[str, str]] = {
    TransferStage.DONE: "gain",
    TransferStage.FAILED: "loss",
    TransferStage.REJECTED: "loss",
    TransferStage.NEVER_MADE: "stopped",
}
UNSETTLED_TONE: Final = "warning"
# Green is for money that has moved, and for nothing else.
LEVELS: Final[Mapping[str, int]] = {
    TransferStage.DONE: messages.SUCCESS,
    TransferStage.NEVER_MADE: messages.INFO,
}
# Where nothing has been written about one yet.
STAGES: Final[Mapping[str, str]] = {
    TransferStage.INTENDED: "Written down, and not sent as far as we know.",
    TransferStage.SENT: "Given to the venue; its answer has not been written down.",
}
ASK: Final = "Ask the venue what became of it"
DECIDE: Final = "Then settle it, by the venue's number of it or “none” where it was never made:"


def level_of(transfer: Transfer) -> int:
    """Return how loud the message about a transfer is."""
    return LEVELS.get(transfer.status, messages.WARNING)


def chip(transfer: Transfer) -> SafeString:
    """Return the status: a dot of its colour, and the word."""
    tone = TONES.get(transfer.status, UNSETTLED_TONE)
    word = transfer.get_status_display()
    return format_html('<span class="tb-chip" data-tone="{}">{}</span>', tone, word)


def reason(transfer: Transfer) -> str:
    """Return the sentence that belongs to the status."""
    return transfer.message or STAGES.get(transfer.status, "")


def cell(first: str, *notes: str, css: str = "") -> SafeString:
    """Return a line and muted ones below it; empty ones are left out."""
    below = format_html_join(
        "", '<div class="tb-note">{}</div>', ((note,) for note in notes if note)
    )
    return format_html('<div class="{}">{}{}</div>', f"tb-cell {css}".strip(), first, below)


def figure(text: str) -> SafeString:
    """Return a number or a time in figures of one width, never broken."""
    return format_html('<span class="tb-figure">{}</span>', text)


def unbroken(text: str) -> SafeString:
    """Return words that stay on one line."""
    return format_html('<span class="tb-unbroken">{}</span>', text)


def time_text(moment: datetime) -> str:
    """Return a time to the second with its zone, as everywhere in the admin."""
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")


def signing_text(transfer: Transfer) -> str:
    """Return the signing time, and how long the venue may have taken what was signed."""
    signed = age_text(from_milliseconds(transfer.signed_at_ms))
    seconds = plain_amount(Decimal(transfer.recv_window_ms) / 1000)
    return f"{signed}; refused by the venue when it arrives more than {seconds} s later"


def evidence_lines(transfer: Transfer) -> list[str]:
    """Return what was seen at the venue, one sentence each."""
    facts = transfer.evidence
    lines = [_known_before(facts[KNOWN_BEFORE])] if KNOWN_BEFORE in facts else []
    if seen := facts.get(SEEN):
        lines.append(f"Since then it has shown, as possibly this one: number {', '.join(seen)}.")
    if transfer.looks:
        times = "once" if transfer.looks == 1 else f"{transfer.looks} times"
        lines.append(f"It was read in vain {times} after the time to take the transfer had passed.")
    for name, when in ((FREE_BEFORE, "before it was sent"), (FREE_AFTER, "at the last look")):
        if name in facts:
            amount = plain_amount(Decimal(facts[name]))
            lines.append(f"Free in the spot wallet {when}: {amount} {transfer.asset}.")
    return lines


def way_on(transfer: Transfer) -> SafeString:
    """Return what a person can do about a transfer whose end is not known."""
    if transfer.status == TransferStage.INTENDED:
        return cell(
            f"It was written down and not sent. “{ASK}” closes it: whoever still meant to send it "
            "cannot any more."
        )
    return cell(
        format_html("{} {}", _what_to_do(transfer), DECIDE),
        format_html('<code class="tb-command">{}</code>', _by_option(decide_command(transfer))),
    )


def decide_command(transfer: Transfer) -> str:
    """Return the command by which a person settles it, NUMBER and NAME to be filled in."""
    keys = transfer.account.api_keys.filter(revoked_at__isnull=True).order_by("created_at", "pk")
    label = keys.values_list("label", flat=True).first()
    key = "LABEL" if label is None else shlex.quote(label)
    return (
        f"./tradebotctl manage transfer_funds --key {key} --decide {transfer.pk} "
        "--transaction NUMBER --user NAME"
    )


def may_be_several(transfer: Transfer) -> bool:
    """Say whether the history has shown more than one row that can be the transfer."""
    return transfer.is_unsettled and len(transfer.evidence.get(SEEN, ())) > 1


def lines_html(lines: list[str]) -> SafeString:
    """Return sentences below each other."""
    return format_html_join("", '<p class="tb-line">{}</p>', ((line,) for line in lines))


def _by_option(command: str) -> SafeString:
    # Browsers break a line after a hyphen; "--" at its end could be copied as an option.
    options = command.replace(" --", "\n--").split("\n")
    return format_html_join(" ", '<span class="tb-unbroken">{}</span>', ((one,) for one in options))


def _what_to_do(transfer: Transfer) -> str:
    if may_be_several(transfer):
        return (
            "Several transfers of the venue's history may be this one, and only a person can say "
            "which: look at the venue's own pages."
        )
    return (
        f"Nobody knows yet whether the money has moved. “{ASK}” reads the venue's history and "
        "sends nothing; until it is settled no other transfer of this kind is sent. When the "
        "answer is that a person decides, look at the venue's own pages."
    )


def _known_before(numbers: list[str]) -> str:
    if not numbers:
        return (
            "In the seconds before it was sent the venue's history showed no transfer of this "
            "direction."
        )
    return (
        "Shown by the venue's history before it was sent, so not this one: number "
        f"{', '.join(numbers)}."
    )
