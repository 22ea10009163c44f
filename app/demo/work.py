"""What people do at their computers: mail, browsing, documents, tools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from app.demo.desk import Desk
from app.demo.office import MAIL_SERVER, MINUTE, PROXY, SECOND, Process

_SITES: Final = (
    "www.yahoo.co.jp www.google.co.jp mail.google.com www.jreast.co.jp www.tenki.jp www.asahi.com"
    " www.wikipedia.org ja.wikipedia.org github.com stackoverflow.com www.amazon.co.jp www.rakuten.co.jp"
    " www.nikkei.com www.jma.go.jp login.microsoftonline.com outlook.office365.com www.city.saitama.jp"
    " www.metro.tokyo.lg.jp cdn.example.net"
).split()

_DOCUMENTS: Final = (
    r"見積書\見積書_2019年1月.xlsx",
    r"議事録\定例会議_20190107.docx",
    r"請求\請求一覧.xlsx",
    r"Reports\Q3-report.docx",
    r"Reports\budget-2019.xlsx",
    r"提案\新年度計画.pptx",
    r"勤務表\勤務表_1月.xlsx",
    r"Templates\letter.docx",
    r"顧客\連絡先.xlsx",
    r"共有\手順書_v2.docx",
)


def work(desk: Desk, begin: int, end: int) -> None:
    """Fill the hours with work."""
    dice = desk.machine.dice
    time = begin
    while time < end:
        dice.pick(_HABITS)(desk, time)
        time += dice.between(90 * SECOND, 370 * SECOND)


def _read_mail(desk: Desk, time: int) -> None:
    machine, dice = desk.machine, desk.machine.dice
    mail = desk.mail
    machine.connect(mail, time, MAIL_SERVER, dice.pick([993, 993, 465]), name="mail.example.co.jp")
    home = machine.computer.home
    for _ in range(dice.between(1, 3)):
        time += dice.between(SECOND, 9 * SECOND)
        if machine.computer.mail == "outlook":
            folder = (
                rf"{home}\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\{dice.hexadecimal(8)}"
            )
            machine.write(
                mail,
                time,
                rf"{folder}\{dice.pick(['添付', 'memo', '資料', 'agenda'])}_{dice.between(1, 60)}.pdf",
            )
            machine.set_value(
                mail,
                time + 3_000,
                rf"HKU\{desk.account.sid}\Software\Microsoft\Office\16.0\Outlook\Search\{dice.between(1, 9)}",
                "Binary Data",
            )
        else:
            profile = rf"{home}\AppData\Roaming\Thunderbird\Profiles\k2v9w1xd.default"
            machine.write(
                mail, time, rf"{profile}\ImapMail\mail.example.co.jp\INBOX-{dice.between(1, 40)}.msf"
            )


def _browse(desk: Desk, time: int) -> None:
    dice = desk.machine.dice
    browser = open_browser(desk, desk.explorer, time, lasts=dice.between(120, 1500) * SECOND)
    for _ in range(dice.between(2, 6)):
        time += dice.between(4 * SECOND, 80 * SECOND)
        visit(desk, browser, time)
    if dice.chance(0.3):
        download(
            desk,
            browser,
            time + SECOND,
            dice.pick(["manual.pdf", "時刻表.pdf", "driver_2.1.zip", "photo.jpg"]),
        )


def open_browser(desk: Desk, parent: Process, time: int, *, lasts: int, address: str = "") -> Process:
    """Start the computer's browser with its helper processes."""
    machine, dice = desk.machine, desk.machine.dice
    key = machine.computer.browser
    arguments = {"chrome": f'-- "{address}"', "firefox": f'-osint -url "{address}"', "iexplore": address}[key]
    browser = machine.start(
        key,
        parent,
        time,
        arguments=arguments if address else "",
        lasts=lasts,
        directory=str(machine.programs[key].path.rpartition("\\")[0] + "\\"),
    )
    helpers = {
        "chrome": [
            "--type=gpu-process --field-trial-handle=1516",
            "--type=renderer --lang=ja --renderer-client-id=5",
        ],
        "firefox": ['-contentproc --channel="3372.6.1420" -parentBuildID 20190108160530 -greomni tab'],
        "iexplore": ["SCODEF:3120 CREDAT:275457 /prefetch:2"],
    }[key]
    for number, arguments in enumerate(helpers):
        helper = machine.start(
            key, browser, time + (number + 1) * 700_000, arguments=arguments, lasts=lasts - 3 * SECOND
        )
        machine.access(browser, helper, time + (number + 1) * 800_000, "0x1fffff")
        name = (
            rf"\{'mojo' if key == 'chrome' else 'gecko'}.{dice.between(900, 9000)}.{dice.between(900, 9000)}"
        )
        machine.pipe(browser, time + 650_000, name)
        machine.pipe(helper, time + (number + 1) * 900_000, name, connect=True)
    return browser


def visit(desk: Desk, browser: Process, time: int, site: str | None = None) -> None:
    """Let the browser fetch something through the proxy."""
    machine, dice = desk.machine, desk.machine.dice
    machine.resolve(browser, time, "proxy.example.co.jp", PROXY)
    if dice.chance(0.3):
        machine.resolve(browser, time + 2_000, site or dice.pick(_SITES), None)
    for _ in range(dice.between(1, 3)):
        time += dice.between(8_000, 900_000)
        machine.via_proxy(browser, time)
    cache = rf"{machine.computer.home}\AppData\Local\{machine.computer.browser}\Cache"
    for _ in range(dice.between(0, 2)):
        time += dice.between(8_000, 300_000)
        machine.write(browser, time, rf"{cache}\f_{dice.hexadecimal(6).lower()}")
    if dice.chance(0.25):
        machine.happen(
            23,
            time + 70_000,
            browser,
            target_filename=rf"{cache}\f_{dice.hexadecimal(6).lower()}",
            hashes=machine.programs[machine.computer.browser].hashes,
            is_executable="false",
            archived="true",
        )


