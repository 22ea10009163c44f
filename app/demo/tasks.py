"""What a computer does by itself: tasks by the clock, updates, antivirus, services' small writings."""

from __future__ import annotations

from typing import Final

from app.demo.desk import Desk
from app.demo.office import BEGIN, HOUR, MINUTE, NETWORK_SERVICE, SECOND, SYSTEM_SERVER


def run_tasks(desk: Desk) -> None:
    """Do what Windows and its services do by the clock until the computer stops."""
    time = max(desk.begin, BEGIN) + 3 * MINUTE
    while time < desk.end - 2 * MINUTE:
        _ONE_TASK[desk.machine.dice.between(0, len(_ONE_TASK) - 1)](desk, time)
        _hum(desk, time + 20 * SECOND)
        # Nights are quieter: the office works from 0 to 9 o'clock UTC.
        pause = 1 if (time - BEGIN) % (24 * HOUR) < 9 * HOUR else 3
        time += pause * desk.machine.dice.between(200 * SECOND, 460 * SECOND)
    _hourly(desk)


def _hum(desk: Desk, time: int) -> None:
    """Note the small things that never stop."""
    machine, dice = desk.machine, desk.machine.dice
    host = desk.hosts[dice.pick(list(desk.hosts))]
    for _ in range(dice.between(2, 9)):
        time += dice.between(5_000, 9 * SECOND)
        service = dice.pick(["Dhcp", "W32Time", "Dnscache", "BITS", "bam", "Tcpip", "LanmanServer"])
        key = rf"HKLM\System\CurrentControlSet\Services\{service}"
        if dice.chance(0.5):
            machine.set_value(host, time, rf"{key}\Parameters\Lease{dice.between(1, 40)}", "Binary Data")
        else:
            machine.touch_key(host, time, rf"{key}\Parameters")
    for process in dice.some([desk.antivirus, desk.hosts["DcomLaunch"], desk.hosts["netsvcs"]], 0.7):
        machine.access(process, desk.lsass, time + 700, dice.pick(["0x1000", "0x1400", "0x1478"]))
        machine.access(process, desk.explorer, time + 1_900, dice.pick(["0x1000", "0x1410"]))
    if dice.chance(0.4):
        machine.connect(
            desk.lsass, time, SYSTEM_SERVER, dice.pick([88, 389, 389, 445]), name="dc01.example.co.jp"
        )
    if dice.chance(0.3):
        name = dice.pick(
            ["wpad.example.co.jp", "dc01.example.co.jp", "time.windows.com", "isatap.example.co.jp"]
        )
        answer = SYSTEM_SERVER if name.startswith("dc01") else None
        machine.resolve(desk.hosts["NetworkService"], time, name, answer)


def _index(desk: Desk, time: int) -> None:
    machine = desk.machine
    number = machine.dice.between(2, 300)
    protocol = machine.start(
        "SearchProtocolHost",
        desk.hosts["LocalSystemNetworkRestricted"],
        time,
        arguments=rf"Global\UsGthrFltPipeMssGthrPipe{number}_ Global\UsGthrCtrlFltPipeMssGthrPipe{number} 1",
        lasts=185 * SECOND,
    )
    machine.start(
        "SearchFilterHost", protocol, time + 300_000, arguments="0 656 660 668 8192 664", lasts=184 * SECOND
    )
    machine.pipe(protocol, time + 500_000, rf"\UsGthrFltPipeMssGthrPipe{number}", connect=True)
    machine.write(
        protocol,
        time + SECOND,
        rf"C:\ProgramData\Microsoft\Search\Data\Applications\Windows\GatherLogs\SystemIndex\SystemIndex.{number}.gthr",
    )


def _host_task(desk: Desk, time: int) -> None:
    machine = desk.machine
    image = "taskhost" if machine.computer.system == "7" else "taskhostw"
    host = machine.start(
        image,
        desk.hosts["netsvcs"],
        time,
        arguments=machine.dice.pick(["SYSTEM", "Install $(Arg0)", "KEYROAMING", "-RegisterDevice"]),
        lasts=machine.dice.between(4, 90) * SECOND,
    )
    machine.load(host, machine.programs["dllhost"], time + 60_000)
    machine.set_value(
        host,
        time + SECOND,
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks"
        rf"\{{{machine.dice.hexadecimal(8)}-11C3-4E1A-9F42-AB0C5D1E2F33}}\DynamicInfo",
        "Binary Data",
    )


