"""The saved searches: what an analyst looks at first, each written in our own query language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from app.kibana.asking import SYSMON, query_of
from app.kibana.data_view import EVENT_FIELD
from app.kibana.saved import Filter, SavedObject, search_source
from app.sysmon.language import parse

SYSMON_FILTER: Final = Filter("Sysmon events", SYSMON)

_WHO: Final = ("winlog.computer_name", "winlog.event_data.Image")
_WHICH: Final = ("winlog.event_data.ProcessGuid", EVENT_FIELD)


@dataclass(frozen=True, slots=True)
class Hunt:
    """A saved search; ``query`` says which events, ``fields`` which columns stand in the middle."""

    key: str
    title: str
    query: str
    fields: tuple[str, ...]
    why: str

    @property
    def id(self) -> str:
        return f"sysmonsearch-search-{self.key}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table, from left to right."""
        within = (f"winlog.event_data.{name}" for name in self.fields)
        who = _WHO if "SourceImage" not in self.fields else _WHO[:1]
        which = _WHICH if who is _WHO else ("winlog.event_data.SourceProcessGuid", EVENT_FIELD)
        return (*who, *within, *which)

    def saved(self) -> SavedObject:
        """Return the saved search."""
        filters = (SYSMON_FILTER, Filter(self.query, query_of(parse(self.query)).maybe))
        source, references = search_source(filters)
        return SavedObject(
            "search",
            self.id,
            {
                "columns": list(self.columns),
                "description": f"{self.why} In SysmonSearch: {self.query}",
                "grid": {},
                "hideChart": False,
                "isTextBasedQuery": False,
                "kibanaSavedObjectMeta": {"searchSourceJSON": source},
                "sort": [["@timestamp", "desc"]],
                "timeRestore": False,
                "title": f"SysmonSearch: {self.title}",
            },
            references,
        )


HUNTS: Final = (
    Hunt(
        "created",
        "Processes created",
        "EventId:1",
        ("CommandLine", "User", "ParentImage"),
        "Every process that Sysmon saw start.",
    ),
    Hunt(
        "network",
        "Network connections",
        "EventId:3",
        ("DestinationIp", "DestinationPort", "DestinationHostname", "Initiated"),
        "Which process spoke with whom.",
    ),
    Hunt(
        "dns",
        "DNS queries",
        "EventId:22",
        ("QueryName", "QueryResults", "QueryStatus"),
        "Which process asked for which name.",
    ),
    Hunt(
        "run-keys",
        "Registry: programs that start by themselves",
        r"EventId:(12 or 13 or 14) and TargetObject:(*\CurrentVersion\Run\* or *\CurrentVersion\RunOnce\* or"
        r" *\CurrentVersion\RunOnceEx\* or *\CurrentVersion\Policies\Explorer\Run\* or *\Winlogon\Shell or"
        r" *\Winlogon\Userinit)",
        ("EventType", "TargetObject", "Details"),
        "Values below the Run keys and Winlogon are run at logon.",
    ),
    Hunt(
        "services",
        "Registry: services and what they run",
        r"EventId:13 and TargetObject:(*\Services\*\ImagePath or *\Services\*\Parameters\ServiceDll)",
        ("TargetObject", "Details"),
        "A service that is installed or turned to another file.",
    ),
    Hunt(
        "script-hosts",
        "Script hosts started",
        r"EventId:1 and Image:(*\powershell.exe or *\pwsh.exe or *\wscript.exe or *\cscript.exe or"
        r" *\mshta.exe or *\cmd.exe or *\rundll32.exe or *\regsvr32.exe)",
        ("CommandLine", "User", "ParentImage"),
        "Programs of Windows that run what a script or a command line tells them.",
    ),
    Hunt(
        "office-children",
        "Programs started by Office",
        r"EventId:1 and ParentImage:(*\winword.exe or *\excel.exe or *\powerpnt.exe or *\outlook.exe or"
        r" *\mspub.exe or *\onenote.exe)",
        ("CommandLine", "User", "ParentImage"),
        "What a document or a mail made start.",
    ),
    Hunt(
        "encoded",
        "PowerShell with an encoded or hidden command",
        r"EventId:1 and Image:(*\powershell.exe or *\pwsh.exe) and CommandLine:(*-enc* or *hidden* or"
        r" *FromBase64String* or *DownloadString* or *DownloadFile*)",
        ("CommandLine", "User", "ParentImage"),
        "Command lines that do not want to be read; our event page shows them decoded.",
    ),
    Hunt(
        "user-folders",
        "Programs run from folders that users may write to",
        r"EventId:1 and Image:(*\AppData\* or *\Temp\* or *\Downloads\* or *\Users\Public\* or"
        r" *\ProgramData\*)",
        ("CommandLine", "User", "ParentImage"),
        "Where what was just downloaded lies.",
    ),
    Hunt(
        "lsass",
        "Access to LSASS",
        r"EventId:10 and TargetImage:*\lsass.exe",
        ("SourceImage", "TargetImage", "GrantedAccess", "CallTrace"),
        "LSASS has the passwords in its memory.",
    ),
    Hunt(
        "remote-threads",
        "Threads created in other processes",
        "EventId:8",
        ("SourceImage", "TargetImage", "StartModule", "StartFunction"),
        "How code gets into a process that somebody else started.",
    ),
    Hunt(
        "tampering",
        "Processes tampered with",
        "EventId:25",
        ("Type",),
        "The image in memory is not the file on disk.",
    ),
    Hunt(
        "wmi",
        "WMI: filters, consumers, bindings",
        "EventId:(19 or 20 or 21)",
        ("EventType", "Operation", "Name", "Query", "Destination", "Consumer", "Filter"),
        "Code that WMI runs when something happens.",
    ),
    Hunt(
        "unsigned-drivers",
        "Drivers without a valid signature",
        "EventId:6 and not (Signed:true and SignatureStatus:Valid)",
        ("ImageLoaded", "Signature", "SignatureStatus", "Hashes"),
        "Code in the kernel.",
    ),
    Hunt(
        "clock",
        "File times set back",
        "EventId:2",
        ("TargetFilename", "CreationUtcTime", "PreviousCreationUtcTime"),
        "A file that is to look older than it is.",
    ),
    Hunt(
        "off",
        "Sysmon stopped, changed or failing",
        "EventId:(4 or 16 or 255)",
        ("State", "Configuration", "ConfigurationFileHash", "ID", "Description"),
        "From here on less may be logged.",
    ),
)
"""Every saved search, in the order of the export."""
