"""What a picture carries along that leaves the program: its styles and its symbols.

The colours are the light values of ``static/css/tokens.css``, the symbols those of
``static/icons.svg``; a test holds them together. There are no variables: programs that draw
know them less often than browsers do.
"""

from __future__ import annotations

from typing import Final

COLOURS: Final = {
    "process": "#0a66a0",
    "filetime": "#7d5410",
    "network": "#8a77fa",
    "image": "#0b4a30",
    "thread": "#ee1158",
    "file": "#119ac2",
    "registry": "#4f3580",
    "wmi": "#2c8a58",
    "dns": "#b31cc6",
    "access": "#958a90",
    "pipe": "#1d2126",
    "other": "#c07b05",
}
"""Key of a category -> its colour."""

INKS: Final = {
    "surface": "#ffffff",
    "surface-2": "#f5f7f9",
    "line": "#d3d9e0",
    "line-strong": "#7d8896",
    "ink": "#16202b",
    "ink-2": "#3f4c5b",
    "ink-3": "#596675",
    "pick": "#bd1650",
    "pick-bg": "#ffe3ec",
    "mark-bg": "#fff0a8",
    "gap": "#b9c2cc",
}
"""Token -> its colour."""

_STYLES: Final = """
.pg{font-family:"Segoe UI","Yu Gothic UI","Noto Sans CJK JP","Noto Sans",sans-serif}
.pg text{fill:{ink};font-size:12px}
.ground{fill:{surface}}
.pg .t-name{font-weight:600}
.pg .t-sub{font-family:Consolas,Menlo,"DejaVu Sans Mono",monospace;font-size:10.5px;fill:{ink-2}}
.pg .t-act{font-size:11.5px}
.pg .t-mono{font-family:Consolas,Menlo,"DejaVu Sans Mono",monospace;font-size:10.5px}
.pg .t-dim{fill:{ink-3}}
.pg .t-small{font-size:10px}
.pg .t-tiny{font-size:10.5px}
.pg .t-count{font-weight:600}
.pg .t-plus{color:{ink-2}}
.pg .edge{fill:none;stroke:{line-strong};stroke-width:1.4}
.pg .edge--act{stroke-width:1}
.pg .edge--spine{stroke:{pick};stroke-width:2.2}
.pg .edge--inferred{stroke-dasharray:5 3}
.pg .edge--folded{stroke-dasharray:1.6 2.6}
.pg .edge--cross{stroke:{cross};stroke-width:1.8;marker-end:url(#m-arrow)}
.pg .edge--access{stroke:{access};stroke-width:1.4;marker-end:none}
.m-arrow{fill:{cross}}
.pg .edge-label{font-family:Consolas,Menlo,"DejaVu Sans Mono",monospace;font-size:10px;fill:{ink-2};
paint-order:stroke;stroke:{surface};stroke-width:3px}
.pg .box{fill:{surface};stroke:{line-strong};stroke-width:1.3}
.pg .node--unlogged .box{stroke-dasharray:5 3;fill:{surface-2}}
.pg .node--unlogged .t-name{fill:{ink-2}}
.pg .node--inferred .box{stroke-dasharray:5 3}
.pg .node--folded .box{stroke-dasharray:1.6 2.6;stroke-linecap:round}
.pg .box-back{fill:{surface-2};stroke:{line-strong};stroke-width:1;stroke-dasharray:1.6 2.6}
.pg .node--quiet .t-name{font-weight:400}
.pg .node--marked .box{fill:{mark-bg}}
.pg .node--target .box,.pg .node--picked .box{fill:{pick-bg}}
.pg .ring{fill:none;stroke:{pick};stroke-width:2.6}
.pg .badge{fill:{surface};stroke:{pick};stroke-width:1.2}
.pg .rarity{color:{pick}}
.pg .rar-t{font-size:10px;fill:{pick}}
.pg .band{fill:{surface-2};stroke:{line}}
.pg .band--quiet{fill:none}
.pg .band-t{font-weight:600}
.pg .band-s{font-size:11px;font-weight:400;fill:{ink-2}}
.pg .gapmark{fill:url(#p-gap);stroke:{line-strong};stroke-width:.8;stroke-dasharray:2 2}
.p-gap-line{stroke:{gap}}
"""

