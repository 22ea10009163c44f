"""What the events of a fleet say: columns, filled kind by kind."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from app.demo.fleet_columns import Columns
from app.demo.fleet_population import Lives, Population, skewed
from app.demo.fleet_words import Codes
from app.demo.wire import CHANNEL, TASKS
from app.sysmon.fields import HASH_COLUMNS

_WITHOUT_PROCESS: Final = (4, 6, 16, 19, 20, 21, 255)
_WITH_FILE_NAME: Final = (2, 11, 15, 23, 26, 27, 28, 29)
_PORTS: Final = np.array([443, 443, 443, 8080, 8080, 80, 445, 389, 88, 135, 53, 5985, 3389])
_PORT_NAMES: Final = {443: "https", 80: "http", 389: "ldap", 88: "kerberos", 135: "epmap", 53: "domain"}
_ACCESS: Final = ("0x1000", "0x1400", "0x1410", "0x1fffff", "0x1478", "0x101000", "0x40", "0x1f3fff")


class Filler:
    """Fills one batch."""

    def __init__(
        self,
        columns: Columns,
        population: Population,
        lives: Lives,
        kinds: Codes,
        times: Codes,
        chance: np.random.Generator,
    ) -> None:
        self._columns = columns
        self._population = population
        self._words = population.words
        self._lives = lives
        self._kinds = kinds
        self._times = times
        self._chance = chance

    def fill(self) -> None:
        """Fill all columns."""
        self._heads()
        self._subjects()
        self._creations()
        self._files()
        self._file_names()
        self._connections()
        self._targets()
        self._registry()
        self._pipes()
        self._names()
        self._rare()

    def _rows(self, *event_ids: int) -> Codes:
        return np.flatnonzero(np.isin(self._kinds, event_ids))

    def _heads(self) -> None:
        columns, rows = self._columns, np.arange(len(self._kinds))
        columns.numbers("time", rows, self._times)
        columns.numbers("utc_time", rows, self._times - 1000 * self._chance.integers(0, 16, len(rows)))
        columns.words("computer", rows, self._lives.computer, self._population.names)
        columns.numbers("event_id", rows, self._kinds)
        columns.numbers("record_id", rows, self._lives.record_id)
        versions = np.zeros(256, np.int64)
        versions[list(TASKS)] = [version for version, _ in TASKS.values()]
        columns.numbers("event_version", rows, versions[self._kinds])
        columns.same("channel", rows, CHANNEL)
        columns.words(
            "level", rows, (self._kinds == 255).astype(np.int64), pa.array(["Information", "Error"])
        )

    def _processes(self, rows: Codes, who: Codes, prefix: str) -> None:
        """Fill the columns that say who a process is."""
        processes = self._lives.processes
        used, places = np.unique(who, return_inverse=True)
        columns = self._columns
        columns.words(f"{prefix}process_guid", rows, places, pa.array(processes.guid[used].tolist()))
        columns.numbers(f"{prefix}process_id", rows, processes.pid[who])
        self._attribute(f"{prefix}image", rows, processes.image[who], "path")
        columns.words(f"{prefix}user", rows, processes.account[who], self._population.users)

    def _attribute(self, column: str, rows: Codes, files: Codes, attribute: str) -> None:
        dictionary, codes = self._population.of_files(attribute)
        self._columns.words(column, rows, codes[files], dictionary)

    def _subjects(self) -> None:
        rows = np.flatnonzero(~np.isin(self._kinds, _WITHOUT_PROCESS))
        self._processes(rows, self._lives.actor[rows], "")

    def _creations(self) -> None:
        rows, parents = self._lives.creations, self._lives.parents
        processes, columns, population = self._lives.processes, self._columns, self._population
        who = self._lives.actor[rows]
        self._processes(rows, parents, "parent_")
        columns.texts("parent_command_line", rows, processes.line[parents].tolist())
        columns.texts("command_line", rows, processes.line[who].tolist())
        account = processes.account[who]
        sort = account.clip(max=2)
        homes = ["C:\\Windows\\system32\\", *(f"C:\\Users\\{name}\\" for name in population.user_names)]
        columns.words("current_directory", rows, np.where(sort == 2, account - 1, 0), pa.array(homes))
        columns.words("integrity_level", rows, (sort == 2).astype(np.int64), pa.array(["System", "Medium"]))
        columns.numbers("terminal_session_id", rows, (sort == 2).astype(np.int64))
        columns.words("logon_id", rows, account, population.logon_ids)
        columns.words("logon_guid", rows, self._lives.computer[rows] * 3 + sort, population.logon_guids)

    def _files(self) -> None:
        """Fill what is said of program and library files: in events 1, 6, 7, and hashes of others."""
        words, columns = self._words, self._columns
        made = self._lives.creations
        loads = self._rows(6, 7)
        libraries = words.programs + skewed(len(words.files) - words.programs, len(loads), self._chance)
        hashed = self._rows(23, 24, 26, 27, 28, 29)
        any_files = skewed(len(words.files), len(hashed), self._chance)
        programs = self._lives.processes.image[self._lives.actor[made]]
        rows, files = np.concatenate([made, loads]), np.concatenate([programs, libraries])
        described = np.isin(self._kinds[rows], (1, 7))
        for attribute in ("file_version", "description", "product", "company", "original_file_name"):
            self._attribute(attribute, rows[described], files[described], attribute)
        rows, files = np.concatenate([rows, hashed]), np.concatenate([files, any_files])
        for attribute in ("hashes", *HASH_COLUMNS):
            self._attribute(attribute, rows, files, attribute)
        self._attribute("image_loaded", loads, libraries, "path")
        _, makers = self._population.of_files("company")
        signed = (makers[libraries] >= 0) & (libraries % 17 != 0)
        yes_no = pa.array(["true", "false"])
        columns.words("signed", loads, (~signed).astype(np.int64), yes_no)
        columns.words(
            "signature_status", loads, (~signed).astype(np.int64), pa.array(["Valid", "Unavailable"])
        )
        self._attribute("signature", loads[signed], libraries[signed], "company")
        deleted = self._rows(23, 26, 28)
        columns.words("is_executable", deleted, np.ones(len(deleted), np.int64), yes_no)

    def _file_names(self) -> None:
        """Fill the files that are written or deleted; three in ten have a name of their own."""
        rows = self._rows(*_WITH_FILE_NAME)
        names, users = self._words.file_names, self._population.user_names
        chosen = skewed(len(names), len(rows), self._chance).tolist()
        own = (self._chance.random(len(rows)) < 0.3).tolist()
        tails = self._chance.integers(0, 1 << 32, len(rows)).tolist()
        computers = self._lives.computer[rows].tolist()
        texts = [
            names[name].replace("{user}", users[computer])
            for name, computer in zip(chosen, computers, strict=True)
        ]
        texts = [
            f"{text[:-4]}-{tail:08x}{text[-4:]}" if is_own else text
            for text, tail, is_own in zip(texts, tails, own, strict=True)
        ]
        self._columns.texts("target_filename", rows, texts)
        made = self._rows(2, 11, 15)
        self._columns.texts("creation_utc_time", made, _texts(self._times[made]))
        changed = self._rows(2)
        self._columns.texts(
            "previous_creation_utc_time", changed, _texts(self._times[changed] - 86_400_000_000)
        )

    def _connections(self) -> None:
        rows = self._rows(3)
        columns, words, population, count = self._columns, self._words, self._population, len(rows)
        chance, computers = self._chance, self._lives.computer[rows]
        sources = [f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in range(population.computers)]
        columns.words("source_ip", rows, computers, pa.array(sources))
        columns.words("source_hostname", rows, computers, population.names)
        columns.numbers("source_port", rows, chance.integers(49_152, 65_536, count))
        to = skewed(len(words.addresses), count, chance)
        columns.words("destination_ip", rows, to, words.addresses)
        # One address in three has a name.
        columns.words(
            "destination_hostname",
            rows,
            np.where((to % 3 == 0) & (to < len(words.hosts)), to, -1),
            words.hosts,
        )
        ports = _PORTS[(len(_PORTS) * chance.random(count)).astype(np.int64)]
        columns.numbers("destination_port", rows, ports)
        known = list(_PORT_NAMES)
        names = np.full(65_536, -1)
        names[known] = np.arange(len(known))
        columns.words("destination_port_name", rows, names[ports], pa.array(list(_PORT_NAMES.values())))
        columns.words("protocol", rows, (ports == 53).astype(np.int64), pa.array(["tcp", "udp"]))
        true_false = pa.array(["true", "false"])
        columns.words("initiated", rows, (chance.random(count) < 0.1).astype(np.int64), true_false)
        for column in ("source_is_ipv6", "destination_is_ipv6"):
            columns.words(column, rows, np.ones(count, np.int64), true_false)

    def _targets(self) -> None:
        both, opened, threads = self._rows(8, 10), self._rows(10), self._rows(8)
        self._processes(both, self._lives.other[both], "target_")
        chance, columns = self._chance, self._columns
        columns.numbers("source_thread_id", opened, chance.integers(100, 5_000, len(opened)) * 4)
        columns.words("granted_access", opened, skewed(len(_ACCESS), len(opened), chance), pa.array(_ACCESS))
        traces = self._words.traces
        columns.words("call_trace", opened, skewed(len(traces), len(opened), chance), traces)
        columns.numbers("new_thread_id", threads, chance.integers(100, 5_000, len(threads)) * 4)
        addresses = [
            f"0x{number << 12:016X}" for number in chance.integers(1 << 20, 1 << 34, len(threads)).tolist()
        ]
        columns.texts("start_address", threads, addresses)

    def _registry(self) -> None:
        """Fill the registry's events; one in ten names a key of its own."""
        rows, sets = self._rows(12, 13, 14), self._rows(13)
        chance, columns, words = self._chance, self._columns, self._words
        keys = skewed(len(words.keys), len(rows), chance)
        own = chance.random(len(rows)) < 0.1
        columns.words("target_object", rows[~own], keys[~own], words.keys)
        tails = chance.integers(0, 1 << 48, int(own.sum())).tolist()
        bases = words.keys.take(pa.array(keys[own])).to_pylist()
        columns.texts(
            "target_object",
            rows[own],
            [rf"{base}\{{{tail:012x}}}" for base, tail in zip(bases, tails, strict=True)],
        )
        columns.words("details", sets, skewed(len(words.details), len(sets), chance), words.details)
        types = np.select([self._kinds[rows] == 13, self._kinds[rows] == 14], [0, 1], 2 + keys % 3)
        names = pa.array(["SetValue", "RenameKey", "CreateKey", "DeleteKey", "DeleteValue"])
        columns.words("event_type", rows, types, names)
        renamed = self._rows(14)
        columns.words("new_name", renamed, skewed(50, len(renamed), chance), words.keys)

    def _pipes(self) -> None:
        rows = self._rows(17, 18)
        own = self._chance.random(len(rows)) < 0.4
        words, columns = self._words, self._columns
        known = rows[~own]
        columns.words("pipe_name", known, skewed(len(words.pipes), len(known), self._chance), words.pipes)
        numbers = self._chance.integers(1_000, 1 << 40, int(own.sum())).tolist()
        columns.texts("pipe_name", rows[own], [rf"\mojo.{n & 0xFFFF}.{n >> 16}" for n in numbers])
        kinds = (self._kinds[rows] == 18).astype(np.int64)
        columns.words("event_type", rows, kinds, pa.array(["CreatePipe", "ConnectPipe"]))

    def _names(self) -> None:
        rows, words = self._rows(22), self._words
        hosts = skewed(len(words.hosts), len(rows), self._chance)
        unknown = hosts % 11 == 0
        self._columns.words("query_name", rows, hosts, words.hosts)
        self._columns.words("query_status", rows, unknown.astype(np.int64), pa.array(["0", "9003"]))
        self._columns.words("query_results", rows, np.where(unknown, -1, hosts), words.answers)

    def _rare(self) -> None:
        """Fill what only rare events have, with the same words each time."""
        for event_id, values in _RARE.items():
            rows = self._rows(event_id)
            for column, text in values.items():
                self._columns.same(column, rows, text)


