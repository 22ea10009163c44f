"""The words of the fleet: programs, libraries, command lines, files, keys, names, addresses.

Each list is made once from the seed. What is common in real logs stands first: the fleet
draws the front far more often than the tail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from app.demo.dice import Dice
from app.demo.images import Image, libraries, programs
from app.demo.render import split_hashes
from app.sysmon.fields import HASH_COLUMNS

Codes = NDArray[np.int64]

#: Programs that run from start to shutdown, and who runs them: 0 SYSTEM, 1 NETWORK SERVICE, 2 the user.
LONG_LIVED: Final = (
    ("svchost", 0),
    ("explorer", 2),
    ("defender", 0),
    ("services", 0),
    ("lsass", 0),
    ("svchost", 1),
    ("outlook", 2),
    ("chrome", 2),
)

_ARGUMENTS: Final = (
    "", "/c", "-k netsvcs", "-Embedding", "--type=renderer --lang=ja", "/quiet /norestart", "-s Schedule",
    "/background", "--check-update", "/n", "-secured -Embedding", "/ua /installsource scheduler",
    "--type=utility", "-silent",
)  # fmt: skip

#: Command lines that are different each time; `{0}` is a number in hexadecimal, `{1}` decimal.
UNIQUE_ARGUMENTS: Final = (
    "--type=renderer --renderer-client-id={1} --mojo-platform-channel-handle={1} /prefetch:1",
    r'/n "D:\work\report_{0}.xlsx"',
    r"/c C:\ProgramData\jobs\job_{0}.bat",
    "/Processid:{{{0}-09CA-4BB6-B78D-A8F59079A8D5}}",
    r"-NoProfile -File C:\Scripts\inventory.ps1 -Ticket {0}",
    r"Global\UsGthrFltPipeMssGthrPipe{1}_ Global\UsGthrCtrlFltPipeMssGthrPipe{1} 1",
    r"--log C:\Windows\Temp\setup_{0}.log",
    "-p {1} -s {0}",
)

_FOLDERS: Final = (
    r"C:\Users\{user}\AppData\Local\Temp",
    r"C:\Users\{user}\AppData\Local\Google\Chrome\User Data\Default\Cache",
    r"C:\Windows\Temp", r"C:\Users\{user}\Documents", r"C:\ProgramData\Microsoft\Windows\WER\Temp",
    r"C:\Windows\Prefetch", r"C:\Users\{user}\AppData\Roaming\Microsoft\Windows\Recent",
    r"C:\Windows\System32\Tasks", r"C:\Users\{user}\Downloads", r"C:\Windows\SoftwareDistribution\Download",
)  # fmt: skip

_ENDINGS: Final = ("tmp", "dat", "log", "lnk", "etl")

_KEYS: Final = (
    r"HKLM\System\CurrentControlSet\Services", r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion",
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks",
    r"HKU\.DEFAULT\Software\Microsoft",
    r"HKU\S-1-5-21-1725480316-2890117654-3406631107-1104\Software\Microsoft\Windows\CurrentVersion\Explorer",
    r"HKLM\SOFTWARE\Classes\CLSID", r"HKLM\System\CurrentControlSet\Control\DeviceClasses",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """All lists; a code is a place in one of them.

    ``files`` are programs first (``programs`` of them), then libraries.
    """

    files: tuple[Image, ...]
    programs: int
    long_lived: Codes
    command_lines: pa.Array
    first_command_line: Codes
    """Program -> its first command line; the next program's first ends its own."""
    file_names: tuple[str, ...]
    """With ``{user}`` in some."""
    keys: pa.Array
    details: pa.Array
    hosts: pa.Array
    answers: pa.Array
    addresses: pa.Array
    pipes: pa.Array
    traces: pa.Array

    def of_files(self, attribute: str) -> tuple[pa.Array, Codes]:
        """Return the distinct values of an attribute or a hash of files, and each file's code (-1: none)."""
        if attribute in HASH_COLUMNS:
            values = [split_hashes(file.hashes)[attribute] for file in self.files]
        else:
            values = [getattr(file, attribute) for file in self.files]
        encoded = pa.array(values, pa.string()).dictionary_encode()
        codes: Codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        return encoded.dictionary, codes