def download(desk: Desk, browser: Process, time: int, name: str, *, host: str = "www.example.net") -> str:
    """Let the browser save a file, marked as one from the internet; return its path."""
    machine = desk.machine
    path = rf"{machine.computer.home}\Downloads\{name}"
    machine.write(browser, time, f"{path}.part")
    machine.write(browser, time + 800_000, path)
    machine.happen(
        15,
        time + 830_000,
        browser,
        target_filename=f"{path}:Zone.Identifier",
        creation_utc_time="2019-01-08 00:00:00.000",
        hash=machine.programs["notepad"].hashes,
        contents=f"[ZoneTransfer]  ZoneId=3  HostUrl=http://{host}/",
    )
    return path


def _edit(desk: Desk, time: int) -> None:
    machine, dice = desk.machine, desk.machine.dice
    document = rf"{machine.computer.home}\Documents\{dice.pick(_DOCUMENTS)}"
    key = {"x": "excel", "d": "winword", "p": "powerpnt"}[document.rpartition(".")[2][0]]
    office = machine.start(
        key, desk.explorer, time, arguments=f'/n "{document}"', lasts=dice.between(90, 1400) * SECOND
    )
    folder, _, name = document.rpartition("\\")
    machine.write(office, time + 2 * SECOND, rf"{folder}\~${name[2:]}")
    recent = rf"{machine.computer.home}\AppData\Roaming\Microsoft\Office\Recent\{name}.LNK"
    machine.write(office, time + 3 * SECOND, recent)
    for item in range(dice.between(2, 6)):
        machine.set_value(
            office,
            time + 3 * SECOND + item * 40_000,
            rf"HKU\{desk.account.sid}\Software\Microsoft\Office\16.0\Common\MRU\Item {item + 1}",
            f"[F00000000][T01D4A6{dice.hexadecimal(10)}][O00000000]*{document}",
        )
    machine.happen(
        2,
        time + 30 * SECOND,
        office,
        target_filename=rf"{folder}\{dice.hexadecimal(8)}.tmp",
        creation_utc_time="2019-01-04 05:11:42.118",
        previous_creation_utc_time="2019-01-07 00:20:13.402",
    )
    if dice.chance(0.15):
        machine.start("splwow64", office, time + 40 * SECOND, arguments="12288", lasts=2 * MINUTE)


def _use_tool(desk: Desk, time: int) -> None:
    machine, dice = desk.machine, desk.machine.dice
    key = dice.pick(["notepad", "sakura", "calc", "mspaint", "acrord32", "sakura"])
    lasts = dice.between(30, 700) * SECOND
    path = rf"{machine.computer.home}\Documents\メモ\memo{dice.between(1, 30)}.txt"
    tool = machine.start(
        key, desk.explorer, time, arguments=f'"{path}"' if key != "calc" else "", lasts=lasts
    )
    if key in {"notepad", "sakura"}:
        machine.write(tool, time + lasts - SECOND, path)
    if dice.chance(0.3):
        machine.happen(
            24,
            time + 5 * SECOND,
            tool,
            session="1",
            client_info=f"user: {desk.account.user}",
            hashes=machine.programs[key].hashes,
            archived="true",
        )


def _browse_folders(desk: Desk, time: int) -> None:
    machine, dice = desk.machine, desk.machine.dice
    bags = rf"HKU\{desk.account.sid}_Classes\Local Settings\Software\Microsoft\Windows\Shell\BagMRU"
    for _ in range(dice.between(3, 10)):
        time += dice.between(90_000, 4 * SECOND)
        if dice.chance(0.6):
            machine.set_value(desk.explorer, time, rf"{bags}\{dice.between(0, 9)}\MRUListEx", "Binary Data")
        else:
            event_type = dice.pick(["CreateKey", "DeleteKey", "DeleteValue"])
            machine.touch_key(desk.explorer, time, rf"{bags}\{dice.between(0, 9)}", event_type)
    if dice.chance(0.2):
        machine.happen(
            14,
            time + 90_000,
            desk.explorer,
            event_type="RenameKey",
            target_object=rf"{bags}\新しいキー #1",
            new_name=rf"{bags}\資料",
        )


def _command_line(desk: Desk, time: int) -> None:
    machine, dice = desk.machine, desk.machine.dice
    lasts = dice.between(40, 300) * SECOND
    shell = machine.start("cmd", desk.explorer, time, lasts=lasts, directory=machine.computer.home + "\\")
    for _ in range(dice.between(1, 4)):
        time += dice.between(3 * SECOND, 9 * SECOND)
        key, arguments = dice.pick(
            [
                ("ipconfig", "/all"),
                ("ping", f"192.168.1.{dice.between(1, 250)}"),
                ("net", "use Z: \\\\fs01\\share"),
                ("tasklist", ""),
                ("net", "view"),
            ]
        )
        machine.start(
            key, shell, time, command_line=f"{key} {arguments}".strip(), lasts=dice.between(1, 4) * SECOND
        )


_HABITS: Final[tuple[Callable[[Desk, int], None], ...]] = (
    _read_mail,
    _read_mail,
    _read_mail,
    _browse,
    _browse,
    _edit,
    _use_tool,
    _browse_folders,
    _browse_folders,
    _command_line,
)
