"""A computer of the demo: what happens on it, before any of it is an event.

Happenings are noted in any order; ``render.events_of`` puts them into order, gives the
processes their numbers and makes events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.demo.dice import Dice
from app.demo.images import Image, libraries, programs
from app.demo.office import BEGIN, PROXY, SYSTEM, Account, Computer, Process, sysmon_time

_PORT_NAMES: Final = {80: "http", 88: "kerberos", 135: "epmap", 389: "ldap", 443: "https", 993: "imaps"}

_WANDERING: Final = frozenset({2, 3, 9, 11, 12, 13, 14, 17, 18, 22, 23, 24, 26})

Text = str | int


@dataclass(slots=True)
class Happening:
    """One event to be: values by column; ``target`` is the target process of events 8 and 10."""

    time: int
    event_id: int
    process: Process | None
    target: Process | None
    values: Mapping[str, Text]


@dataclass(slots=True)
class Machine:
    """A computer at work: processes and happenings."""

    computer: Computer
    dice: Dice
    programs: dict[str, Image] = field(init=False)
    processes: list[Process] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    logons: dict[Account, int] = field(default_factory=dict)
    """When each account's first process started."""

    def __post_init__(self) -> None:
        self.programs = programs(self.computer.system)

    def happen(
        self,
        event_id: int,
        time: int,
        process: Process | None = None,
        target: Process | None = None,
        **values: Text | None,
    ) -> None:
        """Note something, with values by column; what is None is missing.

        What would happen before or after the life of its process does not happen.
        """
        # What is drawn by the second happens a little later.
        time += self.dice.between(0, 30_000) if event_id in _WANDERING else 0
        if process is None or (process.start <= time and (process.end is None or time <= process.end)):
            filled = {column: value for column, value in values.items() if value is not None}
            self.happenings.append(Happening(time, event_id, process, target, filled))

    def start(
        self,
        image: str | Image,
        parent: Process | None,
        time: int,
        *,
        arguments: str = "",
        command_line: str | None = None,
        account: Account | None = None,
        lasts: int | None = None,
        directory: str | None = None,
        token: int | None = None,
        share_of_libraries: float = 0.2,
    ) -> Process:
        """Start a process with its libraries, and its end when it ``lasts`` a while."""
        image = self.programs[image] if isinstance(image, str) else image
        # Nothing happens at whole seconds; a given token stands for a process that is planned exactly.
        time += 0 if token is not None else self.dice.between(0, 50_000)
        account = account or (parent.account if parent else SYSTEM)
        quoted = f'"{image.path}"' if " " in image.path or account.session else image.path
        process = Process(
            image=image,
            command_line=command_line or f"{quoted} {arguments}".rstrip(),
            account=account,
            parent=parent,
            start=time,
            end=None if lasts is None else time + lasts + self.dice.between(0, 900_000),
            directory=directory or "C:\\Windows\\system32\\",
            # Nothing logs the start of System, which has no parent.
            logged=time >= BEGIN and parent is not None,
            token=token,
        )
        self.processes.append(process)
        if process.logged:
            self._note_start(process, share_of_libraries)
        return process

    def _note_start(self, process: Process, share: float) -> None:
        time = process.start
        self.happen(1, time, process)
        if process.parent is not None and self.dice.chance(0.35):
            self.access(process.parent, process, time + 900, "0x1fffff")
        for library in [
            process.image,
            *self.dice.some(libraries(process.image, self.computer.system), share),
        ]:
            time += self.dice.between(300, 21_000)
            self.load(process, library, time)
        # A console has one host: children share their parent's.
        has_console = process.parent is not None and process.parent.image.console
        if process.image.console and not has_console and self.computer.system != "7":
            self.start(
                "conhost",
                process,
                process.start + self.dice.between(4_000, 19_000),
                command_line=r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1",
                lasts=process.end and max(process.end - process.start - 2_000, 20_000),
                directory="C:\\Windows\\",
                share_of_libraries=0.2,
            )
        if process.end is not None:
            self.happen(5, process.end, process)

    def load(self, process: Process, library: Image, time: int, *, signed: bool = True) -> None:
        """Note that a process loads a library."""
        maker = library.company if signed else None
        self.happen(
            7,
            time,
            process,
            image_loaded=library.path,
            file_version=library.file_version,
            description=library.description,
            product=library.product,
            company=library.company,
            original_file_name=library.original_file_name,
            hashes=library.hashes,
            signed="true" if signed else "false",
            signature=("Microsoft Windows" if maker == "Microsoft Corporation" else maker)
            if signed
            else None,
            signature_status="Valid" if signed else "Unavailable",
        )

    def access(self, process: Process, target: Process, time: int, granted: str) -> None:
        """Note that a process opens another one."""
        stack = [
            r"C:\Windows\SYSTEM32\ntdll.dll+9a3c4",
            rf"C:\Windows\System32\KERNELBASE.dll+2{'4d1e' if self.computer.system == '7' else '730e'}",
            *([rf"{process.image.path}+{len(process.image.path):x}c40"] if process.account.session else []),
            r"C:\Windows\System32\KERNEL32.DLL+17944|C:\Windows\SYSTEM32\ntdll.dll+6ce71",
        ]
        self.happen(
            10,
            time,
            process,
            target,
            source_thread_id=self.dice.between(100, 2500) * 4,
            granted_access=granted,
            call_trace="|".join(stack),
        )

    def connect(
        self,
        process: Process,
        time: int,
        to: str,
        port: int,
        *,
        name: str | None = None,
    ) -> None:
        """Note a connection out."""
        self.happen(
            3,
            time,
            process,
            protocol="tcp",
            initiated="true",
            source_is_ipv6="false",
            source_ip=self.computer.address,
            source_hostname=f"{self.computer.name}.example.co.jp",
            source_port=self.dice.between(49152, 65500),
            destination_is_ipv6="false",
            destination_ip=to,
            destination_hostname=name,
            destination_port=port,
            destination_port_name=_PORT_NAMES.get(port),
        )

    def via_proxy(self, process: Process, time: int) -> None:
        """Note a connection through the proxy."""
        self.connect(process, time, PROXY, 8080, name="proxy.example.co.jp")

    def resolve(self, process: Process, time: int, name: str, answer: str | None) -> None:
        """Note a DNS query; without an answer: the name is not known."""
        self.happen(
            22,
            time,
            process,
            query_name=name,
            query_status="0" if answer else "9003",
            query_results=f"::ffff:{answer};" if answer else None,
        )

    def write(self, process: Process, time: int, path: str) -> None:
        """Note that a process makes a file."""
        self.happen(11, time, process, target_filename=path, creation_utc_time=sysmon_time(time))

    def set_value(
        self, process: Process, time: int, key: str, details: str, *, rule: str | None = None
    ) -> None:
        """Note that a process sets a registry value."""
        self.happen(
            13, time, process, event_type="SetValue", target_object=key, details=details, rule_name=rule
        )

    def touch_key(self, process: Process, time: int, key: str, event_type: str = "CreateKey") -> None:
        """Note that a process makes or deletes a registry key."""
        self.happen(12, time, process, event_type=event_type, target_object=key)

    def pipe(self, process: Process, time: int, name: str, *, connect: bool = False) -> None:
        """Note that a process makes a pipe, or connects to one."""
        self.happen(
            18 if connect else 17,
            time,
            process,
            event_type="ConnectPipe" if connect else "CreatePipe",
            pipe_name=name,
        )
