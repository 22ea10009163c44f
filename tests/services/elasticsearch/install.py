"""Fetch a real Elasticsearch once, and find a Java that runs it.

The server is under the Elastic License 2.0: a tool of tests, never part of what is shipped.
Nothing here needs more than Python's own library, ``mvn`` (once) and Java.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")


class CannotRun(Exception):
    """What this machine lacks, or what went wrong, in a sentence that says what to do."""


@dataclass(frozen=True)
class Release:
    """A version of Elasticsearch, the archive that has it, and the Java that it needs."""

    version: str
    sonarqube: str
    java: int


RELEASES = {8: Release("8.19.13", "26.6.0.123539", 17), 9: Release("9.4.3", "26.9.0.129388", 21)}


def cache() -> Path:
    """Return the folder of servers and of their data; the variable ELASTIC_CACHE names another."""
    if named := os.environ.get("ELASTIC_CACHE"):
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sysmonsearch"


def home_of(release: Release) -> Path:
    """Return the folder of an installed server; it exists once the server is whole."""
    return cache() / f"elasticsearch-{release.version}"


def install(release: Release) -> Path:
    """Return the folder of the server; download it first where it is absent (950 MB, 120 to 155 are kept)."""
    home = home_of(release)
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Another process may be at it: then this one waits.
        if not home.exists():
            _download(release, home)
    return home


def _download(release: Release, home: Path) -> None:
    if not shutil.which("mvn"):
        raise CannotRun("Maven fetches Elasticsearch, and is not installed: apt-get install maven")
    log = cache() / "install.log"
    with tempfile.TemporaryDirectory(dir=cache(), prefix="download-") as folder:
        # A repository of its own, so that the archive does not stay in the one of the user.
        command = ["mvn", "--batch-mode", "--strict-checksums", f"--file={POM}", "process-resources"]
        command += [f"-Dsonarqube={release.sonarqube}", f"-Dtarget={folder}/unpacked"]
        command += [f"-Dmaven.repo.local={folder}/repository"]
        with log.open("w") as output:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
            )
        unpacked = Path(folder, "unpacked", f"sonarqube-{release.sonarqube}", "elasticsearch")
        if done.returncode or not unpacked.is_dir():
            raise CannotRun(f"Maven could not fetch Elasticsearch {release.version}; its log is {log}")
        (unpacked / "plugins").mkdir()
        unpacked.rename(home)


def find_java(release: Release) -> Path:
    """Return a Java that is new enough: ES_JAVA_HOME, JAVA_HOME, the path's, or one of the system's."""
    for java in _javas():
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        version = re.search(r'version "(\d+)', said)
        if version and int(version[1]) >= release.java:
            return java
    raise CannotRun(
        f"Elasticsearch {release.version} needs Java {release.java} or newer, and none was found:"
        f" apt-get install openjdk-{release.java}-jre-headless, or name one with ES_JAVA_HOME"
    )


def _javas() -> Iterator[Path]:
    named = (os.environ.get(name) for name in ("ES_JAVA_HOME", "JAVA_HOME"))
    candidates = [Path(home, "bin", "java") for home in named if home]
    if on_path := shutil.which("java"):
        candidates.append(Path(on_path))
    candidates += sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
    yield from (java.resolve() for java in candidates if java.is_file())
