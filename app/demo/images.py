"""The programs and libraries of the demo's computers.

Paths and names are those of Windows and of well-known programs; hashes are made up, and
the same for the same file in the same version.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5, sha1, sha256
from pathlib import PureWindowsPath
from typing import Final

_WINDOWS: Final = "Microsoft® Windows® Operating System"
_MICROSOFT: Final = "Microsoft Corporation"

#: Version of Windows' own files, by Windows.
VERSIONS: Final = {
    "7": "6.1.7601.24231 (win7sp1_ldr.180810-0600)",
    "10": "10.0.17134.407 (WinBuild.160101.0800)",
    "2016": "10.0.14393.2608 (rs1_release.181024-1742)",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An executable file or library, as Sysmon describes it.

    ``loads`` has a letter for each group of libraries that it loads (see ``_OF_SYSTEM``).
    """

    path: str
    description: str | None = None
    product: str | None = None
    company: str | None = None
    file_version: str | None = None
    loads: str = "B"
    console: bool = False

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return PureWindowsPath(self.path).name

    @property
    def original_file_name(self) -> str | None:
        """The name that the file was built with; unknown files say none."""
        return self.name if self.product else None

    @property
    def hashes(self) -> str:
        """The file's hashes, in the order in which Sysmon writes them.

        Made of name and version: a copy elsewhere is the same file.
        """
        seed = f"{self.name.lower()}|{self.file_version}".encode()
        parts = {
            "SHA1": sha1(seed, usedforsecurity=False).hexdigest(),
            "MD5": md5(seed, usedforsecurity=False).hexdigest(),
            "SHA256": sha256(seed).hexdigest(),
            "IMPHASH": md5(b"imports" + seed, usedforsecurity=False).hexdigest(),
        }
        return ",".join(f"{name}={value.upper()}" for name, value in parts.items())


#: Key, path, description, libraries. `!` marks a console program.
_OF_WINDOWS: Final = r"""
smss|C:\Windows\System32\smss.exe|Windows セッション マネージャー|
csrss|C:\Windows\System32\csrss.exe|Client Server Runtime Process|
wininit|C:\Windows\System32\wininit.exe|Windows スタートアップ アプリケーション|B
winlogon|C:\Windows\System32\winlogon.exe|Windows ログオン アプリケーション|BG
services|C:\Windows\System32\services.exe|サービスとコントローラー アプリ|B
lsass|C:\Windows\System32\lsass.exe|Local Security Authority Process|BN
svchost|C:\Windows\System32\svchost.exe|Windows サービスのホスト プロセス|B
spoolsv|C:\Windows\System32\spoolsv.exe|スプーラー サブシステム アプリ|BN
userinit|C:\Windows\System32\userinit.exe|Userinit ログオン アプリケーション|BG
explorer|C:\Windows\explorer.exe|エクスプローラー|BGN
dwm|C:\Windows\System32\dwm.exe|デスクトップ ウィンドウ マネージャー|BG
taskhostw|C:\Windows\System32\taskhostw.exe|Windows タスクのホスト プロセス|BG
taskhost|C:\Windows\System32\taskhost.exe|Windows タスクのホスト プロセス|BG
taskeng|C:\Windows\System32\taskeng.exe|タスク スケジューラ エンジン|B
ctfmon|C:\Windows\System32\ctfmon.exe|CTF ローダー|BG
conhost|C:\Windows\System32\conhost.exe|コンソール ウィンドウ ホスト|BG
cmd|C:\Windows\System32\cmd.exe|Windows コマンド プロセッサ|B!
powershell|C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe|Windows PowerShell|BDN!
wscript|C:\Windows\System32\wscript.exe|Microsoft ® Windows Based Script Host|BGS
cscript|C:\Windows\System32\cscript.exe|Microsoft ® Console Based Script Host|BS!
rundll32|C:\Windows\System32\rundll32.exe|Windows ホスト プロセス (Rundll32)|BG
dllhost|C:\Windows\System32\dllhost.exe|COM Surrogate|BG
WmiPrvSE|C:\Windows\System32\wbem\WmiPrvSE.exe|WMI Provider Host|BW
SearchIndexer|C:\Windows\System32\SearchIndexer.exe|Microsoft Windows Search インデクサー|B
SearchProtocolHost|C:\Windows\System32\SearchProtocolHost.exe|Microsoft Windows Search Protocol Host|BG
SearchFilterHost|C:\Windows\System32\SearchFilterHost.exe|Microsoft Windows Search Filter Host|BG
consent|C:\Windows\System32\consent.exe|管理用アプリケーションの同意 UI|BG
wuauclt|C:\Windows\System32\wuauclt.exe|Windows Update|BN
wermgr|C:\Windows\System32\wermgr.exe|Windows 問題報告|BN
gpupdate|C:\Windows\System32\gpupdate.exe|Microsoft® グループ ポリシー更新ユーティリティ|B!
schtasks|C:\Windows\System32\schtasks.exe|タスク スケジューラの構成ツール|B!
systeminfo|C:\Windows\System32\systeminfo.exe|システム情報の表示|BW!
ipconfig|C:\Windows\System32\ipconfig.exe|IP 構成ユーティリティ|BN!
ping|C:\Windows\System32\PING.EXE|TCP/IP Ping コマンド|BN!
net|C:\Windows\System32\net.exe|Net コマンド|B!
net1|C:\Windows\System32\net1.exe|Net コマンド|B
reg|C:\Windows\System32\reg.exe|レジストリ コンソール ツール|B!
whoami|C:\Windows\System32\whoami.exe|whoami - ログオンしたユーザーの情報を表示します|B!
tasklist|C:\Windows\System32\tasklist.exe|現在のタスクの一覧|BW!
notepad|C:\Windows\System32\notepad.exe|メモ帳|BG
calc|C:\Windows\System32\calc.exe|Windows 電卓|BG
mspaint|C:\Windows\System32\mspaint.exe|ペイント|BG
mmc|C:\Windows\System32\mmc.exe|Microsoft 管理コンソール|BG
mstsc|C:\Windows\System32\mstsc.exe|リモート デスクトップ接続|BGN
audiodg|C:\Windows\System32\audiodg.exe|Windows オーディオ デバイス グラフ アイソレーション|B
defrag|C:\Windows\System32\Defrag.exe|ディスク最適化モジュール|B!
RuntimeBroker|C:\Windows\System32\RuntimeBroker.exe|Runtime Broker|BG
backgroundTaskHost|C:\Windows\System32\backgroundTaskHost.exe|Background Task Host|BGN
msiexec|C:\Windows\System32\msiexec.exe|Windows® インストーラー|BG
ntoskrnl|System||
"""

