"""`up --detach`: a supervisor without a terminal, watched by its parent until it is ready."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import NoReturn, TextIO

from tradebot_site.embedded.console import Console
from tradebot_site.embedded.door import FAILED, guarded
from tradebot_site.embedded.layout import Layout, prepare
from tradebot_site.embedded.startup import up

END_OF_REPORT = b"\0"


def run_detached(layout: Layout, port: int | None) -> int:
    """Run `up` in the background; return when it is ready or has failed.

    What it says until then appears here, later it goes to logs/up.log alone. Returns the exit
    code: 0 when it runs.
    """
    prepare(layout)
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_the_supervisor(layout, writer, port)
    os.close(writer)
    try:
        report = _follow(reader)
    except KeyboardInterrupt:
        os.kill(pid, signal.SIGTERM)
        _follow(reader)
        return 1
    if not report:
        sys.stderr.write(f"tradebotctl: the start was cut short; see {layout.log('up')}\n")
        return 1
    return int(report)


def _follow(reader: int) -> bytes:
    """Copy to the terminal what the supervisor says; return the exit code that ends its report."""
    while data := os.read(reader, 4096):
        text, mark, report = data.partition(END_OF_REPORT)
        sys.stdout.write(text.decode(errors="replace"))
        sys.stdout.flush()
        if mark:
            return report
    return b""


def _be_the_supervisor(layout: Layout, writer: int, port: int | None) -> NoReturn:
    """Be the forked process; never return into the caller's stack."""
    code = FAILED
    try:
        os.setsid()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _redirect(layout)
        with os.fdopen(writer, "w", encoding="utf-8") as stream:
            code = _report_while_starting(layout, port, stream)
    except BaseException:
        traceback.print_exc()  # to logs/up.log; there is no caller to raise to
        raise
    finally:
        os._exit(code)


def _report_while_starting(layout: Layout, port: int | None, stream: TextIO) -> int:
    console = Console(stream)

    def report(code: int) -> None:
        if not stream.closed:
            console.drop_stream()
            stream.write(f"{END_OF_REPORT.decode()}{code}")
            stream.close()

    def start() -> int:
        up(layout, port=port, console=console, on_ready=lambda: report(0))
        return 0

    code = guarded(start, console)
    report(code)
    return code


def _redirect(layout: Layout) -> None:
    nowhere = os.open(os.devnull, os.O_RDONLY)
    log = os.open(layout.log("up"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nowhere, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(nowhere)
    os.close(log)
