"""Making the virtual environment, without any internet: wheels are made here, by hand."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.environment import UV_VERSION, ensure_environment
from tradebot_site.embedded.errors import FrontDoorError
from tradebot_site.embedded.pip_bootstrap import require_ensurepip
from tradebot_site.embedded.tests.conftest import CHECKOUT, clean_environment
from tradebot_site.embedded.virtualenv import Virtualenv, is_usable, mark_installed

REFUSING_INDEX = "http://127.0.0.1:9/simple"
UV_THAT_CALLS_PIP = """
import subprocess, sys

def main():
    _, pip, install, quiet, python_flag, python, *rest = sys.argv
    assert [pip, install, quiet, python_flag] == ["pip", "install", "--quiet", "--python"], sys.argv
    open(sys.prefix + "/uv-was-here", "a").close()
    return subprocess.call([python, "-m", "pip", "install", "--quiet", *rest])
"""


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> str:
    """Write a wheel and return its sha256."""
    info = f"{name}-{version}.dist-info"
    contents = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={_record_digest(text)},{len(text)}\n" for path, text in contents.items()
    )
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in (contents | {f"{info}/RECORD": record}).items():
            wheel.writestr(member, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record_digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Checkout:
    """An empty checkout whose requirements are one small package in a local folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.wheels = path.parent / "wheels"  # pip splits PIP_FIND_LINKS at spaces
        self.wheels.mkdir()
        self.venv = path / ".venv"
        self.said = io.StringIO()
        digest = make_wheel(self.wheels, "tiny", "1.0", {"tiny.py": "VALUE = 1\n"})
        self.requirements = path / "requirements.txt"
        self.requirements.write_text(f"tiny==1.0 --hash=sha256:{digest}\n")

    def ensure(self, *, development: bool = False) -> None:
        ensure_environment(self.path, console=Console(self.said), development=development)

    def has_tiny(self) -> bool:
        command = [str(self.venv / "bin/python"), "-c", "import tiny"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def offer_uv(self) -> None:
        """Put a stand-in for uv among the wheels."""
        entry_points = "[console_scripts]\nuv = uv_stand_in:main\n"
        files = {
            "uv_stand_in.py": UV_THAT_CALLS_PIP,
            f"uv-{UV_VERSION}.dist-info/entry_points.txt": entry_points,
        }
        make_wheel(self.wheels, "uv", UV_VERSION, files)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    made = Checkout(tmp_path / "check out")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.wheels))
    return made


def give_venv(checkout: Checkout, made: Path) -> None:
    """Save the seconds of making one: copy a fresh virtual environment, pip included."""
    shutil.copytree(made, checkout.venv, symlinks=True)


@pytest.fixture(scope="session")
def fresh_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", path], check=True)
    return path


def test_from_nothing_to_installed_and_the_second_time_nothing_is_done(
    checkout: Checkout,
) -> None:
    checkout.offer_uv()
    checkout.ensure()
    assert checkout.has_tiny()
    assert (checkout.venv / "uv-was-here").exists()
    assert [line.split(" ..")[0].strip() for line in checkout.said.getvalue().splitlines()] == [
        "Virtual environment",
        "Installer (uv)",
        "Packages of requirements.txt (uv)",
    ]
    before = checkout.said.getvalue()
    checkout.ensure()
    assert checkout.said.getvalue() == before


def test_pip_does_it_where_there_is_no_uv(checkout: Checkout, fresh_venv: Path) -> None:
    give_venv(checkout, fresh_venv)
    checkout.ensure()
    assert checkout.has_tiny()
    assert "Packages of requirements.txt (pip)" in checkout.said.getvalue()


def test_a_package_with_another_hash_is_refused(checkout: Checkout, fresh_venv: Path) -> None:
    give_venv(checkout, fresh_venv)
    make_wheel(checkout.wheels, "tiny", "1.0", {"tiny.py": "VALUE = 'evil'\n"})
    with pytest.raises(FrontDoorError, match=r"(?s)A step of the installation failed.*hash"):
        checkout.ensure()
    assert not checkout.has_tiny()


def test_no_network_is_a_clear_error_and_the_next_try_goes_on(
    checkout: Checkout, fresh_venv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_venv(checkout, fresh_venv)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", REFUSING_INDEX)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(FrontDoorError) as failure:
        checkout.ensure()
    assert "The package index cannot be reached" in str(failure.value)
    assert "Nothing was lost. Run the same command again" in str(failure.value)
    assert not (checkout.venv / ".requirements.installed").exists()

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(checkout.wheels))
    checkout.ensure()
    assert checkout.has_tiny()


def test_an_interrupted_installation_is_made_anew(checkout: Checkout, fresh_venv: Path) -> None:
    give_venv(checkout, fresh_venv)
    (checkout.venv / ".unfinished").touch()
    (checkout.venv / "left-over").touch()
    checkout.ensure()
    assert not (checkout.venv / "left-over").exists()
    assert not (checkout.venv / ".unfinished").exists()
    assert checkout.has_tiny()


