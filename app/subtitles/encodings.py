"""The text in a subtitle file of unknown encoding."""

import codecs
import re

_BYTE_ORDER_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMMON = ("cp949", "gb18030", "big5", "cp932", "euc_jp", "cp1251", "cp1252")
_BY_LANGUAGE = {
    "ko": ("cp949",),
    "ja": ("cp932", "euc_jp"),
    "zh": ("gb18030", "big5"),
    "ru": ("cp1251", "koi8_r"),
    "uk": ("cp1251", "koi8_u"),
    "bg": ("cp1251",),
    "sr": ("cp1251", "cp1250"),
    "pl": ("cp1250",),
    "cs": ("cp1250",),
    "sk": ("cp1250",),
    "hu": ("cp1250",),
    "hr": ("cp1250",),
    "sl": ("cp1250",),
    "ro": ("cp1250",),
    "el": ("cp1253",),
    "tr": ("cp1254",),
    "he": ("cp1255",),
    "ar": ("cp1256",),
    "fa": ("cp1256",),
    "et": ("cp1257",),
    "lv": ("cp1257",),
    "lt": ("cp1257",),
    "vi": ("cp1258",),
    "th": ("cp874",),
}
_WORST_DAMAGE = 0.25


def decode(data: bytes, language: str | None) -> str | None:
    """The text, or None where no known encoding gives one; never a byte order mark or a NUL.

    `language` (BCP 47) settles what the bytes leave open: without it, the tables of central Europe,
    Greece, Turkey and others cannot be told from that of western Europe.
    """
    text = _marked(data) or _utf16_without_mark(data) or _utf8(data) or _legacy(data, language)
    return None if text is None else text.replace("\0", "").replace("\ufeff", "")


def _marked(data: bytes) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return None


def _utf16_without_mark(data: bytes) -> str | None:
    """Told by the arrow of its time lines, at an even offset."""
    for encoding in ("utf-16-le", "utf-16-be"):
        arrow = data.find("-->".encode(encoding))
        if arrow >= 0 and arrow % 2 == 0:
            return data.decode(encoding, "replace")
    return None


def _utf8(data: bytes) -> str | None:
    """Also where a few bytes are damaged: other encodings hardly ever look like UTF-8 by chance."""
    text = data.decode("utf-8", "replace")
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    damaged = text.count("\ufffd") - data.count("\ufffd".encode())
    return text if damaged <= beyond_ascii * _WORST_DAMAGE else None


def _legacy(data: bytes, language: str | None) -> str | None:
    from charset_normalizer import from_bytes

    # Numbers and times say nothing about the encoding and drown the little text that does.
    telling = b"\n".join(line for line in re.split(rb"[\r\n]+", data) if not line.isascii())
    expected = _expected(language)
    candidates = [*expected, *(name for name in _COMMON if name not in expected)]
    found = [match.encoding for match in from_bytes(telling, cp_isolation=candidates, enable_fallback=False)]
    ranked = sorted(found, key=lambda name: name not in expected)
    return _first_decoded(data, [*ranked, *candidates])


def _expected(language: str | None) -> tuple[str, ...]:
    if language is None:
        return ()
    base, *rest = language.lower().split("-")
    expected = _BY_LANGUAGE.get(base, ())
    return expected[::-1] if {"tw", "hk", "mo", "hant"} & set(rest) else expected


def _first_decoded(data: bytes, encodings: list[str]) -> str | None:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
