"""What can be wrong with a translated line, told so that the engine can mend it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import langcodes

from app.core.languages import base_language
from app.translation.engines.base import TranslationBatch
from app.translation.lengths import is_odd_length
from app.translation.names import keep_names, lost_names
from app.translation.numbers import lost_numbers
from app.translation.placeholders import lost_placeholders, without_placeholders
from app.translation.preprocessor import dashes
from app.translation.terms import missing_terms, occurs

# The names of characters in a script's letters begin with one of these.
SCRIPTS = {
    "Arab": ("ARABIC",),
    "Armn": ("ARMENIAN",),
    "Beng": ("BENGALI",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Ethi": ("ETHIOPIC",),
    "Geor": ("GEORGIAN",),
    "Grek": ("GREEK",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("HIRAGANA", "KATAKANA", "CJK"),
    "Khmr": ("KHMER",),
    "Knda": ("KANNADA",),
    "Kore": ("HANGUL",),
    "Laoo": ("LAO",),
    "Latn": ("LATIN",),
    "Mlym": ("MALAYALAM",),
    "Mymr": ("MYANMAR",),
    "Sinh": ("SINHALA",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Thai": ("THAI",),
}
TWO_SCRIPTS = frozenset({"az", "bs", "kk", "ku", "mn", "pa", "sd", "sr", "tg", "tk", "uz"})

_NOTES = re.compile("[♪♫♬]")
_WORD = re.compile(r"[^\W\d_]+")


class Fault(IntEnum):
    """The worst last: an answer is as good as its worst fault."""

    NAMES = 1
    NUMBERS = 2
    TERMS = 3
    STRUCTURE = 4
    PLACEHOLDERS = 5
    LENGTH = 6
    WRONG_SCRIPT = 7
    UNTRANSLATED = 8


# No translation at all, as against one with a blemish.
UNUSABLE = frozenset((Fault.WRONG_SCRIPT, Fault.UNTRANSLATED))
# To be looked at; missed terms are listed by themselves.
DOUBTFUL = frozenset((Fault.NAMES, Fault.NUMBERS, Fault.STRUCTURE, Fault.PLACEHOLDERS, Fault.LENGTH))
# May well be right as it is: a number written out or in larger units, a name that is another there.
ARGUABLE = frozenset((Fault.NAMES, Fault.NUMBERS))


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault in the words that are sent to the engine."""

    fault: Fault
    words: str


def complaint(source: str, translated: str, batch: TranslationBatch) -> Complaint | None:
    """The worst that is wrong with a line of the batch, if anything is."""
    return next(_complaints(source, translated, batch), None)


def is_untranslated(source: str, translated: str) -> bool:
    """The same letters again, although there is more in the source than names, a word or a shout."""
    letters = [mark for mark in source.casefold() if mark.isalpha()]
    same = letters == [mark for mark in translated.casefold() if mark.isalpha()]
    return same and _plain_words(source) >= 2


def is_wrong_script(source: str, translated: str, language: str) -> bool:
    """No letter of the language's script. Names may stay as they are, or be in Latin letters."""
    script = _script(language)
    words = without_placeholders(translated)
    if not script or any(_is_of(mark, script) for mark in words):
        return False
    if _plain_words(source):
        return True
    return any(mark.isalpha() and mark not in source and not _is_of(mark, SCRIPTS["Latn"]) for mark in words)


def has_same_structure(source: str, translated: str) -> bool:
    """As many notes, dashes before speakers and, beside those, rows."""
    if len(_NOTES.findall(source)) != len(_NOTES.findall(translated)):
        return False
    spoken = dashes(source)
    return spoken == dashes(translated) and (not spoken or source.count("\n") == translated.count("\n"))


def _complaints(source: str, translated: str, batch: TranslationBatch) -> Iterator[Complaint]:
    target, style = batch.target_language, batch.style
    if base_language(batch.source_language) != base_language(target):
        if is_untranslated(source, translated):
            yield Complaint(Fault.UNTRANSLATED, "It was not translated.")
        if is_wrong_script(source, translated, target):
            yield Complaint(Fault.WRONG_SCRIPT, f"It was not in the script of {target}.")
    if is_odd_length(source, translated):
        yield Complaint(Fault.LENGTH, "It must say what the source says and no more: its length is far off.")
    if lost := lost_placeholders(source, translated):
        yield Complaint(Fault.PLACEHOLDERS, f"It must contain exactly: {' '.join(lost)}")
    if style.preserve_format and not has_same_structure(source, translated):
        yield Complaint(Fault.STRUCTURE, "It must have the rows, speaker dashes and ♪ of the source.")
    if missing := missing_terms(source, translated, style.terminology):
        wanted = ", ".join(f"{term} → {wording}" for term, wording in missing)
        yield Complaint(Fault.TERMS, f"It must use the terminology: {wanted}")
    if numbers := lost_numbers(source, translated):
        yield Complaint(Fault.NUMBERS, f"It must keep the numbers: {', '.join(numbers)}")
    if names := _lost_names(source, translated, batch):
        yield Complaint(Fault.NAMES, f"It must keep the names: {', '.join(names)}")


def _lost_names(source: str, translated: str, batch: TranslationBatch) -> tuple[str, ...]:
    """Not those that the terminology has a wording for."""
    languages = batch.source_language, batch.target_language
    if any(_script(language) != SCRIPTS["Latn"] for language in languages) or not keep_names(*languages):
        return ()
    terms = " ".join(term for term, _ in batch.style.terminology)
    return tuple(name for name in lost_names(source, translated) if not occurs(name, terms))


def _is_of(mark: str, script: tuple[str, ...]) -> bool:
    return unicodedata.name(mark, "").startswith(script)


def _plain_words(text: str) -> int:
    """Words that are no names, as far as case tells; the letters of scripts without case or blanks."""
    words = _WORD.findall(without_placeholders(text))
    if not any(mark.islower() or mark.isupper() for word in words for mark in word):
        return sum(map(len, words)) // 2
    if text.isupper():
        return len(words) - 1
    return sum(len(word) > 1 and word.islower() for word in words)


@lru_cache(maxsize=256)
def _script(language: str) -> tuple[str, ...]:
    """How the names of its letters begin; nothing where it is written in several scripts."""
    tag = langcodes.Language.get(language)
    if not tag.script and tag.language in TWO_SCRIPTS:
        return ()
    return SCRIPTS.get(tag.maximize().script or "", ())
