"""A computer that starts, and somebody who logs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.demo.images import Image
from app.demo.machine import Machine
from app.demo.office import (
    DOMAIN,
    END,
    LOCAL_SERVICE,
    MAIL_SERVER,
    MINUTE,
    NETWORK_SERVICE,
    SECOND,
    SYSTEM,
    SYSTEM_SERVER,
    Account,
    Process,
)

#: Groups of services, each in a svchost of its own, and who runs it.
_SERVICES: Final = {
    "DcomLaunch": SYSTEM,
    "RPCSS": NETWORK_SERVICE,
    "netsvcs": SYSTEM,
    "LocalServiceNetworkRestricted": LOCAL_SERVICE,
    "LocalSystemNetworkRestricted": SYSTEM,
    "LocalService": LOCAL_SERVICE,
    "NetworkService": NETWORK_SERVICE,
    "LocalServiceNoNetwork": LOCAL_SERVICE,
    "utcsvc": SYSTEM,
    "wsappx": SYSTEM,
}


@dataclass(slots=True)
class Desk:
    """A started computer with somebody logged on: the processes that others start from."""

    machine: Machine
    begin: int
    end: int
    root: Process
    services: Process
    hosts: dict[str, Process]
    lsass: Process
    antivirus: Process
    account: Account
    explorer: Process
    mail: Process


def boot(machine: Machine, begin: int, end: int, number: int) -> Desk:
    """Start the computer and log its user on; it runs to ``end``.

    ``number`` tells this start from others.
    """
    computer, dice, start = machine.computer, machine.dice, machine.start
    lasts = end - begin if end < END else None
    root = start("ntoskrnl", None, begin, command_line="System", lasts=lasts)
    root.pid = 4
    smss = start("smss", root, begin + 2 * SECOND, command_line=r"\SystemRoot\System32\smss.exe")
    start(
        "csrss",
        smss,
        begin + 5 * SECOND,
        command_line=r"%SystemRoot%\system32\csrss.exe ObjectDirectory=\Windows",
    )
    wininit = start("wininit", smss, begin + 5_300_000, command_line="wininit.exe")
    winlogon = start("winlogon", smss, begin + 6 * SECOND, command_line="winlogon.exe")
    services = start("services", wininit, begin + 6_400_000)
    lsass = start("lsass", wininit, begin + 6_500_000)
    hosts = {}
    time = begin + 7 * SECOND
    for group, account in _SERVICES.items():
        time += dice.between(200_000, 1_900_000)
        hosts[group] = start("svchost", services, time, arguments=f"-k {group}", account=account)
    start("sysmon", services, time + 300_000)
    start("spoolsv", services, time + 900_000)
    antivirus = start("defender", services, time + SECOND)
    start("SearchIndexer", services, time + 9 * SECOND, arguments="/Embedding")
    account = Account(
        rf"{DOMAIN}\{computer.user}", computer.sid, 0x2C000 + 0x3A1B7 * number + computer.number, 1, "Medium"
    )
    explorer = _log_on(machine, winlogon, account, begin + 70 * SECOND)
    mail = _open_mail(machine, explorer, begin + 4 * MINUTE)
    desk = Desk(machine, begin, end, root, services, hosts, lsass, antivirus, account, explorer, mail)
    _note_boot(desk, time)
    return desk


def _note_boot(desk: Desk, time: int) -> None:
    machine = desk.machine
    machine.happen(4, time + 350_000, state="Started", version="15.14", schema_version="4.90")
    for driver in ("SysmonDrv.sys", "WdFilter.sys", "tcpip.sys", "vmci.sys"):
        time += machine.dice.between(9_000, 60_000)
        machine.happen(
            6,
            time,
            image_loaded=rf"C:\Windows\System32\drivers\{driver}",
            hashes=Image(driver, file_version=machine.computer.system).hashes,
            signed="true",
            signature="Sysinternals" if driver.startswith("Sysmon") else "Microsoft Windows",
            signature_status="Valid",
        )
    for name in ("lsass", "ntsvcs", "scerpc", "atsvc", "eventlog", "spoolss", "wkssvc", "srvsvc"):
        machine.pipe(desk.services, time, rf"\{name}")
        machine.pipe(desk.hosts["netsvcs"], time + 90_000, rf"\{name}", connect=True)
    for port, server in ((389, SYSTEM_SERVER), (88, SYSTEM_SERVER), (135, SYSTEM_SERVER)):
        machine.connect(desk.lsass, time + port * 700, server, port, name="dc01.example.co.jp")


def _log_on(machine: Machine, winlogon: Process, account: Account, time: int) -> Process:
    userinit = machine.start("userinit", winlogon, time, account=account, lasts=28 * SECOND)
    explorer = machine.start(
        "explorer", userinit, time + 900_000, command_line=r"C:\Windows\Explorer.EXE", share_of_libraries=1.0
    )
    machine.start("dwm", winlogon, time + 400_000, account=account)
    machine.start("ctfmon", explorer, time + 4 * SECOND)
    machine.start("GoogleUpdate", explorer, time + 41 * SECOND, arguments="/c", lasts=22 * SECOND)
    for key in ("TypedPaths", "RunMRU", r"UserAssist\{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}\Count"):
        machine.touch_key(
            explorer,
            time + 2 * SECOND,
            rf"HKU\{account.sid}\Software\Microsoft\Windows\CurrentVersion\Explorer\{key}",
        )
    return explorer


def _open_mail(machine: Machine, explorer: Process, time: int) -> Process:
    mail = machine.start(machine.computer.mail, explorer, time, share_of_libraries=0.9)
    machine.resolve(mail, time + 700_000, "mail.example.co.jp", MAIL_SERVER)
    machine.connect(mail, time + 900_000, MAIL_SERVER, 993, name="mail.example.co.jp")
    if machine.computer.mail == "outlook":
        machine.pipe(mail, time + SECOND, rf"\OfficeUser_{machine.computer.user}_Outlook")
    else:
        machine.write(
            mail, time + SECOND, rf"{machine.computer.home}\AppData\Roaming\Thunderbird\profiles.ini"
        )
    return mail
