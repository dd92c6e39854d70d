"""What is found wrong with a line, and what is let pass."""

from time import process_time

import pytest

from app.translation.checks import (
    SCRIPTS,
    Fault,
    complaint,
    has_same_structure,
    is_untranslated,
    is_wrong_script,
)
from app.translation.engines.base import TranslationBatch, TranslationStyle
from app.translation.lengths import is_odd_length
from app.translation.names import lost_names
from app.translation.numbers import keeps_numbers, lost_numbers
from app.translation.placeholders import lost_placeholders

WORDS = {
    "ko": "안녕",
    "ja": "こんにちは",
    "zh": "你好",
    "zh-TW": "你好",
    "ru": "привет",
    "uk": "привіт",
    "ar": "مرحبا",
    "fa": "سلام",
    "hi": "नमस्ते",
    "th": "สวัสดี",
    "el": "γεια",
    "he": "שלום",
    "bn": "নমস্কার",
    "ta": "வணக்கம்",
    "ka": "გამარჯობა",
    "vi": "xin chào",
    "sr-Latn": "zdravo",
}


@pytest.mark.parametrize("language", WORDS)
def test_every_language_wants_its_own_script(language: str) -> None:
    assert not is_wrong_script("How are you today?", WORDS[language], language)
    wrong = "hello there" if language not in ("vi", "sr-Latn") else "привет"
    assert is_wrong_script("How are you today?", wrong, language)


@pytest.mark.parametrize(
    "source", ["Google", "New York", "NASA", "iPhone 15 Pro", "OK!", "https://example.com/a"]
)
def test_names_may_stay_in_their_script(source: str) -> None:
    assert not is_wrong_script(source, source, "ko")


def test_a_name_in_a_third_script_is_wrong() -> None:
    assert is_wrong_script("Hello!", "Привет!", "es")
    assert is_wrong_script("Hello!", "Привет!", "ko")
    assert not is_wrong_script("Иван Петров", "Ivan Petrov", "ko")


def test_a_language_of_two_scripts_may_have_either() -> None:
    assert not is_wrong_script("How are you today?", "zdravo", "sr")
    assert is_wrong_script("How are you today?", "zdravo", "sr-Cyrl")


def test_all_scripts_have_letters() -> None:
    assert all(name.isupper() for names in SCRIPTS.values() for name in names)


@pytest.mark.parametrize(
    ("source", "translated"),
    [
        ("How are you today?", "How are you today"),
        ("WHAT ARE YOU DOING", "What are you doing"),
        ("안녕하세요 여러분", "안녕하세요 여러분"),
    ],
)
def test_untranslated(source: str, translated: str) -> None:
    assert is_untranslated(source, translated)


@pytest.mark.parametrize(
    ("source", "translated"),
    [
        ("No.", "No."),
        ("Taxi!", "Taxi!"),
        ("Barack Obama, New York", "Barack Obama, New York"),
        ("Hotel Central 5", "Hotel Central 5"),
        ("How are you?", "¿Cómo estás?"),
        ("아", "아"),
    ],
)
def test_not_untranslated(source: str, translated: str) -> None:
    assert not is_untranslated(source, translated)


@pytest.mark.parametrize(
    ("source", "translated", "lost"),
    [
        ("1,000 dogs", "1.000 perros", ()),
        ("1,000 dogs", "1 000 chiens", ()),
        ("at 7:30", "a las 7.30", ("7", "30")),
        ("in 1984", "١٩٨٤", ()),
        ("in 1984", "en 1948", ("1984",)),
        ("in 1984", "entonces", ("1984",)),
        ("3 cats", "tres gatos", ()),
        ("3 cats", "5 gatos", ("3",)),
        ("3 and 3", "3 y tres", ()),
        ("twenty", "20", ()),
        ("3.5 km", "3,5 km", ()),
    ],
)
def test_numbers(source: str, translated: str, lost: tuple[str, ...]) -> None:
    assert lost_numbers(source, translated) == lost


@pytest.mark.parametrize(
    ("source", "translated", "lost"),
    [
        ("my name is Jordi Mas", "me llamo Pedro Gómez", ("Jordi Mas",)),
        ("my name is Jordi Mas", "soy Jordi", ()),
        ("we met Anna and Tom", "conocimos a Ana y a su amigo", ("Tom",)),
        ("we met Anna and Tom", "spotkaliśmy Annę i Toma", ()),
        ("he said Rose was late", "dijo que llegaba tarde", ("Rose",)),
        ("this is l'Oréal, he said", "esto es L'Oreal, dijo", ()),
        ("Jordi is here. Anna is not.", "él está aquí, ella no.", ()),
        ("[Terrill] Nobody knows.", "nadie lo sabe", ()),
        ("so Mr. Miller said", "eso dijo", ("Miller",)),
        ("we flew to Germany on Monday", "volamos a Alemania el lunes", ()),
        ("President Obama in the White House", "el presidente Obama en la Casa Blanca", ()),
        ("NATO and the UN", "la OTAN y la ONU", ()),
        ("THIS IS JORDI MAS", "este es él", ()),
        ("I think I'm late", "creo que llego tarde", ()),
        ("we love YouTube", "nos encanta el vídeo", ("YouTube",)),
        ("we go to Moscow", "vamos a Moscú", ()),
    ],
)
def test_names(source: str, translated: str, lost: tuple[str, ...]) -> None:
    assert lost_names(source, translated) == lost


