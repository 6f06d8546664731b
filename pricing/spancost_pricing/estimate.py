"""What a call will cost before it is made: at least, probably, at most, and when there is no "at most".

The three figures are three hypothetical usages charged by the same book as real ones, so that context tiers, service
tiers, multipliers and fees need no second arithmetic. Whatever cannot be known before the call is either taken on the
safe side and said (`assumptions`) or makes the estimate unbounded and is said too (`open_ended`); nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from spancost_pricing.errors import ConfigError, UnknownModelError
from spancost_pricing.exact import exact_counter
from spancost_pricing.identity import identify, provider_ids, terms
from spancost_pricing.plan import Card
from spancost_pricing.prompt import read_prompt
from spancost_pricing.tokens import TokenRates, family_of
from spancost_pricing.usage import Usage

if TYPE_CHECKING:
    from spancost_pricing.book import Book
    from spancost_pricing.calibration import Calibration
    from spancost_pricing.charge import Charge, Reason, Route
    from spancost_pricing.prompt import Lifetime, Prompt
    from spancost_pricing.tokens import Bounds, Family
    from spancost_pricing.usage import Unit

Cache = Literal["auto", "off", "5m", "1h"]
"""What the prompt cache may do: what the request says, nothing, or a write of that lifetime at worst."""

_CONFIGS: Final = ("generationConfig", "generation_config")
_LIMITS: Final = (
    ("max_completion_tokens",),
    ("max_output_tokens",),
    ("max_tokens",),
    ("max_tokens_to_sample",),
    ("max_gen_len",),
    ("maxOutputTokens",),
    *((config, limit) for config in _CONFIGS for limit in ("maxOutputTokens", "max_output_tokens")),
    ("inferenceConfig", "maxTokens"),
    ("inferenceConfig", "max_new_tokens"),
    ("textGenerationConfig", "maxTokenCount"),
)
"""Where a request body says how long an answer may be."""

_CHOICES: Final = (
    ("best_of",),
    ("n",),
    ("candidateCount",),
    ("candidate_count",),
    ("num_generations",),
    *((config, count) for config in _CONFIGS for count in ("candidateCount", "candidate_count")),
)
_MODALITIES: Final = (
    ("modalities",),
    ("responseModalities",),
    ("response_modalities",),
    *((config, kinds) for config in _CONFIGS for kinds in ("responseModalities", "response_modalities")),
)
"""Where a request body says whether the answer may be more than text."""

_TERMS: Final = {
    "service_tier": (("service_tier",), ("serviceTier", "type")),
    "region": (("inference_geo",),),
    "speed": (("speed",),),
}
"""Where a request body asks for terms that change the price, by field of the route."""

_EXTRA_REASONING: Final = frozenset(("x-ai", "perplexity"))
"""Providers, as price lists call them, whose chat API bills reasoning on top of the tokens that the limit is for."""

_NO_PRICE: Final[frozenset[Reason]] = frozenset(
    ("unknown_provider", "unknown_model", "unknown_tier", "before_first_rate")
)
_WRITES: Final = frozenset(("cache_write_5m", "cache_write_1h"))
_ENCODINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Output:
    """Tokens of an answer, all choices together; None where nothing says."""

    expected: int | None
    upper: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call will cost, with what that rests on."""

    route: Route
    family: Family
    """Whose tokenizer the figures are for."""
    exact: bool
    """The texts were counted by the model's own tokenizer; only the provider's wrapping is estimated."""
    input: Bounds
    """Input tokens; `upper` is that of what the request shows where `open_ended` says that there is more."""
    uncalibrated: int
    """Expected input tokens before calibration, which is what `Calibration.observe` wants."""
    output: Output
    lower: Charge
    """The whole input read from the cache at the cache's rate, or what else is cheapest, and no answer."""
    expected: Charge | None
    """None where nothing says how long the answer is."""
    upper: Charge | None
    """None where the estimate is unbounded."""
    open_ended: tuple[str, ...]
    """Why there is no upper bound; empty where there is."""
    assumptions: tuple[str, ...]
    """What was taken where nothing was said."""

    @property
    def unbounded(self) -> bool:
        """Whether the call may cost any amount."""
        return self.upper is None


