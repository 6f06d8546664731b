"""Price files: YAML in, a `Tariff` out, and for every mistake one line that says where, what and what to do.

The user's `prices.yaml` and our `corrections.yaml` are the same format; `price_schema` says what may stand in it. All
mistakes are reported together, and nothing is guessed.
"""

from __future__ import annotations

import hashlib
import reprlib
from difflib import get_close_matches
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import ValidationError

from spancost_pricing.charge import Layer, Route
from spancost_pricing.entries import Entry
from spancost_pricing.errors import PriceFileError, unreadable
from spancost_pricing.identity import deployment_pattern, provider_ids, provider_of, terms
from spancost_pricing.instants import Validity, Window, day_number, nanoseconds
from spancost_pricing.price_schema import (
    DAYS,
    AliasEntry,
    DiscountEntry,
    Hours,
    MinimumEntry,
    MultiplierEntry,
    Part,
    PriceDocument,
    PriceEntry,
    SameRateEntry,
    Statement,
    Step,
    When,
)
from spancost_pricing.rates import PRICE_KEYS, Item, Price, pico
from spancost_pricing.tariff import Alias, FreeModels, Minimum, Multiplier, SameRate, Scope, Tariff, TermTest
from spancost_pricing.yaml_text import TextLoader, yaml_mistake

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_price_file(path: Path, layer: Layer = "user") -> Tariff:
    """The tariff that a price file says.

    Raises:
        PriceFileError: the file cannot be used; the message has one line for every mistake in it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PriceFileError(unreadable(path, error)) from error
    return parse_price_file(text, path.name, layer)


def parse_price_file(text: str, name: str, layer: Layer = "user") -> Tariff:
    """As `read_price_file`, from text; `name` stands in messages and in charges as the source."""
    try:
        document: object = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise PriceFileError(f"{name}: is not valid YAML: {yaml_mistake(error)}") from error
    if not isinstance(document, dict):
        raise PriceFileError(f"{name}: expected a mapping that starts with `version: 1`, got {type(document).__name__}")
    try:
        file = PriceDocument.model_validate(document)
    except ValidationError as error:
        lines = [_explain(name, cast("dict[str, Any]", document), dict(found)) for found in error.errors()]
        raise PriceFileError("\n".join(lines)) from error
    _refuse_repeats(name, file.prices)
    _refuse_no_terms(name, file.multipliers)
    return _tariff(file, name, layer, hashlib.sha256(text.encode()).hexdigest())


class _Loader(TextLoader):
    """A loader to which a key written twice is a mistake instead of the last word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a mapping", node.start_mark, f"{key} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _tariff(file: PriceDocument, name: str, layer: Layer, version: str) -> Tariff:
    table = provider_ids(frozenset())

    def scope(part: Statement) -> Scope:
        return Scope(
            frozenset(provider_of(provider, table) for provider in part.provider),
            tuple(_pattern(model) for model in part.model),
            tuple(_pattern(model) for model in part.except_model),
        )

    def source(kind: str, index: int, part: Statement) -> str:
        return f"{name}: {kind}[{index}]" + (f" ({part.source})" if part.source else "")

    entries = tuple(
        (scope(part), _entry(part, layer, source("prices", index, part))) for index, part in enumerate(file.prices)
    )
    multipliers = [
        _multiplier(part, scope(part), layer, source("multipliers", index, part))
        for index, part in enumerate(file.multipliers)
    ]
    multipliers += [
        Multiplier(
            kind="discount",
            scope=scope(part),
            terms=(),
            factor=Fraction(part.factor),
            items=frozenset(part.applies_to),
            validity=_validity(part),
            shown=str(part.factor),
            layer=layer,
            source=source("discounts", index, part),
        )
        for index, part in enumerate(file.discounts)
    ]
    return Tariff(
        layer=layer,
        version=version,
        checked=max((part.checked for part in file.prices if part.checked is not None), default=None),
        entries=entries,
        aliases=tuple(
            Alias(
                Scope(
                    frozenset(provider_of(provider, table) for provider in part.provider),
                    tuple(_pattern(match) for match in part.match),
                ),
                None if part.bills is None else provider_of(part.bills, table),
                part.model,
                part.deployment,
                part.region,
            )
            for part in file.aliases
        ),
        multipliers=tuple(multipliers),
        minimums=tuple(Minimum(scope(part), part.item, part.least, _validity(part)) for part in file.minimums),
        same_rates=tuple(
            SameRate(scope(part), frozenset(part.items), part.as_item, Fraction(part.factor), _validity(part), layer)
            for part in file.same_rate
        ),
        free=tuple(
            FreeModels(scope(part), source("free_models", index, part), _validity(part))
            for index, part in enumerate(file.free_models)
        ),
    )


def _pattern(text: str) -> str:
    """A pattern in which only `*` and `?` are special: model names do contain brackets."""
    return text.lower().replace("[", "[[]")


def _entry(part: PriceEntry, layer: Layer, source: str) -> Entry:
    prices: dict[Item, Price] = {}
    for key, amount in part.listed():
        unit = PRICE_KEYS[key]
        steps = sorted(
            (step.above, pico(stepped, unit.per))
            for step in part.steps
            for name, stepped in step.listed()
            if name == key
        )
        prices[unit.item] = Price(pico(amount, unit.per), tuple(steps))
    when = part.when
    canonical = terms(Route("", "", when.service_tier, when.region, when.deployment, when.speed))
    given = {
        term: value
        for term, value in (
            ("tier", canonical.tier),
            ("region", canonical.region),
            ("deployment", canonical.deployment),
            ("speed", canonical.speed),
        )
        if value is not None
    }
    return Entry(
        layer=layer,
        source=source,
        provider=part.provider[0],
        model=part.model[0],
        prices=MappingProxyType(prices),
        validity=_validity(part, part.hours),
        when=MappingProxyType(given),
    )