_RARE: Final[dict[int, dict[str, str]]] = {
    4: {"state": "Started", "version": "15.14", "schema_version": "4.90"},
    9: {"device": r"\Device\HarddiskVolume2"},
    15: {
        "hash": "MD5=D41D8CD98F00B204E9800998ECF8427E",
        "md5": "D41D8CD98F00B204E9800998ECF8427E",
        "contents": "[ZoneTransfer]  ZoneId=3",
    },
    16: {
        "configuration": r"C:\Tools\sysmonconfig.xml",
        "configuration_file_hash": "SHA256=" + 8 * "5AF05772",
    },
    19: {"event_namespace": r'"root\\cimv2"', "query": '"SELECT * FROM __InstanceCreationEvent WITHIN 60"'},
    20: {"type": "Log File", "destination": r'"C:\\ProgramData\\Inventory\\installed.log"'},
    21: {"consumer": '"LogFileEventConsumer.Name=watch"', "filter": '"__EventFilter.Name=watch"'},
    23: {"archived": "true"},
    25: {},
    255: {"id": "QUEUE"},
}


def _texts(times: Codes) -> list[str]:
    """Return times as Sysmon writes them into fields."""
    texts = np.datetime_as_string((times // 1000).astype("datetime64[ms]"))
    return [text.replace("T", " ") for text in texts.tolist()]