SYMBOLS: Final = (
    '<symbol id="i-expand" viewBox="0 0 16 16"><path d="M3 8h10M8 3v10" stroke="currentColor" '
    'stroke-width="1.8" stroke-linecap="round"/></symbol>',
    '<symbol id="k-process" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" '
    'd="M3.6 1.6h8.8a2 2 0 0 1 2 2v8.8a2 2 0 0 1-2 2H3.6a2 2 0 0 1-2-2V3.6a2 2 0 0 1 2-2zM6.2 '
    '4.8v6.4L11.4 8z"/></symbol>',
    '<symbol id="k-filetime" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" d="M3 '
    "1.2h6.4L13 4.8v10H3zM8 6a3.2 3.2 0 1 0 0 6.4A3.2 3.2 0 0 0 8 6zm-.7 1.2h1.4v1.9l1.3 1-.8 "
    '1.1-1.9-1.4z"/></symbol>',
    '<symbol id="k-network" viewBox="0 0 16 16"><path fill="currentColor" d="M10 1.6 15 5.4l-5 '
    '3.8V6.6H2V4.2h8zM6 6.8v2.6h8v2.4H6v2.6L1 10.6z"/></symbol>',
    '<symbol id="k-image" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" d="M8 '
    "1.4 15 5 8 8.6 1 5zM3 7.6l5 2.6 5-2.6 2 1L8 12.2 1 8.6zM3 11l5 2.6L13 11l1.8.900L8 15.4 1.2 "
    '11.9z"/></symbol>',
    '<symbol id="k-thread" viewBox="0 0 16 16"><path fill="currentColor" d="M8.8 '
    '1.4h5.8v13.2H8.8v-2.2h3.6V3.6H8.8zM1 6.9h5.6V4.2L11 8l-4.4 3.8V9.1H1z"/></symbol>',
    '<symbol id="k-file" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" d="M3 '
    '1.2h6.4L13 4.8v10H3zM9 2.6v2.8h2.8z"/></symbol>',
    '<symbol id="k-registry" viewBox="0 0 16 16"><path fill="currentColor" d="M1.4 4.6h5v5h-5zM1.4 '
    '10.6h5v4h-5zM7.4 10.6h5v4h-5zM7.4 4.6h3v5h-3zM9.8 1.2h5v5h-3.4V4.6H9.8z"/></symbol>',
    '<symbol id="k-wmi" viewBox="0 0 16 16"><path fill="currentColor" d="M1.4 2h13.2L9.6 8.4v6L6.4 '
    '12.6V8.4z"/></symbol>',
    '<symbol id="k-dns" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" d="M1.4 '
    '3.4h8L15 8l-5.6 4.6h-8zM4.4 6.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8z"/></symbol>',
    '<symbol id="k-access" viewBox="0 0 16 16"><path fill-rule="evenodd" fill="currentColor" d="M5 '
    "4.2a3.8 3.8 0 1 0 3.6 5h1.6v2h2v-2h2.6V6.8H8.6A3.8 3.8 0 0 0 5 4.2zm-.2 2.4a1.4 1.4 0 1 1 0 2.8 "
    '1.4 1.4 0 0 1 0-2.8z"/></symbol>',
    '<symbol id="k-pipe" viewBox="0 0 16 16"><path fill="currentColor" d="M1 3.4h3v9.2H1zM12 '
    '3.4h3v9.2h-3zM5 5.6h6v4.8H5z"/></symbol>',
    '<symbol id="k-other" viewBox="0 0 16 16"><circle cx="3.2" cy="8" r="2" '
    'fill="currentColor"/><circle cx="8" cy="8" r="2" fill="currentColor"/><circle cx="12.8" cy="8" '
    'r="2" fill="currentColor"/></symbol>',
    '<symbol id="r-1" viewBox="0 0 16 16"><path fill="currentColor" d="M8 2 14 8l-6 6-6-6z"/></symbol>',
    '<pattern id="p-gap" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path class="p-gap-line" d="M0 0v6" stroke-width="2.4"/></pattern>',
    '<marker id="m-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path class="m-arrow" d="M0 .8 7.2 4 0 7.2z"/></marker>',
)
"""The symbols, the hatching and the head of arrows, as ``static/icons.svg`` has them."""


def _styles() -> str:
    text = _STYLES
    for token, colour in {**INKS, "cross": COLOURS["thread"], "access": COLOURS["access"]}.items():
        text = text.replace("{" + token + "}", colour)
    for kind, colour in COLOURS.items():
        text += (
            f".pg .c-{kind} .box{{stroke:{colour}}}.pg .c-{kind} .kbar{{fill:{colour}}}"
            f".pg .c-{kind} .kglyph{{color:{colour}}}\n"
        )
    return text


STANDALONE: Final = f"<style>{_styles()}</style>\n<defs>\n" + "\n".join(SYMBOLS) + "\n</defs>"
"""The head of a picture in a file of its own."""
