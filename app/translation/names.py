"""The names of people, places and things in a text, and whether a translation has kept them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from app.core.languages import base_language
from app.translation.placeholders import without_placeholders

# They write all nouns with a capital, so that a capital tells nothing.
NOUNS_WITH_CAPITALS = frozenset({"de", "gsw", "ksh", "lb", "nds"})
# They spell names the way they are said.
RESPELLING = frozenset({"az", "lv", "sq", "sr", "tk", "uz"})
# Written with a capital in English but translated all the same; and places with a name in every language.
_TRANSLATED_WORDS = """
    Mr Mrs Ms Miss Dr Doctor Professor Sir Lord Lady Madam Saint St President Minister King Queen Prince
    Princess Captain General Colonel Major Judge Senator Governor Mayor Father Mother Mom Mum Dad
    Grandma Grandpa Uncle Aunt Brother Sister God Jesus Christ Bible Earth Sun Moon Mars Venus Internet
    Christmas Easter Santa Claus Monday Tuesday Wednesday Thursday Friday Saturday Sunday January
    February March April May June July August September October November December Spring Summer Autumn
    Winter English Spanish French German Italian Portuguese Dutch Greek Latin Russian Polish Turkish
    Arabic Hebrew Hindi Chinese Japanese Korean American Americans British European Europeans African
    Africans Asian Indian Indians Christian Christians Jewish Jews Muslim Muslims Catholic Protestant
    Roman Romans Greeks Germans Russians America Europe Africa Asia Australia Antarctica Atlantic
    Pacific Mediterranean England Britain Scotland Wales Ireland Germany France Spain Italy Switzerland
    Austria Hungary Poland Sweden Norway Denmark Finland Iceland Netherlands Holland Belgium Greece
    Turkey Croatia Egypt Morocco Ethiopia Jordan Lebanon Cyprus Japan China Korea Brazil Mexico London
    Munich Cologne Vienna Venice Florence Naples Milan Turin Genoa Seville Lisbon Athens Warsaw Cracow
    Prague Copenhagen Gothenburg Geneva Antwerp Jerusalem Cairo Alexandria Beijing Peking New York
    United States Kingdom Nations Union North South East West Northern Southern Eastern Western Central
    White House Congress Senate Parliament Government State Department Ministry Court Church University
    College School Institute Academy Museum Library Hospital Bank Street Avenue Road Square Park Bridge
    River Lake Sea Ocean Island Islands Mountain Mountains Valley Bay City Town World War Great Old
    First Second Third Revolution Empire Republic Party Army Navy Force Air Police Space Shuttle Mission
    Control Station Center Centre Middle Ages Renaissance Alemania Allemagne Germania Inglaterra
    Angleterre Inghilterra España Espagne Spagna Espanha Estados Unidos Unis États Stati Uniti Suiza
    Suisse Svizzera Grecia Grèce Suecia Suède Svezia Japón Japon Giappone Corea Corée Londres Londra
    Nueva Nova Nouvelle París Parigi Roma Múnich Viena Vienne Dios Deus Dieu Dio Reino Unido Royaume Uni
    Guerra Guerre Mundial Casa Blanca Países Bajos Pays Bas Señor Señora Monsieur Madame
"""
TRANSLATED = frozenset(_TRANSLATED_WORDS.split())
# What stands before a capital that tells nothing: the start of a sentence, a row, a quotation or brackets.
_BEFORE_A_START = frozenset('.!?…:;—–-\n"“”«»„‘()[]¿¡♪')
_ABBREVIATION = re.compile(r"\b(?:Mrs?|Ms|Dr|Prof|St|Sra?|Mme|[A-Z])\.$")
_LONGEST_ABBREVIATION = 8
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_ACRONYM = 5
_LONGEST_ENDING = 4
_DOUBLED = re.compile(r"(.)\1")


def keep_names(source_language: str, target_language: str) -> bool:
    """Whether names can be told in the one, and stay as they are in the other, both in Latin letters."""
    told = base_language(source_language) not in NOUNS_WITH_CAPITALS
    return told and base_language(target_language) not in RESPELLING


def lost_names(source: str, translated: str) -> tuple[str, ...]:
    """The names of the source that the translation lacks, both in Latin letters, inflected or not. Of several
    words that follow each other one is enough."""
    given = {_spellings(word) for word in _WORD.findall(translated)}
    return tuple(
        " ".join(name)
        for name in _names(without_placeholders(source))
        if not any(_is_given(_spellings(part), given) for part in name)
    )


def _names(text: str) -> Iterator[list[str]]:
    """Words that follow each other with a capital in mid-sentence, without those that may be translated."""
    groups: list[list[str]] = []
    end = -1
    for found in () if text.isupper() else _WORD.finditer(text):
        if found[0][0].isupper() and not _is_start(text[: found.start()]):
            if not groups or text[end : found.start()].strip():
                groups.append([])
            groups[-1].append(found[0])
            end = found.end()
    names = ([word for word in group if _is_kept(word)] for group in groups)
    return filter(None, names)


def _is_start(before: str) -> bool:
    before = before.rstrip(" \u00a0")
    if not before:
        return True
    if before[-1] in "'’":
        return not before[-2:-1].isalpha()
    return before[-1] in _BEFORE_A_START and not _ABBREVIATION.search(before[-_LONGEST_ABBREVIATION:])


def _is_kept(word: str) -> bool:
    is_acronym = word.isupper() and len(word) <= _LONGEST_ACRONYM
    return len(word) > 1 and not is_acronym and word not in TRANSLATED


def _spellings(word: str) -> tuple[str, str]:
    """Without case and accents, and without doubled letters besides."""
    folded = "".join(mark for mark in unicodedata.normalize("NFD", word.casefold()) if mark.isalpha())
    return folded, _DOUBLED.sub(r"\1", folded)


def _is_given(name: tuple[str, str], given: Iterable[tuple[str, str]]) -> bool:
    """Endings differ, and some names are spelt to taste."""
    (stem, longest), (plain_stem, plain_longest) = map(_stem, name)
    return any(
        (word.startswith(stem) and len(word) <= longest)
        or (plain.startswith(plain_stem) and len(plain) <= plain_longest)
        for word, plain in given
    )


def _stem(name: str) -> tuple[str, int]:
    """What a form of the name begins with, and how long it is at most."""
    return name[: max(3, len(name) - _ending(name))], len(name) + _LONGEST_ENDING


def _ending(name: str) -> int:
    """How many of the last letters may be others."""
    return 3 if len(name) >= 8 else 2 if len(name) >= 6 else 1 if len(name) >= 4 else 0
