"""Rare events, so that each kind of event has some: none of them is an attack."""

from __future__ import annotations

from app.demo.desk import Desk
from app.demo.images import Image
from app.demo.office import MINUTE, SECOND


def inventory_by_wmi(desk: Desk, time: int) -> None:
    """An inventory tool registers for WMI events (19, 20, 21)."""
    machine, user = desk.machine, desk.account.user
    name = "棚卸_ProcessWatch"
    machine.happen(
        19,
        time,
        event_type="WmiFilterEvent",
        operation="Created",
        user=user,
        event_namespace=r'"root\\cimv2"',
        name=f'"{name}"',
        query="\"SELECT * FROM __InstanceCreationEvent WITHIN 60 WHERE TargetInstance ISA 'Win32_Product'\"",
    )
    machine.happen(
        20,
        time + 300_000,
        event_type="WmiConsumerEvent",
        operation="Created",
        user=user,
        name=f'"{name}"',
        type="Log File",
        destination=r'"C:\\ProgramData\\Inventory\\installed.log"',
    )
    machine.happen(
        21,
        time + 600_000,
        event_type="WmiBindingEvent",
        operation="Created",
        user=user,
        consumer=rf'"LogFileEventConsumer.Name=\"{name}\""',
        filter=rf'"__EventFilter.Name=\"{name}\""',
    )


def configure_sysmon(desk: Desk, time: int) -> None:
    """An administrator loads a new Sysmon configuration (16); Sysmon says what it could not do (255)."""
    machine = desk.machine
    shell = machine.start("powershell", desk.explorer, time, lasts=5 * MINUTE)
    machine.start(
        "sysmon",
        shell,
        time + MINUTE,
        command_line=r'"C:\Windows\Sysmon64.exe" -c C:\Tools\sysmonconfig.xml',
        lasts=3 * SECOND,
    )
    machine.happen(
        16,
        time + MINUTE + SECOND,
        configuration=r"C:\Tools\sysmonconfig.xml",
        configuration_file_hash="SHA256=" + machine.programs["sysmon"].hashes.split("SHA256=")[1][:64],
    )
    machine.happen(
        255,
        time + MINUTE + 2 * SECOND,
        id="QUEUE",
        description="Events dropped from driver queue: ImageLoad:118 ProcessAccess:41",
    )


def shred_files(desk: Desk, time: int) -> None:
    """Somebody shreds old customer files; Sysmon is set to forbid it (28)."""
    machine = desk.machine
    shell = machine.start("cmd", desk.explorer, time, lasts=3 * MINUTE)
    tool = machine.start(
        "sdelete",
        shell,
        time + 20 * SECOND,
        command_line=r"sdelete64.exe -p 3 D:\顧客\2017",
        lasts=50 * SECOND,
    )
    for number in range(4):
        machine.happen(
            28,
            time + (24 + number) * SECOND,
            tool,
            target_filename=rf"D:\顧客\2017\顧客台帳_{number + 1}.xlsx",
            hashes=Image(rf"D:\顧客\2017\{number}", file_version="1").hashes,
            is_executable="false",
        )


def install_by_mail(desk: Desk, time: int) -> None:
    """A setup program is blocked where mail attachments are saved (27)."""
    machine = desk.machine
    shell = machine.start(
        "rundll32", desk.explorer, time, arguments="shell32.dll,Control_RunDLL", lasts=MINUTE
    )
    path = rf"{machine.computer.home}\Downloads\フォント_setup.exe"
    machine.happen(
        27, time + 2 * SECOND, shell, target_filename=path, hashes=Image(path, file_version="1").hashes
    )


def update_browser(desk: Desk, time: int) -> None:
    """A browser replaces itself: Sysmon sees an image that is not the file's (25), and new programs (29)."""
    machine = desk.machine
    update = machine.start("GoogleUpdate", desk.hosts["netsvcs"], time, arguments="/svc", lasts=90 * SECOND)
    machine.happen(25, time + 8 * SECOND, update, type="Image is replaced")
    path = r"C:\Program Files (x86)\Google\Chrome\Application\71.0.3578.98\Installer\setup.exe"
    machine.happen(
        29, time + 9 * SECOND, update, target_filename=path, hashes=Image(path, file_version="71").hashes
    )


def read_disk(desk: Desk, time: int) -> None:
    """The backup reads the disk as a whole (9) and asks a process for a thread, as debuggers do (8)."""
    machine = desk.machine
    backup = machine.start("backup", desk.services, time, arguments="--night --volume C:", lasts=9 * MINUTE)
    for number in range(6):
        machine.happen(9, time + (5 + 40 * number) * SECOND, backup, device=r"\Device\HarddiskVolume2")
    machine.connect(backup, time + 30 * SECOND, "192.168.1.30", 445, name="fs01.example.co.jp")
    machine.happen(
        8,
        time + MINUTE,
        backup,
        desk.hosts["netsvcs"],
        new_thread_id=5184,
        start_address="0x00007FFB4C2A1F30",
        start_module=r"C:\Windows\System32\ntdll.dll",
        start_function="DbgUiRemoteBreakin",
    )