class Estimator:
    """Estimates against one price book; made once and used from any thread."""

    def __init__(self, book: Book, *, calibration: Calibration | None = None, rates: TokenRates | None = None) -> None:
        self._book = book
        self._calibration = calibration
        self._rates = rates or TokenRates()
        self._exactly = lru_cache(maxsize=_ENCODINGS)(exact_counter)

    def estimate(
        self,
        route: Route,
        prompt: object,
        *,
        at_ns: int,
        max_output_tokens: int | None = None,
        choices: int | None = None,
        expected_output_tokens: int | None = None,
        max_searches: int | None = None,
        max_tool_input_tokens: int | None = None,
        cache: Cache = "auto",
    ) -> Estimate:
        """What a call on this route will cost.

        Args:
            route: who is paid, for what, on which terms.
            prompt: a text, a list of messages, or a request body in the provider's own shape.
            at_ns: when the call will end, in UTC nanoseconds since 1970; selects the rates.
            max_output_tokens: the limit of one answer; where it is not given, what the request body says.
            choices: answers that are asked for; likewise.
            expected_output_tokens: the usual length of one answer, if the caller knows it.
            max_searches: how often tools with a fee may run at most; likewise.
            max_tool_input_tokens: how much the provider's own tools may add to the input at most.
            cache: what the prompt cache may do at worst.

        Raises:
            UnknownModelError: nobody knows a price for the route.
            ConfigError: the prompt or a limit is not one.
        """
        _check(route, cache)
        read = read_prompt(prompt)
        limit = _whole("max_output_tokens", max_output_tokens, _setting(read, _LIMITS), least=1)
        answers = (_whole("choices", choices, _setting(read, _CHOICES), least=1) or 1) * read.prompts
        _whole("expected_output_tokens", expected_output_tokens)
        _whole("max_searches", max_searches)
        _whole("max_tool_input_tokens", max_tool_input_tokens)
        family = family_of(route.model)
        exactly = self._exactly(route.model) if family in ("o200k", "cl100k") else None
        counted = self._rates.count_request(read, family, exactly)
        assumptions: list[str] = []
        bounds = self._calibrated(route, counted, assumptions)
        open_ended = list(dict.fromkeys(read.open_ended))
        if read.searched and max_tool_input_tokens is not None:
            open_ended = [reason for reason in open_ended if reason not in read.searched]
            bounds = bounds._replace(upper=bounds.upper + max_tool_input_tokens)
        if limit is None and self._is_without_answer(route, at_ns):
            limit = 0
        output = self._output(route, limit, answers, expected_output_tokens, assumptions)
        if limit is None:
            open_ended.append("nothing limits the answer; give max_output_tokens (--max-tokens)")
        elif _reasons_beyond_the_limit(route, read):
            open_ended.append(f"{route.provider} bills reasoning on top of the tokens that the limit is for")
        fees = _fees(read, max_searches, open_ended)
        given, route = route, _as_asked(route, read)
        served = (route,) if route == given else (route, given)
        if route != given:
            assumptions.append("the provider may serve other terms than the request asks for: bounds are for both")

        least = range(bounds.lower, (1 << 63) if open_ended else bounds.upper + 1)
        lower = min((self._least(one, least, at_ns) for one in served), key=_total)
        expected = None
        if output.expected is not None:
            expected = self._charge(route, _usage(bounds.expected, output.expected), at_ns)
        upper = None
        if not open_ended and output.upper is not None:
            usage = _usage(bounds.upper, output.upper)._replace(units=fees)
            writes = _writes(cache, read, family)
            most = (self._most(one, usage, writes, _modalities(read), at_ns) for one in served)
            upper = _bounding(max(most, key=lambda charge: (charge.status == "partial", _total(charge))), open_ended)
        if upper is not None and any(item.unit in _WRITES for item in upper.items):
            assumptions.append("at most: the whole input is written to the prompt cache, which is dearer")
        assumptions += lower.assumptions
        if exactly is None:
            assumptions.append(f"tokens counted by what the text is made of, for the {family} tokenizers")
        return Estimate(
            route=route,
            family=family,
            exact=exactly is not None,
            input=bounds,
            uncalibrated=counted.expected,
            output=output,
            lower=lower,
            expected=expected,
            upper=upper,
            open_ended=tuple(open_ended),
            assumptions=tuple(dict.fromkeys(assumptions)),
        )

    def _calibrated(self, route: Route, counted: Bounds, assumptions: list[str]) -> Bounds:
        if self._calibration is None:
            return counted
        bounds = self._calibration.input_bounds(route.provider, route.model, counted)
        if bounds != counted:
            assumptions.append("input tokens follow what past calls of this model reported")
        return bounds

    def _output(
        self, route: Route, limit: int | None, answers: int, usual: int | None, assumptions: list[str]
    ) -> Output:
        if usual is None and self._calibration is not None:
            usual = self._calibration.expected_output(route.provider, route.model)
            if usual is not None:
                assumptions.append("the expected answer is as long as past ones of this model")
        if usual is None and limit == 0:
            usual = 0
        if usual is None and limit is not None:
            usual = limit
            assumptions.append("nothing says how long the answer usually is: the expected one reaches the limit")
        if usual is not None and limit is not None:
            usual = min(usual, limit)
        return Output(
            expected=None if usual is None else usual * answers, upper=None if limit is None else limit * answers
        )

    def _least(self, route: Route, sizes: range, at_ns: int) -> Charge:
        """The cheapest of the calls that it may turn out to be: a larger request may be on a cheaper step."""
        fewest = (sizes[0], *(above + 1 for above in self._boundaries(route, at_ns) if above + 1 in sizes))
        calls = [call for tokens in fewest for call in _cached(_usage(tokens, 0), frozenset(("5m",)))]
        return min((self._charge(route, call, at_ns) for call in calls), key=_total)

    def _most(
        self, route: Route, usage: Usage, writes: frozenset[Lifetime], asked: frozenset[str] | None, at_ns: int
    ) -> Charge:
        """The dearest of the calls that it may turn out to be; a `partial` one where some part of it has no rate."""
        thought = usage._replace(reasoning_tokens=usage.output_tokens)
        drawn = usage._replace(output_image_tokens=usage.output_tokens)
        spoken = usage._replace(output_audio_tokens=usage.output_tokens)
        answers = [usage, thought]
        if asked is None:  # models that draw do so unasked
            answers += [drawn] if self._charge(route, drawn, at_ns).status != "partial" else []
        else:
            answers += [answer for kind, answer in (("image", drawn), ("audio", spoken)) if kind in asked]
        charges = [self._charge(route, answer, at_ns) for answer in answers]
        unknown = next((charge for charge in charges if charge.status == "partial"), None)
        if unknown is not None:
            return unknown
        most = usage.input_tokens or 0
        for tokens in (*(above for above in self._boundaries(route, at_ns) if above < most), most):
            calls = [call for one in answers for call in _cached(one._replace(input_tokens=tokens), writes)]
            charges += [self._charge(route, call, at_ns) for call in calls]
        return max((charge for charge in charges if charge.status != "partial"), key=_total)

    def _boundaries(self, route: Route, at_ns: int) -> tuple[int, ...]:
        """Input tokens up to which a request is on one step and above which on the next, which may be cheaper."""
        card = self._book.rates(route, at_ns)
        return card.above if isinstance(card, Card) else ()

    def _is_without_answer(self, route: Route, at_ns: int) -> bool:
        """Whether it is an embedding: of that, price lists know the input alone."""
        card = self._book.rates(route, at_ns)
        return "embed" in route.model.lower() and isinstance(card, Card) and "output" not in card.columns[0]

    def _charge(self, route: Route, usage: Usage, at_ns: int) -> Charge:
        charge = self._book.charge(route, usage, at_ns)
        if charge.reason == "too_large":
            raise ConfigError(f"{route.provider} {route.model}: {charge.detail}; expected limits that a call can reach")
        if charge.reason in _NO_PRICE or charge.total_pico is None:
            raise UnknownModelError(
                f"{route.provider} {route.model}: {charge.detail or charge.reason}; add it to your prices.yaml or "
                "correct the name"
            )
        return charge


