"""``python -m tests.services.elasticsearch``: a real Elasticsearch on this machine, for tests.

It is fetched from Maven Central at first use (950 MB) and kept in ~/.cache/sysmonsearch, where its
data lie too (ELASTIC_CACHE names another folder).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
from dataclasses import fields

from tests.services.elasticsearch import cluster
from tests.services.elasticsearch.cluster import PORT, Plan
from tests.services.elasticsearch.install import RELEASES, CannotRun, find_java, home_of, install


def main() -> None:
    """Do what was asked for."""
    arguments = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # So that it is cleaned up.
    try:
        sys.exit(arguments.does(arguments))
    except CannotRun as error:
        sys.exit(f"Elasticsearch: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.services.elasticsearch", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: object, what: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=what, description=what)
        added.set_defaults(does=does)
        return added

    _add_plan(command("start", _start, "Start it, and print its address"), PORT)
    run = command("run", _run, "Start it, run a command with ELASTIC_URL set, and stop it")
    _add_plan(run, 0)
    run.add_argument(
        "--if-here",
        action="store_true",
        help="take ELASTIC_URL or what runs already; download nothing, unless REQUIRE_SERVICES=1",
    )
    run.add_argument("command", nargs="+", metavar="-- COMMAND")
    for name, does, what in (
        ("stop", _stop, "Stop it, and delete its data"),
        ("status", _status, "Say which nodes run; exit status 3 unless all do"),
    ):
        command(name, does, what).add_argument("--port", type=int, default=PORT)
    for name, does, what in (
        ("kill", _kill, "End a node as a power cut does"),
        ("revive", _revive, "Start a killed node again"),
    ):
        node = command(name, does, what)
        node.add_argument("--port", type=int, default=PORT)
        node.add_argument("node", type=int, help="1 is the first")
    _add_plan(command("install", _install, "Download it only"), PORT)
    return parser


def _add_plan(parser: argparse.ArgumentParser, port: int) -> None:
    plan = Plan()
    parser.add_argument("--major", type=int, choices=RELEASES, default=plan.major, help="version")
    parser.add_argument("--port", type=int, default=port, help="of the first node; 0: a free one")
    parser.add_argument("--nodes", type=int, choices=range(1, 10), default=plan.nodes)
    parser.add_argument("--heap", default=plan.heap, help="of each node, such as 512m")
    parser.add_argument("--java-options", default=plan.java_options, help=f"default: {plan.java_options}")
    parser.add_argument("--password", default="", help="of the user elastic; turns security on")
    parser.add_argument("--tls", action="store_true", dest="is_tls", help="speak TLS; needs a password")


def _plan(arguments: argparse.Namespace) -> Plan:
    if arguments.is_tls and not arguments.password:
        raise CannotRun("--tls needs --password")
    names = (item.name for item in fields(Plan) if item.name != "owner")
    return Plan(**{name: getattr(arguments, name) for name in names})


def _start(arguments: argparse.Namespace) -> None:
    started = cluster.start(_plan(arguments))
    print(*started.urls, sep="\n")  # noqa: T201
    if started.plan.is_tls:
        print(f"Certificate: {started.ca_file}")  # noqa: T201


def _run(arguments: argparse.Namespace) -> int:
    if arguments.if_here and not _is_own_needed(arguments):
        return _call(arguments.command, {})
    with cluster.running(_plan(arguments)) as own:
        return _call(arguments.command, {"ELASTIC_URL": own.urls[0]})


def _is_own_needed(arguments: argparse.Namespace) -> bool:
    """Return whether a server is to be started: none runs, and starting one takes no download."""
    if os.environ.get("ELASTIC_URL") or _is_listening(PORT):
        return False
    if os.environ.get("REQUIRE_SERVICES") == "1":
        return True
    release = RELEASES[arguments.major]
    if not home_of(release).exists():
        return False
    try:
        find_java(release)
    except CannotRun:
        return False
    return True


def _is_listening(port: int) -> bool:
    with socket.socket() as asker:
        return asker.connect_ex(("127.0.0.1", port)) == 0


def _call(command: list[str], more: dict[str, str]) -> int:
    """Run a command; it gets the signals, and this process outlives it to clean up."""
    child = subprocess.Popen(command, env={**os.environ, **more})
    signal.signal(signal.SIGINT, lambda *_: None)  # The terminal sends it to both.
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    status = child.wait()
    return status if status >= 0 else 128 - status


def _found(arguments: argparse.Namespace) -> cluster.Cluster:
    found = cluster.find(arguments.port)
    if not found:
        raise CannotRun(f"nothing was started at port {arguments.port}")
    return found


def _stop(arguments: argparse.Namespace) -> None:
    if found := cluster.find(arguments.port):
        found.stop()


def _status(arguments: argparse.Namespace) -> int:
    found = _found(arguments)
    for node, url in zip(found.nodes, found.urls, strict=True):
        state = "runs" if node.processes() else "does not run"
        print(f"{url} {state}; its log is {node.log}")  # noqa: T201
    return 0 if found.is_running else 3


def _kill(arguments: argparse.Namespace) -> None:
    _found(arguments).kill(arguments.node)


def _revive(arguments: argparse.Namespace) -> None:
    _found(arguments).revive(arguments.node)


def _install(arguments: argparse.Namespace) -> None:
    print(install(RELEASES[arguments.major]))  # noqa: T201


if __name__ == "__main__":
    main()
