"""A line in fewer words: asked for once, and taken only if it is better."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.database import Database
from app.core.errors import ErrorCode, Problem
from app.core.openai_client import OpenAIClient
from app.memo import Memo
from app.storage.manager import StorageManager
from app.translation.engines.base import LongLine
from app.translation.engines.local import ApertiumTranslator
from app.translation.engines.openai import GPTTranslator
from app.translation.rewriting import Rewriter, is_better
from tests.loopback import faults
from tests.loopback.openai_server import Endpoint, LoopbackOpenAI
from tests.unrecorded import UNRECORDED

MODEL = "gpt-5.4-mini"
LINE = LongLine("Theos 1,000 catsos ranos awayos.", "The 1,000 cats ran away.", "en", "es", 20)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/app.db")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
async def memo(database: Database, tmp_path: Path) -> AsyncIterator[Memo]:
    memo = Memo(database, StorageManager(tmp_path, "test"))
    yield memo
    await memo.close()


@pytest.fixture
def rewriter(memo: Memo, client: OpenAIClient) -> Rewriter:
    return Rewriter(memo, lambda: GPTTranslator(client, MODEL, UNRECORDED))


async def test_a_wording_is_asked_for_once_for_each_length(
    rewriter: Rewriter, server: LoopbackOpenAI
) -> None:
    for _ in range(2):
        assert await rewriter.shorten(LINE, None) == "Theos 1,000 catsos"
    assert await rewriter.shorten(replace(LINE, most_characters=26), None) == "Theos 1,000 catsos ranos"
    assert [request.user_message["most_characters"] for request in server.requests] == [20, 26]


@pytest.mark.parametrize(
    ("wording", "better"),
    [
        ("1000 catsos", True),
        ("Theos 1,000 catsos ranos awa.", True),
        ("Theos catsos ranos", False),
        ("Theos 1,000 catsos ranos awayos.", False),
        ("1,000", False),
        ("", False),
    ],
)
def test_better_is_shorter_with_all_numbers(wording: str, *, better: bool) -> None:
    assert is_better(wording, LINE) is better


@pytest.mark.parametrize("fault", [faults.PROSE, faults.TRUNCATED, faults.HTML_PAGE])
async def test_no_better_wording_is_none(
    rewriter: Rewriter, server: LoopbackOpenAI, fault: faults.Fault
) -> None:
    server.fail(Endpoint.CHAT, fault, times=2)
    assert await rewriter.shorten(LINE, None) is None


async def test_a_refusal_is_none_and_not_remembered(rewriter: Rewriter, server: LoopbackOpenAI) -> None:
    server.fail(Endpoint.CHAT, faults.BAD_REQUEST, times=4)
    assert await rewriter.shorten(LINE, None) is None
    assert await rewriter.shorten(LINE, None) == "Theos 1,000 catsos"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.BAD_KEY, ErrorCode.ENGINE_AUTHENTICATION),
        (faults.INSUFFICIENT_QUOTA, ErrorCode.ENGINE_QUOTA),
        (faults.SERVER_ERROR, ErrorCode.ENGINE_UNREACHABLE),
    ],
)
async def test_what_would_fail_every_line_is_raised(
    rewriter: Rewriter, server: LoopbackOpenAI, fault: faults.Fault, code: ErrorCode
) -> None:
    server.fail(Endpoint.CHAT, fault, times=2)
    with pytest.raises(Problem) as caught:
        await rewriter.shorten(LINE, None)
    assert caught.value.code is code


async def test_an_engine_that_cannot_rewrite_gives_none(memo: Memo) -> None:
    assert await Rewriter(memo, ApertiumTranslator).shorten(LINE, None) is None