def _multiplier(part: MultiplierEntry, scope: Scope, layer: Layer, source: str) -> Multiplier:
    asked: list[TermTest] = []
    for term, values in _asked(part):
        if values is not None:
            but = tuple(value.lower() for value in part.except_region) if term == "region" else ()
            known = [found for value in values if (found := _canonical(term, value)) is not None]
            asked.append(TermTest(term, tuple(known), but))
    on_speed_or_tier = part.service_tier is not None or part.speed is not None
    return Multiplier(
        kind="tier" if on_speed_or_tier else "region",
        scope=scope,
        terms=tuple(asked),
        factor=Fraction(part.factor),
        items=frozenset(part.applies_to),
        validity=_validity(part),
        shown=str(part.factor),
        layer=layer,
        source=source,
        say_if_unreported=part.say_if_unreported,
    )


def _asked(part: MultiplierEntry) -> tuple[tuple[str, list[str] | None], ...]:
    return (
        ("tier", part.service_tier),
        ("region", part.region),
        ("deployment", part.deployment),
        ("speed", part.speed),
    )


def _canonical(term: str, value: str) -> str | None:
    if term == "deployment" and (pattern := deployment_pattern(value)) is not None:
        return pattern
    route = {
        "tier": Route("", "", service_tier=value),
        "region": Route("", "", region=value),
        "deployment": Route("", "", deployment=value),
        "speed": Route("", "", speed=value),
    }[term]
    found: str | None = getattr(terms(route), term)
    return found


def _validity(part: Statement, hours: Hours | None = None) -> Validity:
    return Validity(
        None if part.valid_from is None else nanoseconds(part.valid_from),
        None if part.valid_to is None else nanoseconds(part.valid_to),
        None
        if hours is None
        else Window(
            tuple(hours.utc),
            frozenset(DAYS.index(day) for day in hours.days),
            frozenset(day_number(day) for day in hours.except_dates),
        ),
    )


def _refuse_repeats(name: str, prices: Sequence[PriceEntry]) -> None:
    table = provider_ids(frozenset())
    seen: dict[object, int] = {}
    for index, part in enumerate(prices):
        when = terms(Route("", "", *part.when.model_dump().values()))
        for provider in part.provider:
            for model in part.model:
                for key, _ in part.listed():
                    whose = (provider_of(provider, table), model.lower())
                    identity = (whose, key, when, part.valid_from, str(part.hours))
                    first = seen.setdefault(identity, index)
                    if first != index:
                        raise PriceFileError(
                            f'{name}: prices[{index}] "{model}": {key} already stands in prices[{first}] for the same '
                            f"time and terms; a new price is a new entry with its own valid_from"
                        )


def _refuse_no_terms(name: str, multipliers: Sequence[MultiplierEntry]) -> None:
    for index, part in enumerate(multipliers):
        for term, values in _asked(part):
            for value in values or ():
                if _canonical(term, value) is None:
                    key = "service_tier" if term == "tier" else term
                    raise PriceFileError(
                        f'{name}: multipliers[{index}] {part.model[0]!r}: {key}: got "{value}", which is no term '
                        "of its own: a call without any is the same; leave it out, or use discounts"
                    )


def _explain(name: str, document: dict[str, Any], found: dict[str, Any]) -> str:
    where: list[object] = list(found["loc"])
    kind = found["type"]
    if kind == "invalid_key":  # `on:` is true to YAML
        where.pop()
    place = name + (":" if where else "")
    node: object = document
    for depth, step in enumerate(where):
        last = depth == len(where) - 1
        if isinstance(step, int):
            place += f"[{step}]"
            node = cast("list[object]", node)[step] if isinstance(node, list) else None
            label = cast("dict[str, object]", node).get("model") if isinstance(node, dict) else None
            place += f" {label!r}:" if label is not None and not last else ("" if last else ":")
        else:
            place += f" {step}" + ("" if last or isinstance(where[depth + 1], int) else ":")
            node = cast("dict[object, object]", node).get(step) if isinstance(node, dict) else None
    if kind == "invalid_key":
        return f"{place}: got a key that is {found['input']!r} to YAML and no name; correct it, or put it in quotes"
    if kind == "extra_forbidden":
        return f"{place}: unknown key{_nearest(str(where[-1]), where)}"
    if kind == "missing":
        every = where[-1] == "model" and where[0] != "aliases"
        return f"{place}: is missing; " + ('write "*" for every model of the provider' if every else "add it")
    message = str(found["msg"])
    if kind == "value_error":
        message = message.removeprefix("Value error, ")
    else:
        message = f"got {reprlib.repr(found['input'])}; {message[0].lower()}{message[1:]}"
    return f"{place}: {message}"


def _nearest(key: str, where: Sequence[object]) -> str:
    models: dict[str, type[Part]] = {
        "aliases": AliasEntry,
        "prices": PriceEntry,
        "multipliers": MultiplierEntry,
        "discounts": DiscountEntry,
        "same_rate": SameRateEntry,
        "minimums": MinimumEntry,
        "free_models": Statement,
    }
    nested: dict[str, type[Part]] = {"hours": Hours, "when": When, "steps": Step}
    model: type[Part] = PriceDocument
    for step in where[:-1]:
        model = models.get(str(step), nested.get(str(step), model))
    near = get_close_matches(key, list(model.model_fields), n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else f"; known keys: {', '.join(sorted(model.model_fields))}"
