"""What Elastic's ingest pipeline does to a Winlogbeat document of Sysmon, renamed step by step.

After the public definitions in beats (``x-pack/winlogbeat/module/sysmon``) and integrations
(``windows``, ``sysmon_operational``): which fields move where, are split, are dropped.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, Final

Document = dict[str, Any]

_EMPTY: Final = (None, "", "-", "{00000000-0000-0000-0000-000000000000}")
_STATUS: Final = {
    "0": "SUCCESS",
    "1460": "ERROR_TIMEOUT",
    "9002": "DNS_ERROR_RCODE_SERVER_FAILURE",
    "9003": "DNS_ERROR_RCODE_NAME_ERROR",
    "9501": "DNS_INFO_NO_RECORDS",
    "9701": "DNS_ERROR_RECORD_DOES_NOT_EXIST",
}
_RECORD_TYPES: Final = {
    "2": "NS",
    "5": "CNAME",
    "6": "SOA",
    "12": "PTR",
    "15": "MX",
    "16": "TXT",
    "33": "SRV",
}

#: In the order of the pipeline: field, target, kind of the target.
_MOVES: Final = (
    ("RuleName", "rule.name", str),
    ("ProcessGuid", "process.entity_id", str),
    ("ProcessId", "process.pid", int),
    ("Image", "process.executable", str),
    ("SourceProcessGuid", "process.entity_id", str),
    ("SourceProcessGUID", "process.entity_id", str),
    ("SourceProcessId", "process.pid", int),
    ("SourceThreadId", "process.thread.id", int),
    ("SourceImage", "process.executable", str),
    ("Destination", "process.executable", str),
    ("CommandLine", "process.command_line", str),
    ("CurrentDirectory", "process.working_directory", str),
    ("ParentProcessGuid", "process.parent.entity_id", str),
    ("ParentProcessId", "process.parent.pid", int),
    ("ParentImage", "process.parent.executable", str),
    ("ParentCommandLine", "process.parent.command_line", str),
    ("TargetFilename", "file.path", str),
    ("Device", "file.path", str),
    ("PipeName", "file.name", str),
    ("ImageLoaded", "file.path", str),
    ("Protocol", "network.transport", str),
    ("DestinationPortName", "network.protocol", str),
    ("SourcePortName", "network.protocol", str),
    ("SourceIp", "source.ip", str),
    ("SourceHostname", "source.domain", str),
    ("SourcePort", "source.port", int),
    ("DestinationIp", "destination.ip", str),
    ("DestinationHostname", "destination.domain", str),
    ("DestinationPort", "destination.port", int),
    ("QueryName", "dns.question.name", str),
)
_DROPPED: Final = (
    "SourcePortName DestinationPortName User Initiated SourceIsIpv6 DestinationIsIpv6 QueryStatus Archived"
    " IsExecutable QueryResults UtcTime Hash Hashes TargetObject Details RuleName".split()
)


def through_pipeline(document: Document) -> Document:
    """Return the document as Winlogbeat's module stores it."""
    document = deepcopy(document)
    winlog = document["winlog"]
    code = str(winlog["event_id"])
    data = {name: value for name, value in winlog["event_data"].items() if value not in _EMPTY}
    if "UtcTime" in data:
        document["@timestamp"] = data["UtcTime"].replace(" ", "T") + "Z"
    document["event"] |= {"module": "sysmon", "kind": "event", "code": code}
    document["ecs"] = {"version": "8.0.0"}
    winlog["event_id"] = code
    if winlog["record_id"] is not None:
        winlog["record_id"] = str(winlog["record_id"])
    if code == "255" and "ID" in data:
        document["error"] = {"code": data.pop("ID")}
    _hashes(document, code, data)
    for name, target, kind in _MOVES:
        if name in data and _get(document, target) is None:
            _put(document, target, kind(data.pop(name)))
    _portable_executable(document, code, data)
    _file_names(document)
    _network(document, data)
    _dns(document, data)
    if "User" in data and data["User"].count("\\") == 1:
        domain, name = data["User"].split("\\")
        document["user"] = {"id": "S-1-5-18", "domain": domain, "name": name}
    for name, target in (("Archived", "archived"), ("IsExecutable", "is_executable")):
        if data.get(name) in ("true", "false"):
            _put(document, f"sysmon.file.{target}", data[name] == "true")
    if code in ("12", "13", "14") and "TargetObject" in data:
        _registry(document, data)
    if "TargetProcessGuid" in data:
        data["TargetProcessGUID"] = data.pop("TargetProcessGuid")
    winlog["event_data"] = {name: value for name, value in data.items() if name not in _DROPPED}
    if not winlog["event_data"]:
        del winlog["event_data"]
    return document