_MAKERS: Final = {
    "M": _MICROSOFT,
    "S": "Sysinternals - www.sysinternals.com",
    "G": "Google Inc.",
    "F": "Mozilla Corporation",
    "A": "Adobe Systems Incorporated",
    "E": "Project Sakura-Editor",
    "Y": "Yoru Software K.K.",
}
_FOLDERS: Final = {
    "%64%": r"C:\Program Files",
    "%86%": r"C:\Program Files (x86)",
    "%OFFICE%": r"C:\Program Files\Microsoft Office\root\Office16",
    "%DEFENDER%": r"C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.1812.3-0",
}

#: Key, path, description, product (`W`: Windows, `=`: as the description), maker, version, libraries.
_OF_OTHERS: Final = r"""
sysmon|C:\Windows\Sysmon64.exe|System activity monitor|Sysinternals Sysmon|S|15.14|B
defender|%DEFENDER%\MsMpEng.exe|Antimalware Service Executable|W|M|4.18.1812.3|BN
MpCmdRun|%DEFENDER%\MpCmdRun.exe|Microsoft Malware Protection Command Line Utility|W|M|4.18.1812.3|BN!
chrome|%86%\Google\Chrome\Application\chrome.exe|Google Chrome|=|G|71.0.3578.98|BGN
firefox|%64%\Mozilla Firefox\firefox.exe|Firefox|=|F|64.0.2|BGN
iexplore|%64%\Internet Explorer\iexplore.exe|Internet Explorer|=|M|11.0.9600.19230|BGN
GoogleUpdate|%86%\Google\Update\GoogleUpdate.exe|Google Installer|Google Update|G|1.3.33.23|BN
outlook|%OFFICE%\OUTLOOK.EXE|Microsoft Outlook|Microsoft Office 2016|M|16.0.10730.20262|BGNO
thunderbird|%86%\Mozilla Thunderbird\thunderbird.exe|Thunderbird|=|F|60.4.0|BGN
winword|%OFFICE%\WINWORD.EXE|Microsoft Word|Microsoft Office 2016|M|16.0.10730.20262|BGNO
excel|%OFFICE%\EXCEL.EXE|Microsoft Excel|Microsoft Office 2016|M|16.0.10730.20262|BGNO
powerpnt|%OFFICE%\POWERPNT.EXE|Microsoft PowerPoint|Microsoft Office 2016|M|16.0.10730.20262|BGNO
splwow64|C:\Windows\splwow64.exe|Print driver host for applications|W|M|10.0.17134.1|BG
acrord32|%86%\Adobe\Acrobat Reader DC\Reader\AcroRd32.exe|Adobe Acrobat Reader DC|=|A|19.10.20069.49826|BGN
sakura|%86%\sakura\sakura.exe|サクラエディタ|=|E|2.3.2.0|BG
sdelete|C:\Tools\sdelete64.exe|Secure file delete|Sysinternals Sdelete|S|2.02|B!
backup|%64%\YoruBackup\ybackup.exe|夜間バックアップ|YoruBackup|Y|3.4.1|BN!
"""

