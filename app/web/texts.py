"""The words of the pages: every text a reader sees goes through here.

English is what stands in the code. A language that is translated has a catalogue of
gettext in ``locale/``; which one a request has is asked once and kept with it.
"""

from __future__ import annotations

import gettext as catalogues
from pathlib import Path
from typing import Final

from flask import g, has_request_context

DOMAIN: Final = "sysmonsearch"
LOCALE: Final = Path(__file__).parents[2] / "locale"
DEFAULT: Final = "en"


def language() -> str:
    """Return the language of this request, as ``lang`` has it."""
    return DEFAULT


def translations() -> catalogues.NullTranslations:
    """Return the catalogue of this request's language; English needs none."""
    if not has_request_context():
        return catalogues.NullTranslations()
    if "translations" not in g:
        g.translations = catalogues.translation(DOMAIN, LOCALE, [language()], fallback=True)
    found: catalogues.NullTranslations = g.translations
    return found


def translate(message: str) -> str:
    """Return a text in the reader's language, placeholders untouched."""
    return translations().gettext(message)


def translate_number(one: str, many: str, number: int) -> str:
    """Return the one of two texts that fits a number, in the reader's language."""
    return translations().ngettext(one, many, number)


def _(message: str, **values: object) -> str:
    """Return a text in the reader's language with its placeholders, ``%(name)s``, filled in."""
    return translate(message) % values


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """Return the one of two texts that fits ``number``, filled in; ``%(num)s`` is the number."""
    return translate_number(one, many, number) % {"num": f"{number:,}", **values}
