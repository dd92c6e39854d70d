"""Machine translation on this machine: Apertium, where a language pair is installed."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import langcodes

from app.core.errors import ErrorCode, Problem
from app.ledger.usage import Usage
from app.translation.engines.base import Line, LongLine, TranslationBatch
from app.translation.placeholders import placeholders

DATA_DIR = Path("/usr/share/apertium")
SECONDS_PER_CALL = 120.0

# Debian packages that translate both ways, by the languages they join.
DEBIAN_PACKAGES = {
    frozenset({"eng", "spa"}): "apertium-eng-spa",
    frozenset({"eng", "cat"}): "apertium-eng-cat",
    frozenset({"eng", "glg"}): "apertium-en-gl",
    frozenset({"spa", "por"}): "apertium-es-pt",
    frozenset({"spa", "fra"}): "apertium-fr-es",
    frozenset({"spa", "ita"}): "apertium-spa-ita",
    frozenset({"spa", "cat"}): "apertium-spa-cat",
    frozenset({"spa", "glg"}): "apertium-es-gl",
    frozenset({"spa", "arg"}): "apertium-spa-arg",
    frozenset({"fra", "cat"}): "apertium-fra-cat",
    frozenset({"por", "cat"}): "apertium-por-cat",
    frozenset({"por", "glg"}): "apertium-pt-gl",
    frozenset({"ita", "cat"}): "apertium-cat-ita",
    frozenset({"oci", "fra"}): "apertium-oci-fra",
    frozenset({"swe", "dan"}): "apertium-swe-dan",
    frozenset({"swe", "nob"}): "apertium-swe-nor",
    frozenset({"dan", "nob"}): "apertium-dan-nor",
    frozenset({"nno", "nob"}): "apertium-nno-nob",
    frozenset({"afr", "nld"}): "apertium-afr-nld",
    frozenset({"ind", "zlm"}): "apertium-ind-zlm",
    frozenset({"rus", "ukr"}): "apertium-rus-ukr",
    frozenset({"urd", "hin"}): "apertium-urd-hin",
}
APERTIUM_NAMES = {"no": "nob", "ms": "zlm", "sr": "hbs", "hr": "hbs", "bs": "hbs"}

# Apertium moves words about freely inside a sentence but never past a blank line, so a paragraph is the
# unit that keeps subtitles apart.
PARAGRAPH = "\n\n"


class ApertiumTranslator:
    """The `apertium` command with the language pairs found in its data folder.

    Tone and context are not understood; the terminology is.
    """

    name: Final = "apertium"
    queue: Final = "cpu"
    batch_size = 200
    heeds_complaints = False

    def __init__(self, data_dir: Path = DATA_DIR, binary: str = "apertium") -> None:
        self._modes = data_dir / "modes"
        self._data_dir = data_dir
        self._binary = binary

    def model_for(self, requested: str | None) -> str:
        """The model that really runs for the name a client asked for."""
        return "apertium"

    def pairs(self) -> Sequence[tuple[str, str]]:
        """Source and target languages (BCP 47) of the pairs that are installed."""
        if shutil.which(self._binary) is None:
            return []
        names = (mode.split("-") for mode in sorted(self._installed()))
        return [(_bcp_47(pair[0]), _bcp_47(pair[1])) for pair in names if len(pair) == 2]

    def check_pair(self, source: str, target: str) -> None:
        """Raises `Problem(LANGUAGE_PAIR_UNSUPPORTED)` saying what to install or set."""
        if shutil.which(self._binary) is None or self._mode(source, target) is None:
            hint = _hint(source, target)
            raise Problem(ErrorCode.LANGUAGE_PAIR_UNSUPPORTED, source=source, target=target, hint=hint)

    def expected(self, batch: TranslationBatch, model: str) -> Usage:
        return Usage(self.name, "translation", model)

    async def translate(self, batch: TranslationBatch, model: str) -> tuple[Line, ...]:
        """One line out for each line in.

        Raises `Problem`: LANGUAGE_PAIR_UNSUPPORTED, or ENGINE_BAD_ANSWER when the command fails.
        """
        self.check_pair(batch.source_language, batch.target_language)
        mode = self._mode(batch.source_language, batch.target_language) or ""
        spoken = [line for line in batch.lines if line.text.strip()]
        glossary = Glossary([*batch.style.terminology, *_untouchable(spoken)])
        texts = await self._paragraphs(mode, [glossary.hide(_paragraph(line.text)) for line in spoken])
        translated = {
            line.id: replace(line, text=glossary.reveal(_tidy(text)))
            for line, text in zip(spoken, texts, strict=True)
        }
        return tuple(translated.get(line.id, line) for line in batch.lines)

    async def shorten(self, line: LongLine, model: str) -> None:
        """It knows one wording for a sentence."""

    def _mode(self, source: str, target: str) -> str | None:
        installed = self._installed()
        targets = tuple(_apertium_names(target))
        candidates = (f"{known}-{wanted}" for wanted in targets for known in _apertium_names(source))
        return next((mode for mode in candidates if mode in installed), None)

    def _installed(self) -> frozenset[str]:
        return frozenset(path.stem for path in self._modes.glob("*.mode"))

    async def _paragraphs(self, mode: str, paragraphs: Sequence[str]) -> list[str]:
        """As many texts as paragraphs: should the batch come back torn, each is translated alone."""
        if not paragraphs:
            return []
        translated = (await self._run(mode, PARAGRAPH.join(paragraphs))).split(PARAGRAPH)
        if len(translated) == len(paragraphs):
            return translated
        return [await self._run(mode, paragraph) for paragraph in paragraphs]

    async def _run(self, mode: str, text: str) -> str:
        process = await asyncio.create_subprocess_exec(
            self._binary,
            "-u",  # unknown words without an asterisk
            *("-d", str(self._data_dir)),
            mode,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(SECONDS_PER_CALL):
                out, err = await process.communicate(f"{text}\n".encode())
        except TimeoutError as error:
            raise _bad_answer(mode, f"none within {SECONDS_PER_CALL:.0f} s") from error
        finally:
            await _end(process)
        if process.returncode:
            raise _bad_answer(mode, err.decode(errors="replace").strip())
        return out.decode(errors="replace").removesuffix("\n")


class Glossary:
    """Terms whose wording is given: hidden behind words Apertium cannot know, and so leaves alone."""

    def __init__(self, terminology: Sequence[tuple[str, str]]) -> None:
        longest_first = sorted(terminology, key=lambda pair: len(pair[0]), reverse=True)
        self._wordings = {_placeholder(index): wording for index, (_, wording) in enumerate(longest_first)}
        self._terms = [
            (re.compile(rf"(?<!\w){re.escape(term)}(?!\w)", re.IGNORECASE), _placeholder(index))
            for index, (term, _) in enumerate(longest_first)
            if term
        ]

    def hide(self, text: str) -> str:
        for term, placeholder in self._terms:
            text = term.sub(placeholder, text)
        return text

    def reveal(self, text: str) -> str:
        """Case aside, since Apertium gives a sentence its capital letter."""
        for placeholder, wording in self._wordings.items():
            text = re.sub(placeholder, wording.replace("\\", r"\\"), text, flags=re.IGNORECASE)
        return text


def _untouchable(lines: Sequence[Line]) -> set[tuple[str, str]]:
    """Placeholders, each as a term of its own wording; Apertium knows tags by itself."""
    found = {placeholder for line in lines for placeholder in placeholders(line.text)}
    return {(placeholder, placeholder) for placeholder in found if not placeholder.startswith("<")}


def _placeholder(index: int) -> str:
    """A word of no language, of letters only: digits and signs would be taken apart."""
    letters = "".join(chr(ord("a") + int(digit)) for digit in str(index))
    return f"zq{letters}qz"


def _paragraph(text: str) -> str:
    """The text without blank lines of its own."""
    return "\n".join(line.strip() for line in text.replace("\0", "").splitlines() if line.strip())


def _tidy(text: str) -> str:
    """Without the doubled blanks that Apertium leaves where it drops or moves a word."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def _apertium_names(tag: str) -> Iterator[str]:
    """The names a language goes by in Apertium's modes, the most exact first: `pt_BR`, `por`, `pt`."""
    language = langcodes.Language.get(tag)
    base = language.language or tag
    names = (_alpha3(base), base)
    if language.territory:
        yield from (f"{name}_{language.territory}" for name in names)
    yield from names


def _alpha3(base: str) -> str:
    try:
        return APERTIUM_NAMES.get(base) or langcodes.Language.get(base).to_alpha3()
    except LookupError:
        return base


def _bcp_47(name: str) -> str:
    """`eng` is `en`, and `eng_US` is `en-US`."""
    return langcodes.standardize_tag(name)


def _hint(source: str, target: str) -> str:
    bases = (langcodes.Language.get(tag).language or tag for tag in (source, target))
    package = DEBIAN_PACKAGES.get(frozenset(map(_alpha3, bases)))
    install = [f"apt-get install apertium {package}"] if package else []
    return " | ".join([*install, "OPENAI_API_KEY=…", "OPENAI_BASE_URL=…"])


def _bad_answer(mode: str, reason: str) -> Problem:
    return Problem(ErrorCode.ENGINE_BAD_ANSWER, model=f"apertium {mode}", reason=reason)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The command is a shell pipeline: its whole process group has to go."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