def _query_wmi(desk: Desk, time: int) -> None:
    machine = desk.machine
    provider = machine.start(
        "WmiPrvSE",
        desk.hosts["DcomLaunch"],
        time,
        arguments="-secured -Embedding",
        account=NETWORK_SERVICE,
        lasts=90 * SECOND,
    )
    machine.access(provider, desk.services, time + 2 * SECOND, "0x1410")
    machine.write(provider, time + SECOND, r"C:\Windows\System32\wbem\Performance\WmiApRpl_new.ini")


def _update_google(desk: Desk, time: int) -> None:
    machine = desk.machine
    update = machine.start(
        "GoogleUpdate",
        desk.hosts["netsvcs"],
        time,
        arguments="/ua /installsource scheduler",
        lasts=48 * SECOND,
    )
    machine.via_proxy(update, time + SECOND)
    machine.resolve(update, time + 900_000, "proxy.example.co.jp", "192.168.1.200")


def _check_files(desk: Desk, time: int) -> None:
    machine = desk.machine
    check = machine.start(
        "MpCmdRun",
        desk.antivirus,
        time,
        arguments="SignatureUpdate -ScheduleJob -RestrictPrivileges",
        lasts=37 * SECOND,
        account=NETWORK_SERVICE,
    )
    machine.via_proxy(check, time + 2 * SECOND)
    folder = (
        rf"C:\ProgramData\Microsoft\Windows Defender\Definition Updates\{{{machine.dice.hexadecimal(8)}}}"
    )
    for name in ("mpasbase.vdm", "mpasdlta.vdm", "mpavdlta.vdm"):
        machine.write(desk.antivirus, time + 9 * SECOND, rf"{folder}\{name}")
    machine.happen(
        26,
        time + 20 * SECOND,
        desk.antivirus,
        target_filename=rf"{folder}\mpasbase.old",
        hashes=machine.programs["MpCmdRun"].hashes,
        is_executable="false",
    )


def _surrogate(desk: Desk, time: int) -> None:
    machine = desk.machine
    key = machine.dice.pick(["dllhost", "backgroundTaskHost", "RuntimeBroker"])
    if machine.computer.system == "7":
        key = "dllhost"
    arguments = (
        "/Processid:{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}"
        if key == "dllhost"
        else "-ServerName:App.mca -Embedding"
    )
    machine.start(
        key,
        desk.hosts["DcomLaunch"],
        time,
        arguments=arguments,
        lasts=machine.dice.between(5, 30) * SECOND,
        account=desk.account,
    )


def _report(desk: Desk, time: int) -> None:
    machine = desk.machine
    report = machine.start("wermgr", desk.hosts["netsvcs"], time, arguments="-upload", lasts=6 * SECOND)
    machine.write(
        report,
        time + SECOND,
        rf"C:\ProgramData\Microsoft\Windows\WER\Temp\WER{machine.dice.hexadecimal(4)}.tmp",
    )
    machine.happen(9, time + 2 * SECOND, desk.root, device=r"\Device\HarddiskVolume2")


_ONE_TASK: Final = (
    _index,
    _index,
    _host_task,
    _host_task,
    _query_wmi,
    _update_google,
    _check_files,
    _surrogate,
    _surrogate,
    _report,
)


def _hourly(desk: Desk) -> None:
    """Apply the group policy, and tidy the disk once a day."""
    machine = desk.machine
    for time in range(max(desk.begin, BEGIN) + 25 * MINUTE, desk.end - HOUR, 2 * HOUR):
        policy = machine.start(
            "gpupdate", desk.hosts["netsvcs"], time, arguments="/target:computer", lasts=12 * SECOND
        )
        machine.connect(policy, time + SECOND, SYSTEM_SERVER, 389, name="dc01.example.co.jp")
        for name in ("Internet Settings", "Policies", "Group Policy"):
            machine.set_value(
                desk.hosts["netsvcs"],
                time + 2 * SECOND,
                rf"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\{name}\LastApplied",
                "QWORD (0x01d4a6bb-0x3f2c1000)",
            )
    if desk.end - desk.begin > 6 * HOUR:
        machine.start(
            "defrag", desk.hosts["netsvcs"], desk.end - 5 * HOUR, arguments="-c -h -k -g -$", lasts=4 * MINUTE
        )
        machine.happen(9, desk.end - 5 * HOUR + MINUTE, desk.root, device=r"\Device\HarddiskVolume1")