def _check(route: Route, cache: str) -> None:
    for term, said in route._asdict().items():
        if not isinstance(said, str) and (said is not None or term in ("provider", "model")):
            raise ConfigError(f"{term}: got {said!r}; expected text")
    if cache not in get_args(Cache):
        raise ConfigError(f"cache: got {cache!r}; expected one of {', '.join(get_args(Cache))}")


def _bounding(most: Charge, open_ended: list[str]) -> Charge | None:
    """The charge, or why none is an upper bound."""
    if most.status != "partial":
        return most
    open_ended.append(f"{most.detail}, so no total is an upper bound")
    return None


def _usage(input_tokens: int, output_tokens: int) -> Usage:
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, estimated=True)


def _cached(usage: Usage, writes: frozenset[Lifetime]) -> list[Usage]:
    """The usage with nothing of its input in the prompt cache, all of it read from there, and all written there."""
    tokens = usage.input_tokens
    calls = [usage, usage._replace(cache_read_tokens=tokens)]
    if "5m" in writes:
        calls.append(usage._replace(cache_write_tokens=tokens))
    if "1h" in writes:
        calls.append(usage._replace(cache_write_tokens=tokens, cache_write_1h_tokens=tokens))
    return calls


def _total(charge: Charge) -> int:
    return charge.total_pico if charge.total_pico is not None else -1


