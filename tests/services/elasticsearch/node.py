"""One node of Elasticsearch: its folder, its files, its processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.services.elasticsearch.install import CannotRun

NOBODY = 65534
MEMORY = Path("/dev/shm")
ROOM = 4_000_000_000
"""Bytes that must be free there."""
# The programs around the server are short-lived, and need little.
SMALL = ("-Xms4m", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
LOG = """\
status = error
appender.file.type = File
appender.file.name = file
appender.file.fileName = ${sys:es.logs.base_path}/elasticsearch.log
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = [%d{ISO8601}][%p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""


@dataclass(frozen=True)
class Node:
    """A node in a folder of its own, run by one Java from one installed server."""

    folder: Path
    java: Path
    home: Path

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "elasticsearch.log"

    @property
    def mark(self) -> str:
        """An argument of each process of this node, and of no other."""
        return f"-Dsysmonsearch.node={self.folder}"

    @property
    def data(self) -> Path:
        """Where it keeps its data: in memory where there is room.

        Each test makes and deletes indices, and a disk takes longer over that than the rest of it.
        """
        name = f"sysmonsearch-{sha256(str(self.folder).encode()).hexdigest()[:16]}"
        in_memory = MEMORY / name
        has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM
        return in_memory if in_memory.is_dir() or has_room else self.folder / "data"

    def forget(self) -> None:
        """Delete its data, where they lie outside its folder."""
        shutil.rmtree(self.data, ignore_errors=True)

    def configure(self, settings: Mapping[str, object], java_options: list[str]) -> None:
        """Write the files that the server reads."""
        for name in ("config/jvm.options.d", "logs", "tmp"):
            (self.folder / name).mkdir(parents=True)
        data = self.data
        data.mkdir()
        settings = {**settings, "path.data": str(data), "path.logs": f"{self.folder}/logs"}
        # JSON is YAML too.
        (self.config / "elasticsearch.yml").write_text(json.dumps(settings, indent=1))
        (self.config / "log4j2.properties").write_text(LOG)
        options = [*java_options, self.mark, f"-Djava.io.tmpdir={self.folder}/tmp"]
        options += ["-XX:+ExitOnOutOfMemoryError", f"-XX:ErrorFile={self.folder}/logs/fatal.log"]
        # The server's own options for Lucene: vectors by SIMD, and files unmapped one by one.
        options += ["20-:--add-modules=jdk.incubator.vector"]
        options += ["-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1"]
        (self.config / "jvm.options").write_text("\n".join(options) + "\n")

    def keep_password(self, password: str) -> None:
        """Enter the password of the user ``elastic`` in the node's keystore."""
        add = [*self._tool("keystore"), "add", "--stdin", "--force", "bootstrap.password"]
        done = subprocess.run(
            add,
            input=password.encode(),
            env=self._environment(),
            cwd=self.home,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise CannotRun(f"the password could not be set: {done.stdout.decode()}{done.stderr.decode()}")

    def launch(self) -> subprocess.Popen[bytes]:
        """Call the server's launcher; it ends when the server runs, or cannot."""
        launcher = [*self._tool("server"), "-d"]
        if (tools := self.home / "lib" / "tools" / "server-launcher").is_dir():  # Since 9.4.
            main = "org.elasticsearch.server.launcher.ServerLauncher"
            launcher = [str(self.java), *SMALL, self.mark, "-cp", f"{tools}/*", main, "-d"]
        with (self.folder / "logs" / "start.log").open("wb") as output:
            return subprocess.Popen(
                [*self._dropping_root(), *launcher],
                cwd=self.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _tool(self, name: str) -> list[str]:
        """Return the call of a program of the server; the archive has no scripts that would do it."""
        properties = {
            "cli.name": "server" if name == "server" else "",
            "cli.script": f"{self.home}/bin/elasticsearch-{name}",
            "cli.libs": f"lib/tools/{name}-cli",
            "es.path.home": self.home,
            "es.path.conf": self.config,
            "es.distribution.type": "zip",
            "es.java.type": "ES_JAVA_HOME",
        }
        options = [f"-D{key}={value}" for key, value in properties.items()]
        path = f"{self.home}/lib/*:{self.home}/lib/cli-launcher/*"
        main = "org.elasticsearch.launcher.CliToolLauncher"
        return [str(self.java), *SMALL, self.mark, *options, "-cp", path, main]

    def _environment(self) -> dict[str, str]:
        """Return all that the server gets to see: nothing of the caller's, such as passwords."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "JAVA": str(self.java),
            "JAVA_TYPE": "ES_JAVA_HOME",
            "ES_JAVA_HOME": str(self.java.parents[1]),
            "ES_HOME": str(self.home),
            "ES_PATH_CONF": str(self.config),
            "ES_DISTRIBUTION_TYPE": "zip",
            "ES_TMPDIR": str(self.folder / "tmp"),
        }

    def _dropping_root(self) -> list[str]:
        """Return what to put before a command so that root runs it as nobody: the server refuses root."""
        if os.geteuid():
            return []
        data = self.data
        for path in (self.folder, *self.folder.rglob("*"), data, *data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        # What lies below the home of root is closed to others, but not to who has this capability.
        reading = ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_override"]
        reading += ["--ambient-caps=-all,+dac_override"]
        for command in ([*drop, *reading], drop):
            able = subprocess.run(
                [*command, "test", "-r", self.home / "lib"], capture_output=True, check=False
            )
            if not able.returncode:
                return command
        raise CannotRun(
            f"user nobody runs the server and cannot read {self.home}: ELASTIC_CACHE names an open folder"
        )

    def processes(self) -> list[int]:
        """Return the processes of this node that live: the server's, its launcher's."""
        return [pid for pid, arguments in _processes() if self.mark in arguments]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all of them."""
        for pid in self.processes():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # It ended in between.

    def complaint(self) -> str:
        """Return what the node said last of why it does not start."""
        logs = [path for path in (self.folder / "logs" / "start.log", self.log) if path.exists()]
        lines = [line for path in logs for line in path.read_text(errors="replace").splitlines()]
        telling = [
            line for line in lines if any(word in line for word in ("rror", "ERROR", "xception", "nvalid"))
        ]
        return "\n".join(line[:300] for line in (telling or lines)[:5])


def _processes() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield int(path.parent.name), path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # It ended in between.