def words(seed: int) -> Words:
    """Make the lists."""
    dice = Dice("fleet", seed)
    known = programs("10")
    known.pop("ntoskrnl")
    made = [_program(dice, number) for number in range(220)]
    executables = [*known.values(), *made]
    dlls = {file.path: file for image in known.values() for file in libraries(image, "10")}
    dlls |= {file.path: file for file in (_library(dice, number, executables) for number in range(700))}
    lines, first = _command_lines(dice, executables)
    hosts = list(dict.fromkeys(_host(dice, number) for number in range(2_400)))
    return Words(
        files=(*executables, *dlls.values()),
        programs=len(executables),
        long_lived=np.array([list(known).index(key) for key, _ in LONG_LIVED]),
        command_lines=pa.array(lines),
        first_command_line=np.array(first),
        file_names=tuple(
            rf"{_FOLDERS[number % len(_FOLDERS)]}\{dice.letters(5)}{number}.{dice.pick(_ENDINGS)}"
            for number in range(400)
        ),
        keys=pa.array(
            [rf"{_KEYS[number % len(_KEYS)]}\{dice.letters(9)}{number}" for number in range(4_000)],
            pa.string(),
        ),
        details=pa.array(
            ["Binary Data", "(Empty)", *(f"DWORD (0x{number:08x})" for number in range(300))], pa.string()
        ),
        hosts=pa.array(hosts),
        answers=pa.array([f"::ffff:{_address(dice)};" for _ in hosts]),
        addresses=pa.array(
            list(dict.fromkeys(["192.168.1.200", "192.168.1.10", *(_address(dice) for _ in range(3_000))]))
        ),
        pipes=pa.array(
            [rf"\{name}" for name in ("lsass", "ntsvcs", "srvsvc", "wkssvc", "spoolss", "atsvc", "eventlog")]
        ),
        traces=pa.array(list(dict.fromkeys(_trace(dice) for _ in range(160)))),
    )


def _program(dice: Dice, number: int) -> Image:
    maker = dice.letters(7).capitalize()
    name = f"{dice.letters(6)}{number}"
    version = f"{dice.between(1, 20)}.{dice.between(0, 9)}.{dice.between(0, 9999)}.0"
    return Image(
        rf"C:\Program Files\{maker}\{name}.exe",
        f"{maker} {name}",
        f"{maker} Suite",
        f"{maker} K.K.",
        version,
        "BG",
    )


def _library(dice: Dice, number: int, executables: list[Image]) -> Image:
    name = f"{dice.letters(7)}{number}.dll"
    if dice.chance(0.6):
        version = "10.0.17134.1 (WinBuild.160101.0800)"
        return Image(
            rf"C:\Windows\System32\{name}",
            f"{name} ライブラリ",
            "Microsoft® Windows® Operating System",
            "Microsoft Corporation",
            version,
        )
    owner = dice.pick(executables)
    folder = owner.path.rpartition("\\")[0]
    return Image(rf"{folder}\{name}", None, owner.product, owner.company, owner.file_version)


def _command_lines(dice: Dice, executables: list[Image]) -> tuple[list[str], list[int]]:
    lines: list[str] = []
    first = [0]
    for image in executables:
        arguments = [_ARGUMENTS[0], *dice.some(_ARGUMENTS[1:], 0.2)]
        lines += [f'"{image.path}" {text}'.rstrip() for text in arguments]
        first.append(len(lines))
    return lines, first


def _host(dice: Dice, number: int) -> str:
    domain = f"{dice.letters(dice.between(4, 11))}.{dice.pick(['com', 'co.jp', 'net', 'jp', 'org'])}"
    return f"{dice.pick(['www', 'cdn', 'api', 'mail', 'img'])}{number % 9 or ''}.{domain}"


def _address(dice: Dice) -> str:
    return ".".join(str(dice.between(1, 250)) for _ in range(4))


def _trace(dice: Dice) -> str:
    modules = ["ntdll.dll", *(f"{dice.letters(6)}.dll" for _ in range(dice.between(2, 8))), "KERNEL32.DLL"]
    return "|".join(rf"C:\Windows\System32\{module}+{dice.between(4096, 900_000):x}" for module in modules)
