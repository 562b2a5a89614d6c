"""Run a command under a time limit; print its exit status, seconds and peak memory as JSON.

    python measure.py SECONDS LOGFILE COMMAND ...

A process of its own because a child's peak memory is counted from that of the process that starts it: this one is
small, the benchmark's runner with its datasets is not.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def measure(limit: float, log: str, command: list[str]) -> dict:
    """Status is the exit code, or ``"time"`` where the limit ended it."""
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
    late = threading.Event()
    with Path(log).open("w") as out:
        start = time.monotonic()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )

        def stop():
            late.set()
            os.killpg(child.pid, signal.SIGKILL)

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            _, status, used = os.wait4(child.pid, 0)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        seconds = time.monotonic() - start
    code = "time" if late.is_set() else os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    return {"status": code, "seconds": seconds, "cpu_s": cpu, "mb": used.ru_maxrss * unit / 2**20}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(json.dumps(measure(float(sys.argv[1]), sys.argv[2], sys.argv[3:])))
