"""The process that workers are forked from. To start it takes no torch: both can be imported side by side."""

import atexit
import socket
import subprocess
import sys
from pathlib import Path
from threading import Lock

_ROOT = Path(__file__).resolve().parent.parent.parent
_PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bench.running.worker import main; main()"


class Template:
    """The process that workers are forked from, started when the first is wanted."""

    def __init__(self) -> None:
        """Nothing is started yet."""
        self._lock = Lock()
        self._control: socket.socket | None = None
        self._program: subprocess.Popen[bytes] | None = None
        self._asked = False

    def start(self) -> None:
        """Start it for many workers: its imports take seconds, in which others can work."""
        with self._lock:
            self._started("many")

    def fork(self, *files: int) -> None:
        """Start a worker that gets these files, and the template if it is not there (any more)."""
        with self._lock:
            self._fork(*files)

    def _started(self, *words: str) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair()
            # -P: what lies in the working directory must not stand in for the suite.
            program = [sys.executable, "-P", "-c", _PROGRAM, str(_ROOT), str(theirs.fileno()), *words]
            self._program = subprocess.Popen(  # noqa: S603
                program, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
            theirs.close()
        return self._control

    def _fork(self, *files: int) -> None:
        for last in (False, True):
            control = self._started()
            try:
                socket.send_fds(control, [b"+"], files)
                self._asked = True
            except OSError:
                control.close()
                self._control = None
                if last:
                    raise
            else:
                return

    def close(self) -> None:
        """End it; its workers are ended by whoever asked for them."""
        if self._control is not None:
            self._control.close()
        if self._program is not None:
            if not self._asked:  # it may be importing for seconds yet
                self._program.kill()
            self._program.wait()
        self._control = self._program = None


TEMPLATE = Template()
atexit.register(TEMPLATE.close)