def test_the_names_of_the_longest_line_are_found_while_nobody_notices() -> None:
    """Lines are looked at between the answers to requests."""
    source = ("we met Anna Smith. Then we saw Bob, Carl and Dora in Oslo! " * 90)[:5000]
    translated = ("nosotros vimos a alguien que era de otra parte y luego a otro más " * 80)[:5000]
    began = process_time()
    assert "Anna Smith" in lost_names(source, translated)
    assert process_time() - began < 1.0


@pytest.mark.parametrize(
    ("languages", "source"),
    [(("de", "es"), "wir sehen das Haus"), (("en", "lv"), "this is John"), (("en", "ko"), "this is John")],
)
def test_names_that_cannot_be_told_or_do_not_stay_are_let_be(languages: tuple[str, str], source: str) -> None:
    assert (
        complaint(source, "보세요" if "ko" in languages else "vemos Džons", TranslationBatch(*languages, ()))
        is None
    )


def test_a_name_with_a_wording_of_its_own_is_a_term() -> None:
    style = TranslationStyle(terminology=(("Rose", "Rosa"),))
    batch = TranslationBatch("en", "es", (), style=style)
    found = complaint("he said Rose was late", "dijo que llegaba tarde", batch)
    assert found is not None
    assert found.fault is Fault.TERMS
    assert complaint("he said Rose was late", "dijo que Rosa llegaba tarde", batch) is None


LONG_LINE = "we have been waiting at the station all morning"


@pytest.mark.parametrize(
    ("source", "translated", "odd"),
    [
        (LONG_LINE, "hemos estado esperando en la estación toda la mañana", False),
        (LONG_LINE, "esperamos", False),
        (LONG_LINE, "sí", True),
        (LONG_LINE, "esperamos en la estación y además " * 6, True),
        ("thank you", "te lo agradezco muchísimo, de todo corazón, de verdad", False),
        (LONG_LINE, "我们在车站等了一上午", False),
        (LONG_LINE, "我们", True),
        (LONG_LINE, "我们在车站等了一上午，" * 8, True),
        ("我们在车站等了一上午", LONG_LINE, False),
        ("我们在车站等了一上午", f"{LONG_LINE}, and so on. " * 4, True),
        (LONG_LINE, "우리는 아침 내내 역에서 기다렸어요", False),
        (LONG_LINE, "हम सुबह से स्टेशन पर इंतज़ार कर रहे हैं", False),
        ("1984 1985 1986 1987 1988 1989", "mil novecientos ochenta y cuatro y así", False),
    ],
)
def test_lengths(source: str, translated: str, *, odd: bool) -> None:
    assert is_odd_length(source, translated) is odd


def test_a_shorter_wording_keeps_every_number() -> None:
    assert keeps_numbers("los 3 gatos y 1.000 perros", "3 gatos, 1000 perros")
    assert not keeps_numbers("los 3 gatos", "los gatos")


@pytest.mark.parametrize(
    ("source", "translated", "lost"),
    [
        ("Hi {name}!", "¡Hola {name}!", ()),
        ("Hi {name}!", "¡Hola {nombre}!", ("{name}",)),
        ("%s of %(all)d", "%s de %(todo)d", ("%(all)d",)),
        ("50% discount", "un descuento", ()),
        ("<i>Hi</i>", "<i>Hola<i>", ("</i>",)),
        ("See https://a.example/b.", "Ver https://a.example/b", ()),
        ("See https://a.example/b", "Ver https://a.example/c", ("https://a.example/b",)),
        ("Mail me@a.example now", "Escribe", ("me@a.example",)),
        ("{a} {a}", "{a}", ("{a}",)),
    ],
)
def test_placeholders(source: str, translated: str, lost: tuple[str, ...]) -> None:
    assert lost_placeholders(source, translated) == lost


@pytest.mark.parametrize(
    ("source", "translated", "same"),
    [
        ("- One.\n- Two.", "- Uno.\n- Dos.", True),
        ("- One.\n- Two.", "- Uno. - Dos.", False),
        ("- One.\n- Two.", "Uno.\nDos.", False),
        ("- One.\n- Two.", "– Uno.\n– Dos.", True),
        ("♪ la ♪", "♪ la ♪", True),
        ("♪ la ♪", "la", False),
        ("-5 degrees", "5 grados bajo cero", True),
        ("one\ntwo", "uno dos", True),
    ],
)
def test_structure(source: str, translated: str, same: bool) -> None:
    assert has_same_structure(source, translated) is same


@pytest.mark.parametrize(
    ("source", "translated", "fault"),
    [
        ("we take the train at 1984", "we take the train at 1984", Fault.UNTRANSLATED),
        ("we take the train {x}", "мы едем", Fault.WRONG_SCRIPT),
        ("we take the train {x} and so on", "sí", Fault.LENGTH),
        ("we take the train {x}", "vamos", Fault.PLACEHOLDERS),
        ("- the train\n- no", "el tren no", Fault.STRUCTURE),
        ("we take the train", "vamos en coche", Fault.TERMS),
        ("we go with Anna at 1984", "vamos", Fault.NUMBERS),
        ("we go with Anna", "vamos", Fault.NAMES),
        ("we take the train", "vamos en tren", None),
    ],
)
def test_the_worst_is_told_first(source: str, translated: str, fault: Fault | None) -> None:
    style = TranslationStyle(terminology=(("train", "tren"),))
    found = complaint(source, translated, TranslationBatch("en", "es", (), style=style))
    assert (found.fault if found else None) == fault


def test_within_one_language_the_same_text_is_fine() -> None:
    batch = TranslationBatch("en-US", "en-GB", ())
    assert complaint("we take the train", "we take the train", batch) is None
