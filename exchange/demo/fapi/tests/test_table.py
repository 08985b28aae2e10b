"""Which paths of the futures API are answered, and how the others are refused."""

from __future__ import annotations

import pytest

from exchange.demo.conftest import Caller, refusal
from exchange.demo.fapi.table import ENDPOINTS, NOT_BUILT


def test_every_endpoint_lies_on_the_futures_host() -> None:
    assert {path.split("/")[1] for _, path in ENDPOINTS} == {"fapi"}


@pytest.mark.parametrize("path", [*NOT_BUILT, "/fapi/v1/income/asyn/id", "/futures/data/basis"])
def test_what_the_venue_has_beyond_that_is_refused_plainly(caller: Caller, path: str) -> None:
    assert ("PUT", path) not in ENDPOINTS
    response = caller.raw("PUT", path)
    told = f"This operation is not supported: the demo exchange has no PUT {path} yet."
    assert refusal(response) == (400, -1020, told)
    assert response.headers["X-MBX-USED-WEIGHT-1M"] == "1"


@pytest.mark.parametrize("path", ["/fapi/v1/incomes", "/fapi", "/fapi/v4/account"])
def test_what_the_venue_has_not_either_is_an_invalid_path(caller: Caller, path: str) -> None:
    expected = (404, -5000, f"Path {path}, Method GET is invalid")
    assert refusal(caller.raw("GET", path)) == expected
