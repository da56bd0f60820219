#!/usr/bin/env python3
"""Hold a Seatkeeper license while a command runs, over the text line protocol.

    ./checkout.py [--server HOST[:PORT]] FEATURE VERSION -- COMMAND [ARGUMENT ...]

Only Python's standard library is needed. grammar/line-protocol.abnf describes every line. The exit status is that of
the command; a refused checkout ends with 256 + number, as the other tools do (-4: 252).
"""

import argparse
import getpass
import re
import socket
import subprocess
import sys
import time


class Refused(Exception):
    """The server said no: `number` says what is wrong, `minor` where the refusal arose."""

    def __init__(self, line):
        match = re.fullmatch(r"ERR (-\d+),(\d+) (.*)", line)
        if not match:
            raise ConnectionError(f"this is no answer of the line protocol: {line!r}")
        self.number, self.minor, self.text = int(match[1]), int(match[2]), match[3]
        super().__init__(f"{self.text} ({self.number},{self.minor})")


def quote(text):
    """A value as the protocol wants it: in quotes, with a backslash before quotes and backslashes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Session:
    """One connection. Its licenses live as long as it does."""

    def __init__(self, host, port, user, client_host, timeout_s=10, on_notice=None):
        self._on_notice = on_notice or (lambda notice: None)
        self._socket = socket.create_connection((host, port), timeout_s)
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\n")
        try:
            now = int(time.time())
            greeting = self.ask(f"HELLO 1 user={quote(user)} host={quote(client_host)} time={now}")
        except BaseException:
            self.close()
            raise
        _ok, _hello, _version, self.vendor, self.server_version = greeting.split(" ", 4)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._lines.close()
        self._socket.close()

    def ask(self, request):
        """Send one request and return its answer, a line that begins with OK."""
        self._socket.sendall(request.encode() + b"\n")
        answer = self._read()
        if not answer.startswith("OK "):
            raise Refused(answer)
        return answer

    def _read(self):
        while True:
            line = self._lines.readline()
            if not line.endswith("\n"):
                raise ConnectionError("the server closed the connection")
            line = line.rstrip("\r\n")
            if not line.startswith("*"):
                return line
            self._on_notice(line)  # "* ENDED ..." or "* LOST <handle> ...": it answers nothing

    def checkout(self, feature, version, count=1):
        """Take `count` licenses and return their handle."""
        return self.ask(f"CHECKOUT {quote(feature)} {version} {count}").split()[2]

    def checkin(self, handle):
        self.ask(f"CHECKIN {handle}")

    def heartbeat(self):
        """Tell the server that we are here. A session that is silent for its whole lease is ended."""
        self.ask("HEARTBEAT")

    def quit(self):
        self.ask("QUIT")


def run_while_held(session, command, heartbeat_s):
    """Run a command, and tell the server every now and then that it still runs."""
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait(heartbeat_s)
        except subprocess.TimeoutExpired:
            pass
        try:
            session.heartbeat()
        except (OSError, Refused) as loss:
            # What to do now is the application's choice: end, save and end, or go on and check out again.
            warn(f"the license is lost: {loss}")
            process.terminate()
            return process.wait()


def warn(text):
    print(f"checkout.py: {text}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="localhost:27010", help="the vendor daemon [default: localhost:27010]")
    parser.add_argument("--user", default=getpass.getuser())
    parser.add_argument("--host", default=socket.gethostname())
    parser.add_argument("--heartbeat", type=float, default=60, metavar="SECONDS", help="at most a third of the lease")
    parser.add_argument("feature")
    parser.add_argument("version")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    host, _, port = arguments.server.partition(":")

    try:
        with Session(host, int(port or 27010), arguments.user, arguments.host, on_notice=warn) as session:
            handle = session.checkout(arguments.feature, arguments.version)
            warn(f"{session.vendor} granted {arguments.feature} {arguments.version}, handle {handle}")
            status = run_while_held(session, arguments.command, arguments.heartbeat)
            # Leaving the block closes the connection, and that gives the license back.
            return status if status >= 0 else 128 - status
    except Refused as denial:
        warn(denial)
        return 256 + denial.number if denial.number > -256 else 1
    except OSError as error:
        warn(f"{arguments.server}: {error}")
        return 241


if __name__ == "__main__":
    sys.exit(main())
