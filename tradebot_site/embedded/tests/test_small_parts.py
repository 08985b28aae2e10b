"""Parts that need no process: ports, layout, credentials, logs, console, command lines."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot_site.embedded import ports, pytest_arguments, runstate
from tradebot_site.embedded.cli import build_parser, split_passed_on
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import load_or_create
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.instance import AlreadyRunningError, instance_lock, is_locked
from tradebot_site.embedded.layout import Layout, prepare
from tradebot_site.embedded.log_reader import _Tail
from tradebot_site.embedded.ports import PortClaims, is_free
from tradebot_site.embedded.processes import is_given
from tradebot_site.embedded.procinfo import memory_of_tree, read_process
from tradebot_site.embedded.pytest_arguments import WORKERS, compose
from tradebot_site.embedded.rotation import RotatingLog
from tradebot_site.embedded.runstate import ChildRecord, RunState
from tradebot_site.embedded.services import choose_ports
from tradebot_site.embedded.static_files import is_collected, mark_collected


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(checkout=tmp_path, data=tmp_path / "data")
    prepare(made)
    return made


# Ports


@pytest.fixture
def claims() -> Iterator[PortClaims]:
    lent = PortClaims()
    yield lent
    lent.close()


def test_the_default_port_gives_way_and_an_explicit_one_does_not(
    claims: PortClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(ports, "DEFAULT_WEB_PORT", port)
        assert is_free(port) is False
        assert claims.web(None) > port
        with pytest.raises(FrontDoorError, match=f"Port {port} is taken"):
            claims.web(port)
    assert claims.web(port) == port


def test_a_kept_port_is_used_again_while_it_is_free(claims: PortClaims) -> None:
    port = claims.service(None)
    claims.close()
    assert claims.service(port) == port
    claims.close()
    with socket.create_server(("127.0.0.1", port)):
        assert claims.service(port) != port


def test_a_port_that_another_tradebotctl_has_chosen_but_not_opened_yet_is_left_alone(
    claims: PortClaims,
) -> None:
    other = PortClaims()
    port = other.service(None)
    assert claims.service(port) != port
    with pytest.raises(FrontDoorError, match="taken"):
        claims.web(port)
    other.close()
    assert claims.web(port) == port


@pytest.mark.parametrize("wish", ["0", "65536", "http"])
def test_a_wished_demo_port_that_is_none_is_refused(
    wish: str, claims: PortClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_EXCHANGE_PORT", wish)
    with pytest.raises(FrontDoorError, match="DEMO_EXCHANGE_PORT is not a port number"):
        choose_ports(claims, {})


def test_a_wished_demo_port_is_used_or_refused(
    claims: PortClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = claims.service(None)
    claims.close()
    monkeypatch.setenv("DEMO_EXCHANGE_PORT", str(port))
    assert choose_ports(claims, {"demo_exchange": 1234}).demo_exchange == port
    with pytest.raises(FrontDoorError, match=f"DEMO_EXCHANGE_PORT {port} is taken"):
        choose_ports(claims, {})


# Data directory


def test_a_version_file_that_makes_no_sense_is_named(layout: Layout) -> None:
    layout.version_file.write_text("{}")
    with pytest.raises(FrontDoorError, match=str(layout.version_file)):
        prepare(layout)


def test_credentials_are_made_once_and_never_shown(layout: Layout) -> None:
    first = load_or_create(layout)
    assert load_or_create(layout) == first
    assert len(first.fernet_keys) == 44
    assert first.secret_key not in repr(first)
    other = Layout(checkout=layout.checkout, data=layout.data / "other")
    prepare(other)
    assert load_or_create(other).postgres_password != first.postgres_password


def test_lost_credentials_of_an_existing_database_are_not_replaced(layout: Layout) -> None:
    layout.postgres.mkdir()
    with pytest.raises(FrontDoorError, match="Restore the file from a backup"):
        load_or_create(layout)
    assert not layout.secrets_file.exists()


@pytest.mark.parametrize("text", ["not json", "[]", '{"secret_key": "x"}'])
def test_damaged_credentials_are_named(layout: Layout, text: str) -> None:
    layout.secrets_file.write_text(text)
    with pytest.raises(FrontDoorError, match=str(layout.secrets_file)):
        load_or_create(layout)
    assert layout.secrets_file.read_text() == text


def test_run_json_round_trips_and_a_damaged_one_counts_as_none(layout: Layout) -> None:
    child = ChildRecord(name="web", pid=7, start_ticks=9, state="running", restarts=1)
    state = RunState(state="ready", pid=5, ports={"web": 8000}, children=[child])
    runstate.save(layout, state)
    assert runstate.load(layout) == state
    layout.run_file.write_text('{"half')
    assert runstate.load(layout) == RunState()


def test_only_one_holds_the_lock_and_a_look_does_not_take_it(layout: Layout) -> None:
    assert is_locked(layout.lock_file) is False
    with instance_lock(layout.lock_file):
        assert is_locked(layout.lock_file) is True
        with pytest.raises(AlreadyRunningError) as refused, instance_lock(layout.lock_file):
            pytest.fail("two holders")
        assert refused.value.pid == os.getpid()
    assert is_locked(layout.lock_file) is False


def test_static_files_are_collected_again_only_after_a_change(layout: Layout) -> None:
    (layout.checkout / "bots/static").mkdir(parents=True)
    style = layout.checkout / "bots/static/style.css"
    style.write_text("a")
    assert is_collected(layout) is False
    mark_collected(layout)
    assert is_collected(layout) is True
    style.write_text("ab")
    assert is_collected(layout) is False


@pytest.mark.parametrize(
    ("env", "expected"),
    [({}, False), ({"X": ""}, False), ({"X": "1"}, True), ({"X_FILE": "/run/x"}, True)],
)
def test_a_variable_may_be_given_by_file(env: dict[str, str], *, expected: bool) -> None:
    assert is_given("X", env) is expected


# Logs and console


@given(st.lists(st.binary(max_size=40), max_size=60))
def test_a_log_never_grows_past_its_bound_and_loses_only_the_oldest(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("rotation") / "web.log"
    log = RotatingLog(path, max_bytes=100)
    for chunk in chunks:
        log.write(chunk)
    log.close()
    files = [path.with_name("web.log.2"), path.with_name("web.log.1"), path]
    kept = [file.read_bytes() for file in files if file.exists()]
    assert all(len(data) <= 100 for data in kept)
    assert b"".join(chunks).endswith(b"".join(kept))
    assert len(list(path.parent.iterdir())) <= 3


def test_following_a_log_survives_its_turn_over(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web.log", max_bytes=20)
    tail = _Tail(tmp_path / "web.log", prefix="")
    log.write(b"one\ntw")
    assert tail.added() == ["one"]
    log.write(b"o\nthree\nfour\n")
    log.write(b"five\n")
    assert tail.added() == ["two", "three", "four", "five"]
    tail.close()
    log.close()


def test_a_step_shows_its_seconds_and_what_was_said_meanwhile_has_its_own_line() -> None:
    stream = io.StringIO()
    console = Console(stream)
    with console.step("Web"):
        console.say("worker died")
    title = "  Web " + "." * 38
    assert stream.getvalue() == f"{title}\nworker died\n{title} 0.0 s\n"


def test_a_reader_that_has_gone_does_not_stop_anything(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w")
    console = Console(stream)
    log = RotatingLog(tmp_path / "up.log")
    console.log_to(log)
    console.say("public")
    console.say("password", private=True)
    assert (tmp_path / "up.log").read_text().endswith(" public\n")
    with pytest.raises(BrokenPipeError):
        stream.close()
    log.close()


# Processes


def test_a_process_is_described_even_when_its_name_is_odd() -> None:
    info = read_process(os.getpid())
    assert info is not None
    assert info.parent == os.getppid()
    assert not info.is_zombie
    assert memory_of_tree(os.getpid()) > 1_000_000
    assert read_process(2**22 + 1) is None


# Command lines


@pytest.mark.parametrize(
    ("arguments", "ours", "passed_on"),
    [
        (["up", "--detach"], ["up", "--detach"], []),
        (["test", "-k", "x"], ["test"], ["-k", "x"]),
        (["test", "--data-dir", "d", "-x"], ["test", "--data-dir", "d"], ["-x"]),
        (["manage", "--data-dir=d", "--", "-h"], ["manage", "--data-dir=d"], ["-h"]),
        (["manage", "x", "--data-dir", "d"], ["manage"], ["x", "--data-dir", "d"]),
        (["test", "--help"], ["test", "--help"], []),
        ([], [], []),
    ],
)
def test_what_belongs_to_another_program_is_passed_on_untouched(
    arguments: list[str], ours: list[str], passed_on: list[str]
) -> None:
    assert split_passed_on(arguments) == (ours, passed_on)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["up", "--port", "0"],
        ["up", "--port", "65536"],
        ["up", "--port", "x"],
        ["down", "x"],
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args(arguments)
    assert stopped.value.code == 2
    assert "usage: tradebotctl" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["up", "down", "status", "logs", "test", "manage"])
def test_every_subcommand_takes_a_data_directory(command: str) -> None:
    assert build_parser().parse_args([command, "--data-dir", "d"]).data_dir == "d"


@pytest.mark.parametrize(
    ("given_arguments", "browser", "expected"),
    [
        ([], True, [*WORKERS]),
        ([], False, [*WORKERS, "-m", "not browser"]),
        (["--cov"], True, [*WORKERS, "--cov"]),
        (["bots"], True, [*WORKERS, "bots"]),
        (["-n0", "bots"], True, ["-n0", "bots"]),
        (["--numprocesses=4"], True, ["--numprocesses=4"]),
        (["-m", "stack", "x"], True, [*WORKERS, "x", "-m", "stack"]),
        (["-m", "a or b"], False, [*WORKERS, "-m", "(a or b) and not browser"]),
        (["-mstack", "-n", "1"], False, ["-n", "1", "-m", "(stack) and not browser"]),
    ],
)
def test_pytest_arguments_are_completed(
    given_arguments: list[str], *, browser: bool, expected: list[str]
) -> None:
    assert compose(given_arguments, browser=browser) == expected


def test_a_browser_is_looked_for_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pytest_arguments.has_browser() is False
    (tmp_path / "google-chrome").touch(mode=0o755)
    assert pytest_arguments.has_browser() is True
