"""One Elasticsearch of one or several nodes on loopback: started, killed, revived, stopped."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.services.elasticsearch.certificates import make_certificates
from tests.services.elasticsearch.install import RELEASES, CannotRun, cache, find_java, home_of, install
from tests.services.elasticsearch.node import Node

PORT = 9209
"""Of the project's own server: beside the usual port, where somebody's own data may lie."""
PLAN = "plan.json"
START_SECONDS = 180
STOP_SECONDS = 30
TRANSPORT = 100
"""So far above its HTTP port is the port at which a node speaks with the others."""
QUICK_START = "-XX:TieredStopAtLevel=1"
"""Halves the time of a start and slows long work; what measures asks for other options."""


@dataclass(frozen=True)
class Plan:
    """What to start. A password turns security on, for the user ``elastic``; TLS needs one."""

    port: int = 0
    """Of the first node, the others follow; 0: any that are free."""
    major: int = 8
    nodes: int = 1
    heap: str = "1g"
    java_options: str = QUICK_START
    password: str = field(default="", repr=False)
    is_tls: bool = False
    owner: int = field(default=0, compare=False)
    """The process that stops it at its end; 0: it runs until somebody does."""


class Cluster:
    """The nodes of a plan, in a folder that another process finds by the port."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.folder = _folder(plan.port)
        release = RELEASES[plan.major]
        java, home = find_java(release), home_of(release)
        self.nodes = [Node(self.folder / f"node-{i + 1}", java, home) for i in range(plan.nodes)]

    @property
    def urls(self) -> list[str]:
        """The addresses of all nodes, without user and password."""
        scheme = "https" if self.plan.is_tls else "http"
        return [f"{scheme}://127.0.0.1:{self.plan.port + i}" for i in range(self.plan.nodes)]

    @property
    def ca_file(self) -> Path:
        """The certificate to trust, where the plan says TLS."""
        return self.folder / "ca.crt"

    @property
    def is_running(self) -> bool:
        """Whether all nodes live."""
        return all(node.processes() for node in self.nodes)

    def kill(self, number: int) -> None:
        """End a node (the first is 1) as a power cut does."""
        self._end([self.nodes[number - 1]], signal.SIGKILL)

    def revive(self, number: int) -> None:
        """Start a killed node again, on the data that it left."""
        self._launch([self.nodes[number - 1]])
        self._wait(number, "red", nodes=1)

    def stop(self) -> None:
        """End all nodes, and delete what they held."""
        self._end(self.nodes, signal.SIGTERM)
        self._delete()

    def _delete(self) -> None:
        for node in self.nodes:
            node.forget()
        shutil.rmtree(self.folder, ignore_errors=True)

    def bring_up(self) -> None:
        """Make the folder, start all nodes, and wait until they are one cluster."""
        self._delete()
        try:
            self._configure()
            self._launch(self.nodes)
            self._wait(1, "yellow", nodes=self.plan.nodes)
        except CannotRun:
            self._end(self.nodes, signal.SIGKILL)
            (self.folder / PLAN).unlink()  # The logs stay until the next start.
            raise
        except BaseException:
            self.stop()
            raise

    def _configure(self) -> None:
        self.folder.mkdir(parents=True)
        plan = self.folder / PLAN
        plan.touch(mode=0o600)
        plan.write_text(json.dumps(asdict(self.plan)))
        if self.plan.is_tls:
            make_certificates(self.folder)
        for number, node in enumerate(self.nodes):
            options = [
                "-Xms256m",
                f"-Xmx{self.plan.heap}",
                "-XX:+UseSerialGC",
                *self.plan.java_options.split(),
            ]
            node.configure(self._settings(number), options)
            if self.plan.is_tls:
                for name in ("node.crt", "node.key"):
                    shutil.copy(self.folder / name, node.config)
            if self.plan.password:
                node.keep_password(self.plan.password)

    def _settings(self, number: int) -> dict[str, object]:
        port = self.plan.port + number
        secured = bool(self.plan.password)
        settings: dict[str, object] = {
            "cluster.name": f"sysmonsearch-tests-{self.plan.port}",
            "node.name": f"node-{number + 1}",
            "network.host": "127.0.0.1",
            "http.port": port,
            "transport.port": port + TRANSPORT,
            "xpack.security.enabled": secured,
            "node.store.allow_mmap": False,  # Else the system's limit of maps had to be raised.
            "cluster.routing.allocation.disk.threshold_enabled": False,  # A full disk blocks no test.
        }
        if self.plan.nodes == 1:
            settings["discovery.type"] = "single-node"
        else:
            first = self.plan.port + TRANSPORT
            numbers = range(self.plan.nodes)
            settings["discovery.seed_hosts"] = [f"127.0.0.1:{first + i}" for i in numbers]
            settings["cluster.initial_master_nodes"] = [f"node-{i + 1}" for i in numbers]
        if secured:
            settings["xpack.security.enrollment.enabled"] = False
            settings["xpack.security.transport.ssl.enabled"] = False
            settings["xpack.security.http.ssl.enabled"] = self.plan.is_tls
        if self.plan.is_tls:
            settings["xpack.security.http.ssl.certificate"] = "node.crt"
            settings["xpack.security.http.ssl.key"] = "node.key"
        return settings

    def _launch(self, nodes: Iterable[Node]) -> None:
        launched = [(node, node.launch()) for node in nodes]
        end = time.monotonic() + START_SECONDS
        for node, launcher in launched:
            try:
                status = launcher.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._end([node], signal.SIGKILL)
                raise CannotRun(f"{node.folder.name} did not start in time; its log is {node.log}") from None
            if status:
                raise CannotRun(f"{node.folder.name} did not start:\n{node.complaint()}")

    def _wait(self, number: int, status: str, *, nodes: int) -> None:
        """Wait until a node sees so many nodes, and indices are as well as that."""
        path = f"_cluster/health?wait_for_status={status}&wait_for_nodes=%3E%3D{nodes}&timeout=5s"
        end = time.monotonic() + START_SECONDS
        while not self._answers(f"{self.urls[number - 1]}/{path}"):
            if time.monotonic() > end:
                raise CannotRun(f"node {number} tells of no health; its log is {self.nodes[number - 1].log}")
            time.sleep(0.2)

    def _answers(self, url: str) -> bool:
        request = urllib.request.Request(url)
        if self.plan.password:
            user = base64.b64encode(f"elastic:{self.plan.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {user}")
        trust = ssl.create_default_context(cafile=str(self.ca_file)) if self.plan.is_tls else None
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _end(self, nodes: Iterable[Node], how: signal.Signals) -> None:
        nodes = list(nodes)
        end = time.monotonic() + STOP_SECONDS
        for node in nodes:
            node.send(how)
        while any(node.processes() for node in nodes):
            if time.monotonic() > end:
                for node in nodes:
                    node.send(signal.SIGKILL)
            time.sleep(0.1)


