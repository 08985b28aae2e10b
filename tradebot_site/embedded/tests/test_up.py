"""The whole front door, driven as a user drives it; only the product behind it is a stand-in."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path

from tradebot_site.embedded.tests.conftest import Product, eventually

SERVICES = ["postgres", "valkey"]
PRODUCT = ["demo-exchange", "web", "worker", "beat", "market-feed", "dispatcher"]
CHILDREN = SERVICES + PRODUCT


def secrets_of(product: Product) -> dict[str, str]:
    found: dict[str, str] = json.loads((product.data / "secrets.json").read_text())
    return found


def test_up_starts_everything_says_ready_and_ctrl_c_leaves_nothing(product: Product) -> None:
    process = product.up()
    assert list(product.pids()) == CHILDREN
    address = product.state()["address"]
    [clock] = product.calls("POST /_control/clock")
    assert clock == {"running": True}

    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]

    passwords = secrets_of(product)
    assert (
        f"Ready: {address}\n"
        f"  trader    demo      / {passwords['demo_trader_password']}\n"
        f"  operator  operator  / {passwords['operator_password']}   "
        f"(admin: {address}/admin/)\n"
    ) in output
    assert process.returncode == 0
    assert "Traceback" not in output
    assert product.survivors() == []
    assert product.run("status").returncode == 1


def test_secrets_reach_the_children_by_environment_and_stand_in_no_command_line_or_log(
    product: Product,
) -> None:
    product.up()
    passwords = secrets_of(product)
    [seed] = product.calls("seed_demo")
    assert seed["env"]["DEMO_TRADER_PASSWORD"] == passwords["demo_trader_password"]
    [migrate] = product.calls("migrate")
    assert "DEMO_TRADER_PASSWORD" not in migrate["env"]
    assert passwords["postgres_password"] in migrate["env"]["DATABASE_URL"]
    assert passwords["valkey_password"] in migrate["env"]["REDIS_URL"]
    lines = "\n".join(product.survivors())
    logs = "\n".join(path.read_text() for path in (product.data / "logs").glob("*.log"))
    for secret in passwords.values():
        assert secret not in lines
        assert secret not in logs


def test_the_data_directory_is_private(product: Product) -> None:
    product.up()
    assert stat.S_IMODE(product.data.stat().st_mode) == 0o700
    assert stat.S_IMODE((product.data / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((product.data / "demo-exchange").stat().st_mode) == 0o700
    accounts = product.data / "demo-exchange/accounts.txt"
    passwords = secrets_of(product)
    key, secret = passwords["demo_api_key"], passwords["demo_api_secret"]
    assert accounts.read_text() == f"{key}:{secret}:USDT=10000,BTC=0\n"
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o600
    assert len(key) == len(secret) == 64


def test_a_second_up_says_where_the_first_one_is(product: Product) -> None:
    product.up()
    before = product.pids()
    second = product.run("up")
    assert second.returncode == 0
    assert f"already running: {product.state()['address']}" in second.stdout
    assert product.pids() == before


def test_down_stops_it_and_is_fine_when_nothing_runs(product: Product) -> None:
    process = product.up()
    assert product.run("down").returncode == 0
    assert process.wait(timeout=10) == 0
    assert product.survivors() == []
    again = product.run("down")
    assert again.returncode == 0
    assert "not running" in again.stdout


def test_status_names_every_child_with_its_memory(product: Product) -> None:
    product.up()
    report = json.loads(product.run("status", "--json").stdout)
    assert report["running"] is True
    assert [child["name"] for child in report["children"]] == CHILDREN
    assert {child["state"] for child in report["children"]} == {"running"}
    assert all(child["memory_bytes"] > 100_000 for child in report["children"])
    assert "beat" in product.run("status").stdout


def test_detach_returns_when_ready_and_passwords_stay_out_of_the_log(product: Product) -> None:
    outcome = product.run("up", "--detach")
    assert outcome.returncode == 0
    password = secrets_of(product)["demo_trader_password"]
    assert f"trader    demo      / {password}" in outcome.stdout
    assert product.run("status").returncode == 0
    assert password not in (product.data / "logs/up.log").read_text()
    assert "Ready: http://" in product.run("logs", "up").stdout


def test_detach_says_why_it_failed(product: Product) -> None:
    outcome = product.run("up", "--detach", FAKE_FAILS="migrate")
    assert outcome.returncode == 1
    assert "migrate failed: exit code 3" in outcome.stdout
    assert "  | it broke because of the moon" in outcome.stdout
    assert product.survivors() == []


def test_a_step_that_fails_is_named_with_its_last_lines_and_nothing_is_left(
    product: Product,
) -> None:
    outcome = product.run("up", FAKE_FAILS="seed_demo")
    assert outcome.returncode == 1
    assert "seed_demo failed: exit code 3" in outcome.stderr
    assert "  | it broke because of the moon" in outcome.stderr
    assert "Ready" not in outcome.stdout
    assert "Traceback" not in outcome.stderr
    assert product.survivors() == []


def test_a_taken_explicit_port_stops_before_anything_is_started(product: Product) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = product.run("up", "--port", str(port))
    assert outcome.returncode == 1
    assert f"Port {port} is taken" in outcome.stderr
    assert not (product.data / "postgres").exists()


def test_kill_9_takes_the_services_down_and_the_next_up_cleans_up(product: Product) -> None:
    process = product.up()
    first = product.pids()
    ports = product.state()["ports"]
    process.kill()
    process.wait()
    # The worker's stubborn grandchild outlives it; everything else goes by itself.
    eventually(lambda: all("sleep 1" in line for line in product.survivors()))
    assert sum("trap" in line for line in product.survivors()) == 1

    second = product.up()
    assert set(product.pids().values()).isdisjoint(first.values())
    assert product.state()["ports"] == ports
    assert sum("trap" in line for line in product.survivors()) == 1
    second.send_signal(signal.SIGTERM)
    output = second.communicate(timeout=30)[0]
    assert "ended what it left behind: worker" in output


def test_a_killed_child_is_named_and_comes_back_and_the_demo_market_goes_on(
    product: Product,
) -> None:
    process = product.up()
    old = product.pids()["demo-exchange"]
    os.kill(old, signal.SIGKILL)
    eventually(lambda: product.pids()["demo-exchange"] not in {0, old})
    eventually(lambda: {c["state"] for c in product.state()["children"]} == {"running"})
    first, second = product.calls("demo_exchange")
    assert "--paused" in first["argv"]
    assert "--paused" not in second["argv"]
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert "demo-exchange died (killed by SIGKILL)" in output


def test_services_named_by_the_caller_are_used_and_not_started(product: Product) -> None:
    product.up(DATABASE_URL="postgres://elsewhere/db", REDIS_URL="redis://elsewhere/0")
    assert list(product.pids()) == PRODUCT
    [migrate] = product.calls("migrate")
    assert migrate["env"]["DATABASE_URL"] == "postgres://elsewhere/db"
    assert migrate["env"]["REDIS_URL"] == "redis://elsewhere/0"


def test_manage_passes_through_and_stays_in_the_callers_directory(
    product: Product, tmp_path: Path
) -> None:
    outcome = product.run("manage", "echo", "7", cwd=tmp_path, stdin="hello")
    assert outcome.returncode == 7
    assert outcome.stdout == "hello"
    [call] = product.calls("echo")
    assert call["cwd"] == str(tmp_path)
    assert "DATABASE_URL" not in call["env"]
    assert call["env"]["SECRET_KEY"] == secrets_of(product)["secret_key"]


def test_an_up_started_from_within_another_installation_uses_its_own_services(
    product: Product,
) -> None:
    inherited = {"TRADEBOT_GENERATED": "DATABASE_URL", "DATABASE_URL": "postgres://outer/db"}
    product.up(**inherited, REDIS_URL="redis://named-by-the-user/0")
    [migrate] = product.calls("migrate")
    assert "outer" not in migrate["env"]["DATABASE_URL"]
    assert migrate["env"]["REDIS_URL"] == "redis://named-by-the-user/0"


def test_manage_talks_to_the_running_services(product: Product) -> None:
    product.up()
    assert product.run("manage", "echo", "0").returncode == 0
    [migrate], [echo] = product.calls("migrate"), product.calls("echo")
    assert echo["env"] == migrate["env"]


def test_a_newer_data_directory_is_refused_by_every_command_and_not_touched(
    product: Product,
) -> None:
    product.data.mkdir()
    (product.data / "version.json").write_text('{"data_version": 2}')
    for command in (["up"], ["up", "--detach"], ["status"], ["logs"], ["manage", "check"]):
        outcome = product.run(*command)
        assert outcome.returncode == 1, command
        assert "written by a newer TradeBot" in outcome.stderr
        assert "Traceback" not in outcome.stderr
    assert [path.name for path in product.data.iterdir()] == ["version.json"]


def test_a_data_directory_that_cannot_be_made_is_named(product: Product) -> None:
    (product.checkout / "file").touch()
    outcome = product.run("up", "--data-dir", "file/data", cwd=product.checkout)
    assert outcome.returncode == 1
    assert f"{product.checkout}/file/data" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_logs_of_an_unknown_name_lists_the_known_ones(product: Product) -> None:
    (product.data / "logs").mkdir(parents=True)
    (product.data / "logs/web.log").write_text("hello\n")
    assert product.run("logs", "web").stdout == "hello\n"
    assert product.run("logs").stdout == "web | hello\n"
    outcome = product.run("logs", "wbe")
    assert outcome.returncode == 2
    assert "There are: web." in outcome.stderr
