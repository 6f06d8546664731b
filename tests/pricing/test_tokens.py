"""Token bounds hold for real counts: those of tiktoken 0.14.0 (o200k, cl100k), of the published Gemma 3, Llama 3.1
and Qwen 3 tokenizers, and of a reconstruction of Claude's (ctok 1.3.0), written down on 2026-11-22. None of these
texts was used to determine the weights.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from spancost_pricing import exact
from spancost_pricing.census import CLASSES, census
from spancost_pricing.prompt import read_prompt
from spancost_pricing.tokens import Bounds, TokenRates, family_of

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing.tokens import Family

RATES = TokenRates()
FAMILIES: tuple[Family, ...] = ("o200k", "cl100k", "claude", "claude_4_7", "gemini", "other")

# Text -> its tokens by family; the last figure is the larger of Llama 3.1's and Qwen 3's.
COUNTED: list[tuple[str, str, tuple[int, int, int, int, int, int]]] = [
    (
        "english prose",
        "The invoice for last month was twice what we had planned, because one feature sent every d"
        "ocument to the largest model. We moved the short ones to a smaller model and kept the answ"
        "ers as good as they were.",
        (42, 42, 42, 55, 42, 42),
    ),
    (
        "german prose",
        "Die Rechnung für den letzten Monat war doppelt so hoch wie geplant, weil eine Funktion jed"
        "es Dokument an das größte Modell geschickt hat.",
        (26, 36, 47, 59, 27, 36),
    ),
    (
        "russian prose",
        "Счёт за прошлый месяц оказался вдвое больше, чем мы планировали, потому что одна функция о"
        "тправляла каждый документ самой большой модели.",
        (31, 55, 53, 53, 30, 38),
    ),
    (
        "chinese prose",
        "上个月的账单是我们计划的两倍,因为有一个功能把每份文件都发送给了最大的模型。",
        (27, 35, 40, 39, 23, 29),
    ),
    (
        "japanese prose",
        "先月の請求額は予定の二倍でした。ある機能がすべての文書を一番大きなモデルに送っていたからです。",
        (37, 51, 44, 43, 25, 34),
    ),
    (
        "korean prose",
        "지난달 청구서는 계획의 두 배였습니다. 한 기능이 모든 문서를 가장 큰 모델로 보냈기 때문입니다.",
        (27, 48, 57, 56, 27, 34),
    ),
    (
        "hindi prose",
        "पिछले महीने का बिल हमारी योजना से दोगुना था, क्योंकि एक सुविधा हर दस्तावेज़ को सबसे बड़े मॉडल के पास भेज रही थी।",
        (33, 110, 75, 75, 27, 103),
    ),
    (
        "arabic prose",
        "كانت فاتورة الشهر الماضي ضعف ما خططنا له، لأن إحدى الميزات أرسلت كل مستند إلى أكبر نموذج.",
        (26, 62, 61, 61, 28, 36),
    ),
    (
        "thai prose",
        "ใบแจ้งหนี้ของเดือนที่แล้วสูงกว่าที่เราวางแผนไว้สองเท่า เพราะมีฟีเจอร์หนึ่งส่งเอกสารทุกฉบับไปยังโมเดลที่ใหญ่ที่สุด",
        (46, 108, 107, 107, 37, 62),
    ),
    (
        "python code",
        'def total(items: list[Item]) -> Decimal:\n    """Sum of all items, rounded once."""\n    res'
        "ult = Decimal(0)\n    for item in items:\n        if item.quantity is not None:\n            "
        "result += item.quantity * item.unit_price\n    return result.quantize(Decimal('0.01'))\n",
        (64, 64, 78, 99, 77, 65),
    ),
    (
        "json",
        '{"orders":[{"id":10482,"total":"129.90","items":[{"sku":"A-7731","quantity":2},{"sku":"B-0'
        '042","quantity":1}]},{"id":10483,"total":"15.00","items":[]}]}',
        (56, 54, 64, 82, 69, 69),
    ),
    (
        "base64",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        (53, 54, 70, 86, 54, 55),
    ),
    (
        "hexadecimal",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        (43, 43, 44, 47, 59, 59),
    ),
    (
        "emoji",
        "\U0001f389\U0001f680\U0001f469\u200d\U0001f4bb\U0001f1e9\U0001f1ea\U0001f937\U0001f3fd\u200d\u2640\ufe0f\u2705\U0001f525\u2764\ufe0f",
        (23, 37, 38, 37, 13, 34),
    ),
    (
        "digits",
        "3141592653589793238462643383279502884197",
        (14, 14, 15, 14, 40, 40),
    ),
    (
        "white space",
        "\n\n    \n\t\t\n        \n\n",
        (4, 3, 7, 6, 7, 3),
    ),
]


@pytest.mark.parametrize(("text", "counts"), [pytest.param(text, counts, id=name) for name, text, counts in COUNTED])
def test_the_real_count_lies_between_the_bounds(text: str, counts: tuple[int, ...]) -> None:
    found = {family: RATES.count([text], family) for family in FAMILIES}

    assert [
        (family, count, found[family])
        for family, count in zip(FAMILIES, counts, strict=True)
        if not found[family].lower <= count <= found[family].upper
    ] == []


@pytest.mark.parametrize("family", FAMILIES[:-1])
def test_english_prose_is_expected_within_a_quarter_and_bounded_within_twice(family: Family) -> None:
    _, text, counts = COUNTED[0]
    count = counts[FAMILIES.index(family)]
    found = RATES.count([text], family)

    assert abs(found.expected - count) <= count / 4
    assert found.upper <= count * 2


def test_a_blob_is_not_taken_for_prose() -> None:
    blob = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk" * 20  # 580 tokens in o200k

    found = RATES.count([blob], "o200k")

    assert found.expected > 520  # four characters to a token would make it 300
    assert found.upper >= 580


def test_ids_cost_more_than_words_of_their_length() -> None:
    ids = RATES.count(["req7Kd0Zq2 x9Tb41mW8 4fQ2hR7Lp " * 40], "cl100k")  # 1041 tokens
    words = RATES.count(["necessary " * 120], "cl100k")  # 121 tokens

    assert ids.upper >= 1041
    assert ids.expected > 2 * words.expected


def test_every_character_of_unicode_counts_for_something() -> None:
    for start in range(0x80, 0x110000, 0x61):
        if not 0xD800 <= start < 0xE000:
            assert RATES.count([chr(start)], "other").upper >= 1, hex(start)


def test_texts_add_up() -> None:
    one, two = "alpha beta 1234", "\n\tgamma_delta"
    together = census([one, two], frozenset())
    apart = [census([text], frozenset()) for text in (one, two)]

    assert {name: apart[0][name] + apart[1][name] for name in CLASSES} == together


def test_an_empty_text_has_no_tokens() -> None:
    assert RATES.count([""], "claude_4_7") == Bounds(0, 0, 0)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-5-mini-2025-08-07", "o200k"),
        ("openai/gpt-4o", "o200k"),
        ("o3-mini", "o200k"),
        ("gpt-4-0613", "cl100k"),
        ("gpt-35-turbo", "cl100k"),
        ("claude-3-5-sonnet-20241022", "claude"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude"),
        ("claude-sonnet-4-20250514", "claude"),
        ("anthropic/claude-4.6-sonnet-20260217", "claude"),
        ("claude-opus-4-6", "claude"),
        ("claude-opus-4-7", "claude_4_7"),
        ("claude-sonnet-5", "claude_4_7"),
        ("claude-fable-5-2", "claude_4_7"),
        ("models/gemini-2.5-pro", "gemini"),
        ("gpt-oss-120b", "other"),
        ("mistral-large-latest", "other"),
        ("proto3-large", "other"),
    ],
)
def test_a_model_has_the_tokenizer_of_its_family(model: str, family: Family) -> None:
    assert family_of(model) == family


def test_an_exact_count_leaves_only_the_wrapping_to_estimate() -> None:
    # 12 tokens of text; OpenAI adds 0 to 20 to a request and 0 to 8 to a message, expected 4 and 3.
    assert RATES.count_request(read_prompt("Hello"), "o200k", lambda _: 12) == Bounds(12, 19, 40)


def test_a_tool_that_the_provider_describes_leaves_room_for_its_description() -> None:
    bare = read_prompt({"messages": []})
    armed = read_prompt({"messages": [], "tools": [{"type": "text_editor_20250124", "name": "str_replace_editor"}]})

    # Anthropic adds 700 tokens for the text editor, on top of its prompt for tools (up to 530).
    assert RATES.count_request(armed, "claude").upper - RATES.count_request(bare, "claude").upper >= 700 + 530


def test_tool_definitions_count_in_every_bound() -> None:
    bare = read_prompt({"messages": [], "tools": [{"type": "function", "function": {"name": "f"}}]})
    told = read_prompt(
        {"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": "weather " * 100}}]}
    )

    # A hundred tokens more; OpenAI's own form of a definition has between 30 and 110 % of the tokens of the JSON.
    small, large = (RATES.count_request(prompt, "o200k", lambda text: text.count("weather")) for prompt in (bare, told))
    assert tuple(more - less for more, less in zip(large, small, strict=True)) == (30, 58, 110)


def test_ranks_that_are_absent_or_broken_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    name, _ = exact.RANKS["o200k_base"]

    assert not exact.ranks_are_here("o200k_base")
    (tmp_path / name).write_bytes(b"broken")
    assert not exact.ranks_are_here("o200k_base")


def test_ranks_that_are_whole_are_used_and_unknown_encodings_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(exact, "RANKS", {"tiny": ("file", hashlib.sha256(b"ranks").hexdigest())})
    (tmp_path / "file").write_bytes(b"ranks")

    assert exact.ranks_are_here("tiny")
    assert not exact.ranks_are_here("o200k_base")