def test_of_two_installations_at_once_one_waits_and_then_finds_nothing_to_do(
    checkout: Checkout, fresh_venv: Path
) -> None:
    give_venv(checkout, fresh_venv)
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from tradebot_site.embedded.console import Console\n"
        "from tradebot_site.embedded.environment import ensure_environment\n"
        "ensure_environment(Path(sys.argv[2]), console=Console(sys.stdout))\n"
    )
    command = [sys.executable, "-c", script, str(CHECKOUT), str(checkout.path)]
    with (checkout.venv / ".install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            waiting = second.stdout.read(len("  Waiting for another installation"))
            mark_installed(Virtualenv(path=checkout.venv, is_default=True), checkout.requirements)
            fcntl.flock(lock, fcntl.LOCK_UN)
            rest = second.stdout.read()
    assert second.returncode == 0
    assert waiting == "  Waiting for another installation"
    assert "Packages" not in rest
    assert not checkout.has_tiny()


def test_changed_requirements_are_installed_into_the_same_environment(
    checkout: Checkout, fresh_venv: Path
) -> None:
    give_venv(checkout, fresh_venv)
    checkout.ensure()
    (checkout.venv / "kept").touch()
    digest = make_wheel(checkout.wheels, "extra", "2.0", {"extra.py": ""})
    development = checkout.path / "requirements-dev.txt"
    development.write_text(
        checkout.requirements.read_text() + f"extra==2.0 --hash=sha256:{digest}\n"
    )
    checkout.ensure(development=True)
    assert (checkout.venv / "kept").exists()
    assert (checkout.venv / ".requirements-dev.installed").exists()


def test_an_environment_whose_interpreter_is_gone_is_rebuilt(
    checkout: Checkout, fresh_venv: Path
) -> None:
    give_venv(checkout, fresh_venv)
    (checkout.venv / "bin/python").unlink()
    (checkout.venv / "bin/python").symlink_to("/nonexistent/python3")
    (checkout.venv / "stale").touch()
    checkout.ensure()
    assert checkout.has_tiny()
    assert not (checkout.venv / "stale").exists()


def test_an_environment_of_another_minor_version_is_not_usable(
    checkout: Checkout, fresh_venv: Path
) -> None:
    give_venv(checkout, fresh_venv)
    venv = Virtualenv(path=checkout.venv, is_default=True)
    assert is_usable(venv) is True
    venv.python.unlink()
    venv.python.write_text("#!/bin/sh\necho 3.10\n")
    venv.python.chmod(0o755)
    assert is_usable(venv) is False


def test_a_folder_of_somebody_else_is_never_emptied(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = checkout.path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").touch()
    monkeypatch.setenv("TRADEBOT_VENV", str(precious))
    with pytest.raises(FrontDoorError, match="was not made by tradebotctl"):
        checkout.ensure()
    assert (precious / "thesis.tex").exists()


def test_a_place_that_cannot_be_written_is_named(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEBOT_VENV", str(checkout.requirements / "venv"))
    with pytest.raises(FrontDoorError, match=r"Cannot use the virtual environment .*requirements"):
        checkout.ensure()


def hide_ensurepip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `import ensurepip` fail in every new interpreter until the returned file is removed."""
    switch = folder / "no-ensurepip"
    switch.touch()
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(
        "import os, sys\n"
        f"if os.path.exists({str(switch)!r}):\n"
        "    sys.modules['ensurepip'] = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder / "site"))
    return switch


def put_apt_get(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for apt-get first on the PATH; return the file where it notes its calls."""
    (folder / "bin").mkdir()
    program = folder / "bin/apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/apt-calls"\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder / "apt-calls"


PACKAGE = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"


def test_without_ensurepip_root_installs_debians_package_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = hide_ensurepip(tmp_path, monkeypatch)
    calls = put_apt_get(tmp_path, f'case "$*" in *{PACKAGE}) rm -f "{switch}";; esac', monkeypatch)
    said = io.StringIO()
    require_ensurepip(Console(said), base_prefix="/usr", is_root=True)
    assert calls.read_text() == f"update\ninstall -y {PACKAGE}\n"
    assert f"installing Debian's {PACKAGE}: apt-get install -y {PACKAGE}" in said.getvalue()


def test_without_ensurepip_a_normal_user_gets_the_exact_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_ensurepip(tmp_path, monkeypatch)
    calls = put_apt_get(tmp_path, "exit 1", monkeypatch)
    with pytest.raises(FrontDoorError, match=f"\n  sudo apt-get install -y {PACKAGE}"):
        require_ensurepip(Console(io.StringIO()), base_prefix="/usr", is_root=False)
    assert not calls.exists()


def test_an_apt_get_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_ensurepip(tmp_path, monkeypatch)
    put_apt_get(tmp_path, "echo E: no such package; exit 100", monkeypatch)
    with pytest.raises(FrontDoorError, match=r"did not help.*\n  \| E: no such package"):
        require_ensurepip(Console(io.StringIO()), base_prefix="/usr", is_root=True)


def test_a_python_of_ones_own_without_ensurepip_is_not_apts_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_ensurepip(tmp_path, monkeypatch)
    calls = put_apt_get(tmp_path, "exit 0", monkeypatch)
    with pytest.raises(FrontDoorError, match="was built without ensurepip"):
        require_ensurepip(Console(io.StringIO()), base_prefix="/opt/python", is_root=True)
    assert not calls.exists()
