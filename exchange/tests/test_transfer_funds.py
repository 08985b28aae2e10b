"""The command `transfer_funds`: what it prints and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from accounts.models import User
from exchange.demo.testing import TEST_KEY, TEST_SECRET, RunningExchange
from exchange.management.commands.transfer_funds import Command
from exchange.models import APIKey, Transfer, TransferStage
from exchange.services import add_api_key, revoke_api_key
from exchange.tests.conftest import SECOND_KEY, SECOND_SECRET
from exchange.tests.transfer_steps import HISTORY, SENDING

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "journal"])


@pytest.fixture
def api_key(owner: User, demo: RunningExchange) -> APIKey:
    """Return a key of the demo exchange that was added like any other."""
    return add_api_key(
        owner=owner, environment="demo", label="main", key=TEST_KEY, secret=TEST_SECRET
    )


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code, and everything that was printed."""
    printed = StringIO()
    try:
        call_command("transfer_funds", *arguments, stdout=printed)
    except CommandError as error:
        return error.returncode, f"{printed.getvalue()}{error}"
    return 0, printed.getvalue()


def run_json(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the object that was printed."""
    printed = StringIO()
    code = 0
    try:
        call_command("transfer_funds", *arguments, "--json", stdout=printed)
    except CommandError as error:
        code = error.returncode
    return code, json.loads(printed.getvalue())


def lose_one(demo: RunningExchange, *, when: str) -> None:
    """Ask for a transfer whose answer is lost."""
    demo.set_fault(endpoint=SENDING, when=when, action="drop")
    code, printed = run("--key", "main", "--to", "futures", "--amount", "100")
    assert code == 1
    assert "Only the venue's history tells" in printed


@pytest.mark.parametrize(
    ("to", "words"), [("futures", "spot to futures"), ("spot", "futures to spot")]
)
def test_a_transfer_that_is_done_ends_with_zero(api_key: APIKey, to: str, words: str) -> None:
    code, printed = run("--key", "main", "--to", to, "--amount", "12.5")

    row = Transfer.objects.get()
    assert code == 0
    assert f"transfer {row.pk}: 12.5 USDT from {words}, done." in printed
    assert (row.amount, row.requested_by) == (Decimal("12.5"), None)


def test_json_tells_everything_about_it(api_key: APIKey, owner: User) -> None:
    code, told = run_json(
        "--key", str(api_key.pk), "--to", "futures", "--amount", "1", "--user", "olivia"
    )

    row = Transfer.objects.get()
    assert (code, told["error"]) == (0, None)
    (shown,) = told["transfers"]
    assert shown == {
        "id": row.pk,
        "account": api_key.account.uid,
        "environment": "demo",
        "direction": "MAIN_UMFUTURE",
        "asset": "USDT",
        "amount": "1",
        "status": "done",
        "transaction_id": row.transaction_id,
        "message": f"The venue has given it the number {row.transaction_id}.",
        "purpose": "transfer_funds",
        "requested_by": "olivia",
        "created_at": row.created_at.isoformat(),
        "settled_at": row.settled_at and row.settled_at.isoformat(),
    }


def test_one_that_the_venue_refuses_ends_with_one(api_key: APIKey) -> None:
    code, told = run_json("--key", "main", "--to", "spot", "--amount", "999999999")

    assert code == 1
    assert told["transfers"][0]["status"] == "rejected"
    assert "insufficient balance" in told["transfers"][0]["message"]


def test_in_doubt_nothing_more_is_sent_until_it_is_reconciled(
    demo: RunningExchange, api_key: APIKey
) -> None:
    lose_one(demo, when="after")

    code, told = run_json("--key", "main", "--to", "futures", "--amount", "100")
    assert code == 1
    assert "--reconcile" in told["error"]
    assert [one["status"] for one in told["transfers"]] == ["unknown"]
    code, printed = run("--key", "main", "--reconcile")
    assert code == 0
    assert "100 USDT from spot to futures, done" in printed
    assert run("--key", "main", "--reconcile") == (0, "every transfer is settled\n")
    assert Transfer.objects.count() == 1


def test_what_stays_in_doubt_ends_with_one_until_it_counts_as_never_made(
    demo: RunningExchange, api_key: APIKey
) -> None:
    lose_one(demo, when="before")
    code, told = run_json("--key", "main", "--reconcile")
    assert (code, told["error"]) == (1, None)
    assert told["transfers"][0]["status"] == "unknown"

    row = Transfer.objects.get()
    for looks in (1, 2):
        # As if it had been signed, and looked for, long ago.
        Transfer.objects.update(signed_at_ms=row.signed_at_ms - 600_000, looked_at_ms=None)
        code, told = run_json("--key", "main", "--reconcile")
        assert Transfer.objects.get().looks == looks

    assert code == 0
    assert told["transfers"][0]["status"] == "never_made"
    assert run("--key", "main", "--to", "futures", "--amount", "100")[0] == 0


def test_a_person_decides_what_the_history_cannot(demo: RunningExchange, api_key: APIKey) -> None:
    lose_one(demo, when="before")
    row = Transfer.objects.get()
    decide = ("--key", "main", "--decide", str(row.pk))

    code, printed = run(*decide, "--transaction", "none", "--user", "olivia")
    assert code == 2
    assert "the venue may still make it" in printed
    code, printed = run(*decide, "--transaction", "123", "--user", "olivia")
    assert code == 2
    assert "no free row 123" in printed
    Transfer.objects.update(signed_at_ms=row.signed_at_ms - 600_000)
    assert run(*decide, "--transaction", "none", "--user", "olivia")[0] == 0

    assert Transfer.objects.get().status == TransferStage.NEVER_MADE


def test_a_venue_that_does_not_answer_ends_with_one(demo: RunningExchange, api_key: APIKey) -> None:
    demo.set_fault(endpoint=HISTORY, action="error", code=-1016, times=None)

    code, told = run_json("--key", "main", "--to", "futures", "--amount", "100")

    assert (code, told["transfers"]) == (1, [])
    assert "no longer available" in told["error"]
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "futures"), "--to needs --amount"),
        (("--to", "futures", "--amount", "much"), "--amount: 'much' is not a plain number"),
        (("--to", "futures", "--amount", "0"), "amount: The amount must be greater than zero"),
        (("--to", "spot", "--amount", "1", "--asset", "US-DT"), "asset: Give the asset"),
        (("--to", "spot", "--amount", "1", "--asset", ""), "asset: Give the asset"),
        (("--to", "spot", "--amount", "1", "--asset", "uß"), "asset: Give the asset"),
        (("--to", "spot", "--amount", "1", "--user", "nobody"), "--user: nobody is called"),
        (("--decide", "1", "--transaction", "none"), "--decide needs --user"),
        (("--decide", "1", "--user", "olivia"), "--decide needs --transaction"),
        (
            ("--decide", "1", "--user", "olivia", "--transaction", "none"),
            "the account has no transfer 1",
        ),
    ],
)
def test_wrong_usage_ends_with_two_and_names_the_argument(
    api_key: APIKey, arguments: tuple[str, ...], words: str
) -> None:
    code, printed = run("--key", "main", *arguments)

    assert code == 2
    assert words in printed
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    "amount",
    ["1_000", "1.2.3", "1e3", "+5", " 5", "5\n", ".5", "5.", "nan", "", "0x1", "\uff15"],
)
def test_an_amount_is_plain_digits_with_at_most_one_point(api_key: APIKey, amount: str) -> None:
    code, printed = run("--key", "main", "--to", "futures", f"--amount={amount}")

    assert (code, printed) == (2, f"--amount: {amount!r} is not a plain number like 100 or 0.5")
    assert not Transfer.objects.exists()


def test_an_amount_with_a_sign_is_no_plain_number(api_key: APIKey) -> None:
    assert run("--key", "main", "--to", "futures", "--amount=-5")[0] == 2
    assert not Transfer.objects.exists()


def test_the_asset_may_be_given_in_small_letters(api_key: APIKey) -> None:
    assert run("--key", "main", "--to", "futures", "--amount", "1", "--asset", "usdt")[0] == 0

    assert Transfer.objects.get().asset == "USDT"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--to", "spot", "--amount", "1", "--transaction", "7"), "--transaction: .* with --to"),
        (("--reconcile", "--amount", "5"), "--amount: .* with --reconcile"),
        (("--reconcile", "--amount", ""), "--amount: .* with --reconcile"),
        (("--reconcile", "--asset", "USDT"), "--asset: .* with --reconcile"),
        (("--reconcile", "--transaction", "none"), "--transaction: .* with --reconcile"),
        (
            ("--decide", "1", "--amount", "5", "--asset", "BTC", "--transaction", "7"),
            "--amount and --asset: .* with --decide",
        ),
        (("--decide", "0", "--amount", "5"), "--amount: .* with --decide"),
    ],
)
def test_options_of_another_wish_are_refused_by_name_before_anybody_is_asked(
    demo: RunningExchange, api_key: APIKey, arguments: tuple[str, ...], words: str
) -> None:
    demo.set_fault(endpoint="*", when="before", action="drop", times=None)

    code, printed = run("--key", "main", "--user", "olivia", *arguments)

    assert code == 2
    assert re.fullmatch(words.replace(".*", "not allowed"), printed)
    assert demo.faults()[0]["hits"] == 0
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "nobody", "--reconcile"), "--key: no usable key is called 'nobody'"),
        (("--key", "main", "--reconcile", "--amount", "5"), "--amount: not allowed with"),
        (("--key", "main", "--to", "futures", "--amount", "0"), "greater than zero"),
    ],
)
def test_wrong_usage_is_told_in_json_too(
    api_key: APIKey, arguments: tuple[str, ...], words: str
) -> None:
    code, told = run_json(*arguments)

    assert (code, told["transfers"]) == (2, [])
    assert words in told["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--reconcile",), "required: --key"),
        (("--key", "main", "--decide", "1", "--to", "spot"), "not allowed with argument"),
        (("--key", "main", "--decide", "1_7"), "'1_7' is not the number of a transfer"),
        (("--key", "main", "--reconcile", "--sideways"), "unrecognized arguments: --sideways"),
    ],
)
def test_arguments_that_cannot_be_read_end_with_two_and_are_told_in_json_too(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    def run_as_a_program(*more: str) -> str:
        printed = StringIO()
        argv = ["manage.py", "transfer_funds", *arguments, *more]
        with pytest.raises(SystemExit) as end:
            Command(stdout=printed).run_from_argv(argv)
        assert end.value.code == 2
        assert words in capsys.readouterr().err
        return printed.getvalue()

    told = json.loads(run_as_a_program("--json"))
    assert (list(told), told["transfers"]) == (["transfers", "error"], [])
    assert words in told["error"]
    assert run_as_a_program() == ""


def test_a_reconcile_that_fails_prints_nothing_but_its_error(
    demo: RunningExchange, api_key: APIKey
) -> None:
    lose_one(demo, when="after")
    demo.set_fault(endpoint=HISTORY, action="error", code=-1016, times=None)
    printed = StringIO()

    with pytest.raises(CommandError, match="no longer available"):
        call_command("transfer_funds", "--key", "main", "--reconcile", stdout=printed)

    assert printed.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "required"),
        (("--key", "main"), "one of the arguments"),
        (("--key", "main", "--to", "margin"), "invalid choice"),
        (("--key", "main", "--to", "spot", "--reconcile"), "not allowed with"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("transfer_funds", *arguments)


def test_a_key_is_named_so_that_only_one_fits(
    api_key: APIKey, owner: User, other_person: User
) -> None:
    second = add_api_key(
        owner=other_person, environment="demo", label="main", key=SECOND_KEY, secret=SECOND_SECRET
    )
    wanted = ("--to", "futures", "--amount", "1")

    code, printed = run("--key", "main", *wanted)
    assert code == 2
    assert str(second.pk) in printed
    assert run("--key", "nobody", *wanted) == (2, "--key: no usable key is called 'nobody'")
    assert run("--key", "main", *wanted, "--user", "mallory")[0] == 0
    assert Transfer.objects.get().account == second.account
    revoke_api_key(api_key=second)
    assert run("--key", str(second.pk), *wanted)[0] == 2


def test_a_database_that_fails_is_told_in_words_with_what_to_do_next(
    api_key: APIKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("exchange.transfer_journal.settle", fail)
    monkeypatch.setattr("exchange.transfer_journal.note_unknown", fail)

    code, told = run_json("--key", "main", "--to", "futures", "--amount", "100")

    assert (code, told["transfers"]) == (1, [])
    assert "run --reconcile before anything else" in told["error"]
    monkeypatch.undo()
    assert run("--key", "main", "--to", "futures", "--amount", "100")[0] == 1  # one is in doubt
    assert run("--key", "main", "--reconcile")[0] == 0
    assert Transfer.objects.get().status == TransferStage.DONE
