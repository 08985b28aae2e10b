from __future__ import annotations

import pytest

from exchange.demo.streams.requests import RequestError, parse_request


def test_a_request_is_read_with_its_id() -> None:
    request = parse_request('{"method": "SUBSCRIBE", "params": ["a@ticker"], "id": "abc-1"}')
    assert request == ("SUBSCRIBE", ["a@ticker"], "abc-1")
    assert parse_request('{"method": "LIST_SUBSCRIPTIONS"}') == ("LIST_SUBSCRIPTIONS", [], None)


@pytest.mark.parametrize(
    ("text", "code", "message", "request_id"),
    [
        ("{", 3, "Invalid JSON: expected value at line 1 column 2", None),
        ("[]", 2, "Invalid request: a JSON object is expected", None),
        ('{"id": 4}', 2, "Invalid request: missing field `method`", 4),
        (
            '{"method": "LISTEN", "id": 4}',
            2,
            "Invalid request: unknown variant `LISTEN`, expected one of `SUBSCRIBE`,"
            " `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
            4,
        ),
        (
            '{"method": "SUBSCRIBE", "params": ["a"], "more": 1, "id": 4}',
            2,
            "Invalid request: too many parameters",
            4,
        ),
        ('{"method": "SUBSCRIBE", "id": 4}', 2, "Invalid request: missing field `params`", 4),
        (
            '{"method": "SUBSCRIBE", "params": "a", "id": 4}',
            2,
            "Invalid request: params must be an array",
            4,
        ),
        (
            '{"method": "SUBSCRIBE", "params": [1], "id": 4}',
            2,
            "Invalid request: stream names must be strings",
            4,
        ),
        (
            '{"method": "SUBSCRIBE", "params": ["a"], "id": true}',
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        (
            '{"method": "SUBSCRIBE", "params": ["a"], "id": 1.5}',
            2,
            "Invalid request: request ID must be an unsigned integer",
            None,
        ),
        ("[" * 100_000, 3, "Invalid JSON: expected value at line 1 column 1", None),
    ],
)
def test_what_is_wrong_with_a_request_is_said_in_the_venues_words(
    text: str, code: int, message: str, request_id: int | None
) -> None:
    with pytest.raises(RequestError) as refused:
        parse_request(text)
    assert refused.value.body() == {"error": {"code": code, "msg": message}, "id": request_id}