def _whole(name: str, given: int | None, in_body: object = None, *, least: int = 0) -> int | None:
    value = in_body if given is None else given
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name}: got {value!r}; expected a whole number of at least {least}")
    return value


def _setting(read: Prompt, paths: tuple[tuple[str, ...], ...]) -> object:
    for path in paths:
        value: object = read.settings
        for name in path:
            value = cast("object", value.get(name)) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _as_asked(route: Route, read: Prompt) -> Route:
    """The route on the terms that the request asks for, as far as the caller says none."""
    asked = {
        term: value
        for term, paths in _TERMS.items()
        if getattr(route, term) is None and isinstance(value := _setting(read, paths), str)
    }
    return route if terms(route._replace(**asked)) == terms(route) else route._replace(**asked)


def _reasons_beyond_the_limit(route: Route, read: Prompt) -> bool:
    _, provider = identify(route, provider_ids(frozenset()))
    responses_api = "input" in read.settings
    return provider in _EXTRA_REASONING and not responses_api and "non-reasoning" not in route.model.lower()


def _modalities(read: Prompt) -> frozenset[str] | None:
    """What the answer may be made of, as the request asks; None where it does not say."""
    asked = _setting(read, _MODALITIES)
    if not isinstance(asked, list):
        return None
    return frozenset(one.lower() for one in cast("list[object]", asked) if isinstance(one, str))


def _fees(read: Prompt, most: int | None, open_ended: list[str]) -> dict[Unit, int]:
    fees: dict[Unit, int] = {}
    for unit, in_request in read.searches.items():
        uses = most if most is not None else in_request
        if uses is None:
            open_ended.append(f"nothing limits how often {unit} runs; give max_searches (--max-searches)")
        elif uses:
            fees[unit] = uses
    return fees


def _writes(cache: Cache, read: Prompt, family: Family) -> frozenset[Lifetime]:
    if cache == "off":
        return frozenset()
    if cache != "auto":
        return frozenset((cache,))
    if read.cache_writes is None or family not in ("claude", "claude_4_7"):
        return frozenset(("5m",)) | (read.cache_writes or frozenset())
    return read.cache_writes  # Claude writes to its cache only where the request asks for it