#: Group, library below System32, description.
_OF_SYSTEM: Final = """
B|ntdll.dll|NT Layer DLL
B|kernel32.dll|Windows NT BASE API Client DLL
B|KernelBase.dll|Windows NT BASE API Client DLL
B|msvcrt.dll|Windows NT CRT DLL
B|sechost.dll|Host for SCM/SDDL/LSA Lookup APIs
B|rpcrt4.dll|Remote Procedure Call Runtime
B|advapi32.dll|Advanced Windows 32 Base API
G|user32.dll|Multi-User Windows USER API Client DLL
G|gdi32.dll|GDI Client DLL
G|imm32.dll|Multi-User Windows IMM32 API Client DLL
G|ole32.dll|Microsoft OLE for Windows
G|shell32.dll|Windows Shell Common Dll
G|uxtheme.dll|Microsoft UxTheme Library
G|comctl32.dll|User Experience Controls Library
G|dwmapi.dll|Microsoft Desktop Window Manager API
N|ws2_32.dll|Windows Socket 2.0 32-Bit DLL
N|mswsock.dll|Microsoft Windows Sockets 2.0 Service Provider
N|winhttp.dll|Windows HTTP Services
N|dnsapi.dll|DNS Client API DLL
N|crypt32.dll|Crypto API32
N|IPHLPAPI.DLL|IP Helper API
N|rasapi32.dll|Remote Access API
S|jscript.dll|Microsoft ® JScript
S|vbscript.dll|Microsoft ® VBScript
S|scrobj.dll|Windows ® Script Component Runtime
S|wshom.ocx|Windows Script Host Runtime Library
S|scrrun.dll|Microsoft ® Script Runtime
D|mscoree.dll|Microsoft .NET Runtime Execution Engine
D|amsi.dll|Anti-Malware Scan Interface
D|urlmon.dll|OLE32 Extensions for Win32
W|wbemcomn.dll|WMI
W|fastprox.dll|WMI Custom Marshaller
W|wbemprox.dll|WMI
W|wmiutils.dll|WMI
O|msi.dll|Windows Installer
O|winspool.drv|Windows Spooler Driver
O|riched20.dll|Rich Text Edit Control
"""
_LIBRARIES: Final = [line.split("|") for line in _OF_SYSTEM.strip().splitlines()]


def programs(system: str) -> dict[str, Image]:
    """Return the programs of a computer with this Windows, by key."""
    found = {}
    for line in _OF_WINDOWS.strip().splitlines():
        key, path, description, loads = line.split("|")
        found[key] = Image(
            path,
            description or None,
            _WINDOWS if loads else None,
            _MICROSOFT if loads else None,
            VERSIONS[system] if loads else None,
            loads.rstrip("!"),
            loads.endswith("!"),
        )
    for line in _OF_OTHERS.strip().splitlines():
        key, path, description, product, maker, version, loads = line.split("|")
        for name, folder in _FOLDERS.items():
            path = path.replace(name, folder)
        product = {"W": _WINDOWS, "=": description}.get(product, product)
        found[key] = Image(
            path, description, product, _MAKERS[maker], version, loads.rstrip("!"), loads.endswith("!")
        )
    return found


def libraries(image: Image, system: str) -> list[Image]:
    """Return the libraries that a program loads, in the order in which it does."""
    return [
        Image(rf"C:\Windows\System32\{name}", description, _WINDOWS, _MICROSOFT, VERSIONS[system])
        for group, name, description in _LIBRARIES
        if group in image.loads
    ]