def start(plan: Plan) -> Cluster:
    """Start what is planned and wait until it answers; return what runs already, if it is the same."""
    plan = replace(plan, port=plan.port or _free_port(plan.nodes))
    if (earlier := find(plan.port)) is not None:
        if earlier.plan == plan and earlier.is_running:
            return earlier
        earlier.stop()
    taken = [port for port in _ports(plan.port, plan.nodes) if not _is_free(port)]
    if taken:
        raise CannotRun(f"another program has port {taken[0]}: choose another with --port")
    cluster = Cluster(plan)
    install(RELEASES[plan.major])
    cluster.bring_up()
    return cluster


def find(port: int) -> Cluster | None:
    """Return what was started at a port and not stopped since."""
    try:
        plan = json.loads((_folder(port) / PLAN).read_text())
    except FileNotFoundError:
        return None
    return Cluster(Plan(**plan))


def stop_what_dead_owners_left() -> None:
    """Stop servers whose owner was killed before it could."""
    for folder in (cache() / "running").glob("*"):
        left = find(int(folder.name))
        if left and left.plan.owner and not Path("/proc", str(left.plan.owner)).exists():
            left.stop()


@contextmanager
def running(plan: Plan) -> Iterator[Cluster]:
    """Start what is planned, and stop it at the end."""
    stop_what_dead_owners_left()
    cluster = start(replace(plan, owner=os.getpid()))
    try:
        yield cluster
    finally:
        cluster.stop()


def _folder(port: int) -> Path:
    return cache() / "running" / str(port)


def _ports(first: int, nodes: int) -> list[int]:
    return [first + i + above for i in range(nodes) for above in (0, TRANSPORT)]


def _is_free(port: int) -> bool:
    with socket.socket() as listener, suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        return True
    return False


def _free_port(nodes: int) -> int:
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        if all(map(_is_free, _ports(port, nodes))):
            return int(port)
