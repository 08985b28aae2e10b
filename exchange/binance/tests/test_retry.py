from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from exchange.binance.retry import LONGEST_BACKOFF_SECONDS, Retry, RetryPolicy, repeat
from exchange.domain.budget import Priority, asking_for, current_asking, one_asking
from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)

POLICY = RetryPolicy(max_attempts=4, backoff_base=0.2)


class Job:
    """Fails in the given ways, then returns; notes what it was told and how long it slept."""

    def __init__(self, *failures: GatewayError) -> None:
        self.failures = list(failures)
        self.runs = 0
        self.retries: list[Retry] = []
        self.slept: list[float] = []

    def __call__(self) -> str:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def repeat(self, policy: RetryPolicy = POLICY) -> str:
        return repeat(
            self,
            endpoint="GET /x",
            policy=policy,
            on_retry=self.retries.append,
            sleep=self.slept.append,
        )


def later(code: int | None = None) -> UnavailableError:
    return UnavailableError("no", code=code)


def test_a_failure_that_passes_is_asked_again() -> None:
    job = Job(later(-1001), later())

    assert job.repeat() == "done"

    seen = [(r.endpoint, r.code, r.attempt, r.of, r.delay) for r in job.retries]
    assert seen == [
        ("GET /x", "-1001", 1, 4, job.slept[0]),
        ("GET /x", "none", 2, 4, job.slept[1]),
    ]


def test_the_last_attempt_is_the_last() -> None:
    job = Job(*(later(number) for number in range(-1, -9, -1)))

    with pytest.raises(UnavailableError) as caught:
        job.repeat()

    assert (job.runs, len(job.retries), caught.value.code) == (4, 3, -4)


def test_one_attempt_means_no_retry() -> None:
    job = Job(later())

    with pytest.raises(UnavailableError):
        job.repeat(RetryPolicy(max_attempts=1))

    assert (job.runs, job.slept) == (1, [])


@pytest.mark.parametrize(
    "failure",
    [
        OrderRejectedError("no"),
        CredentialsError("no"),
        TimestampError("no"),
        OutcomeUnknownError("no"),
        UnavailableError("closed", is_lasting=True),
    ],
)
def test_what_would_fail_again_is_not_asked_again(failure: GatewayError) -> None:
    job = Job(failure)

    with pytest.raises(type(failure)):
        job.repeat()

    assert (job.runs, job.retries) == (1, [])


def test_delays_are_spread_over_a_range_that_doubles_up_to_a_limit() -> None:
    policy = RetryPolicy(max_attempts=20, backoff_base=0.5)
    for attempt, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (12, LONGEST_BACKOFF_SECONDS)):
        delays = [policy.delay(attempt, later()) for _ in range(500)]
        assert 0 <= min(delays) < 0.1 * longest
        assert 0.9 * longest < max(delays) <= longest


def test_retry_after_is_waited_for_in_full() -> None:
    job = Job(RateLimitedError("slow down", retry_after=2))

    assert job.repeat() == "done"

    assert 2 <= job.slept[0] <= 2.2


@pytest.mark.parametrize(
    ("priority", "retry_after", "runs"),
    [
        (Priority.EXIT, 9, 2),
        (Priority.EXIT, 11, 1),
        (Priority.ENTRY, 4, 2),
        (Priority.ENTRY, 6, 1),
        (Priority.PAGE, 0.5, 2),
        (Priority.PAGE, 2, 1),
    ],
)
def test_a_wait_beyond_the_callers_patience_is_handed_to_the_caller(
    priority: Priority, retry_after: float, runs: int
) -> None:
    job = Job(RateLimitedError("slow down", retry_after=retry_after))

    with asking_for(priority):
        _run(job.repeat)

    assert job.runs == runs
    assert len(job.slept) == runs - 1


def test_an_attempt_that_hung_uses_up_the_patience() -> None:
    job = Job(later(), later())

    def hang() -> str:
        current_asking().lose(5)
        return job()

    with asking_for(Priority.PAGE), pytest.raises(UnavailableError):
        repeat(
            hang, endpoint="", policy=POLICY, on_retry=job.retries.append, sleep=job.slept.append
        )

    assert (job.runs, job.slept) == (1, [])


def test_waiting_counts_against_the_patience_of_the_whole_block() -> None:
    first, second = (Job(RateLimitedError("", retry_after=3)) for _ in range(2))

    with asking_for(Priority.ENTRY):
        assert first.repeat() == "done"
        with pytest.raises(RateLimitedError):
            second.repeat()


def test_a_retry_is_logged_with_everything_that_an_operator_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    retry = Retry(endpoint="GET /api/v3/klines", error=later(-1001), attempt=2, of=4, delay=0.25)

    with caplog.at_level(logging.WARNING):
        retry.log()

    (record,) = caplog.records
    facts = vars(record)
    assert (facts["endpoint"], facts["code"]) == ("GET /api/v3/klines", "-1001")
    assert (facts["attempt"], facts["max_attempts"], facts["delay_seconds"]) == (2, 4, 0.25)
    assert "endpoint='GET /api/v3/klines' code='-1001' attempt=2 max_attempts=4" in caplog.text


def _run(job: Callable[[], str]) -> None:
    try:
        with one_asking():
            job()
    except RateLimitedError:
        pass