def through_agent(document: Document) -> Document:
    """Return the document as Elastic Agent stores it."""
    document = through_pipeline(document)
    del document["event"]["module"]
    document["event"] |= {"dataset": "windows.sysmon_operational", "module": "windows"}
    document["data_stream"] = {
        "dataset": "windows.sysmon_operational",
        "type": "logs",
        "namespace": "default",
    }
    document["elastic_agent"] = {"version": "8.11.0"}
    return document


def _hashes(document: Document, code: str, data: Document) -> None:
    text = data.get("Hash") or data.get("Hashes")
    parts = [part.split("=") for part in text.split(",")] if text else []
    if not parts or any(len(part) != 2 for part in parts):
        return
    hashes = {name.lower(): value.lower() for name, value in parts if value.strip("0")}
    document["related"] = {"hash": list(hashes.values())}
    imphash = hashes.pop("imphash", None)
    owner = {"6": "file", "7": "file", "15": "file", "29": "file"}.get(code, "process")
    if code in ("27", "28"):
        return
    _put(document, f"{owner}.hash", hashes)
    if imphash is not None:
        _put(document, f"{owner}.pe.imphash", imphash)


def _portable_executable(document: Document, code: str, data: Document) -> None:
    owner = "file" if code == "7" else "process"
    if "OriginalFileName" in data:
        _put(document, f"{owner}.pe.original_file_name", data.pop("OriginalFileName"))
    for name in ("Company", "Description", "FileVersion", "Product"):  # Copied: they stay, too.
        if name in data:
            _put(document, f"{owner}.pe.{re.sub('(?<!^)(?=[A-Z])', '_', name).lower()}", data[name])
    for name, target in (("Signature", "subject_name"), ("SignatureStatus", "status")):
        if name in data:
            _put(document, f"file.code_signature.{target}", data[name])


def _file_names(document: Document) -> None:
    path = _get(document, "file.path")
    if isinstance(path, str) and "\\" in path:
        document["file"]["directory"], _, document["file"]["name"] = path.rpartition("\\")


def _network(document: Document, data: Document) -> None:
    if "Initiated" in data:
        _put(document, "network.direction", "egress" if data["Initiated"] == "true" else "ingress")
    if "SourceIsIpv6" in data:
        _put(document, "network.type", "ipv6" if data["SourceIsIpv6"] == "true" else "ipv4")


def _dns(document: Document, data: Document) -> None:
    if "QueryStatus" in data:
        status = data["QueryStatus"]
        _put(document, "sysmon.dns.status", _STATUS.get(status, status))
    if "QueryResults" not in data:
        return
    answers: list[Document] = []
    addresses: list[str] = []
    for result in filter(None, data["QueryResults"].split(";")):
        if result.startswith("type:"):
            _, number, *name = result.split()
            answers.append({"type": _RECORD_TYPES[number], **({"data": name[0]} if name else {})})
        else:
            addresses.append(re.sub(r"^::ffff:(?=\d+\.)", "", result))
    answers += [{"type": "AAAA" if ":" in address else "A", "data": address} for address in addresses]
    document.setdefault("dns", {})["answers"] = answers
    document["dns"]["resolved_ip"] = addresses


def _registry(document: Document, data: Document) -> None:
    document["registry"] = {"path": data["TargetObject"], "value": data["TargetObject"].rpartition("\\")[2]}
    details = data.get("Details")
    if not details:
        return
    dword = re.fullmatch(r"(?i)DWORD \((0x[0-9A-F]{8})\)", details)
    qword = re.fullmatch(r"(?i)QWORD \((0x[0-9A-F]{8})-(0x[0-9A-F]{8})\)", details)
    if qword:
        value, kind = str((int(qword[1], 16) << 8) + int(qword[2], 16)), "SZ_QWORD"
    elif dword:
        value, kind = str(int(dword[1], 16)), "SZ_DWORD"
    else:
        value, kind = details, "REG_BINARY" if details == "Binary Data" else "REG_SZ"
    document["registry"]["data"] = {"strings": [value], "type": kind}


def _get(document: Document, path: str) -> Any:
    value: Any = document
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _put(document: Document, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for key in parents:
        document = document.setdefault(key, {})
    document[last] = value
