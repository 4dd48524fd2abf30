"""An upgrade under load: `systemd-socket-activate` passes its socket to one process after another,
and no request is lost.

systemd keeps the socket of cos-issuer.socket open in the same way: a connection that arrives while
no process accepts waits in the socket's queue.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from world import SECONDS, WORK, check_sign, fail, sts, tool

CLIENTS = 4
UPGRADES = 5


class Load:
    """Clients that ask without a break, each request on a connection of its own, as nginx does."""

    def __init__(self, port):
        self.port, self.answers, self.lost = port, 0, []
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.ask, daemon=True) for _ in range(CLIENTS)]

    def ask(self):
        while not self.is_over.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
                connection.request("GET", "/sign", headers={"connection": "close"})
                status = connection.getresponse().status
                outcome = None if status == 200 else f"status {status}"
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                outcome = repr(error)
            with self.lock:
                self.answers += outcome is None
                if outcome:
                    self.lost.append(outcome)

    def wait_for_more(self, process):
        wanted, limit = self.answers + 50, time.monotonic() + SECONDS
        while self.answers < wanted and not self.lost:
            if time.monotonic() > limit:
                fail(f"only {self.answers} of {wanted} answers; the process: {process.poll()}")
            time.sleep(0.01)


def start(listener, command, environment, log):
    """One process behind the socket: descriptor 3, as systemd passes it."""
    # LISTEN_PID is the process's own number, which only it knows before it starts.
    shell = ["bash", "-c", 'LISTEN_PID=$$ exec "$@" 3<&"$0"', str(listener.fileno()), *command]
    listen = {"LISTEN_FDS": "1", **environment}
    return subprocess.Popen(shell, env=listen, stdout=log, stderr=log, pass_fds=[listener.fileno()])


def upgrades(binary, environment, log):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    load = Load(listener.getsockname()[1])
    process = start(listener, [binary], environment, log)
    for thread in load.threads:
        thread.start()
    try:
        for _ in range(UPGRADES):
            load.wait_for_more(process)
            process.send_signal(signal.SIGTERM)
            if process.wait(SECONDS) != 0:
                fail(f"the process ended with {process.returncode}")
            process = start(listener, [binary], environment, log)
        load.wait_for_more(process)
    finally:
        load.is_over.set()
        for thread in load.threads:
            thread.join(SECONDS)
        process.terminate()
        process.wait(SECONDS)
    if load.lost:
        fail(f"{len(load.lost)} of {load.answers + len(load.lost)} requests are lost: {load.lost[:3]}")
    return load.answers


def activated(binary, environment, log):
    """systemd's own tool starts the server at the first connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    command = [tool("systemd-socket-activate", "systemd"), f"--listen=127.0.0.1:{port}"]
    passed = [f"--setenv={name}" for name in environment]
    process = subprocess.Popen([*command, *passed, binary], env=environment, stdout=log, stderr=log)
    try:
        for _ in range(SECONDS * 20):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        check_sign(port)
    finally:
        process.terminate()
        if process.wait(SECONDS) != 0:
            fail(f"the activated server ended with {process.returncode}")


def main(binary):
    WORK.mkdir(parents=True, exist_ok=True)
    with sts() as settings, (WORK / "upgrade.log").open("w") as log:
        environment = {"PATH": os.environ["PATH"], "SHUTDOWN_DELAY_MS": "0", "LOG": "warn", **settings}
        activated(binary, environment, log)
        print("upgrade: systemd-socket-activate starts the server")
        answers = upgrades(binary, environment, log)
        print(f"upgrade: {UPGRADES} upgrades, {answers} requests, none lost")


if __name__ == "__main__":
    main(sys.argv[1])
