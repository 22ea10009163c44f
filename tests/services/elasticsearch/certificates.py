"""A certificate for 127.0.0.1 and the authority that signed it, made by openssl for one run."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.services.elasticsearch.install import CannotRun


def make_certificates(folder: Path) -> None:
    """Write ca.crt, node.crt and node.key."""
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "30"]
    authority = ["-subj", "/CN=Authority for tests", "-keyout", "ca.key", "-out", "ca.crt"]
    node = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    node += ["-addext", "basicConstraints=critical,CA:FALSE"]
    node += ["-CA", "ca.crt", "-CAkey", "ca.key", "-keyout", "node.key", "-out", "node.crt"]
    for arguments in (authority, node):
        try:
            done = subprocess.run([*key, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise CannotRun(
                "openssl makes certificates, and is not installed: apt-get install openssl"
            ) from None
        if done.returncode:
            raise CannotRun(f"openssl made no certificate: {done.stderr}")
