"""What can be set, with its defaults, as one tree; `spancost.yaml`, its JSON schema and the checks are this.

The text under a field is what editors show, so it is written for the people who write the file. A field's `examples`
stand in messages about it. What only makes sense in combination is checked in `combinations`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from spancost_collector.config.values import (
    MEBIBYTE,
    Address,
    Bytes,
    Count,
    Endpoint,
    File,
    HeaderValue,
    Listen,
    MessageBytes,
    Names,
    Seconds,
    Secret,
    TimeZone,
    Tokens,
    not_a_flag,
    parse_endpoint,
)
from spancost_collector.locations import default_ledger
from spancost_collector.metrics.labels import MAX_COMBINATIONS, MAX_HISTOGRAM_COMBINATIONS, MAX_VALUES

if TYPE_CHECKING:
    from pydantic.config import JsonDict

_HEADER_NAME: Final = re.compile(r"[0-9A-Za-z_.-]+")
AttributionField = Literal["feature", "task", "tenant", "user", "session", "prompt", "prompt_version"]


class Section(BaseModel):
    """A part of the settings; a key that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ListenerTls(Section):
    """TLS of a listener."""

    cert: File
    """The certificate chain, PEM."""
    key: File
    """Its private key, PEM."""
    client_ca: File | None = None
    """Clients must present a certificate that one of these authorities signed (mTLS)."""


class Listener(Section):
    """One address that is listened on."""

    listen: Listen
    """host:port, or `off`; port 0 takes any free one."""
    tls: ListenerTls | None = None
    """Serve TLS."""
    tokens: Tokens = ()
    """Ask for `Authorization: Bearer <one of these>`. Several, so that they can be changed one sender at a time."""
    insecure: bool = False
    """Listen beyond this machine with neither TLS nor tokens: only where the network itself keeps others out."""


class Grpc(Listener):
    """OTLP/gRPC in, with the standard health and reflection services."""

    listen: Listen = Field(default=Address("127.0.0.1", 4317), examples=["0.0.0.0:4317"])
    reflection: bool = True
    """Tell tools such as grpcurl which services there are."""


class Http(Listener):
    """OTLP/HTTP in: `POST /v1/traces`, protobuf or JSON."""

    listen: Listen = Field(default=Address("127.0.0.1", 4318), examples=["0.0.0.0:4318"])


class Web(Listener):
    """Metrics and health."""

    listen: Listen = Field(default=Address("127.0.0.1", 9464), examples=["0.0.0.0:9464"])


class Intake(Section):
    """How much is taken in."""

    max_message_bytes: MessageBytes = ByteSize(64 * MEBIBYTE)
    """Largest request that is accepted, after decompression."""
    max_queue_bytes: Bytes = ByteSize(256 * MEBIBYTE)
    """Requests waiting beyond this are refused, and sent again by their senders."""
    max_concurrent_requests: Count = 64
    """Requests that are under way at the same time, on each listener."""
    max_waiting_requests: Annotated[int, BeforeValidator(not_a_flag), Field(ge=0)] = 1024
    """Requests beyond those that wait for their turn, on each listener; more are told to come back."""


class HopTls(Section):
    """TLS towards a next hop."""

    ca: File | None = None
    """Authorities that may sign its certificate, PEM; those of the system where nothing is said."""
    cert: File | None = None
    """Our own certificate, where it asks for one (mTLS)."""
    key: File | None = None
    """Its private key."""
    insecure: bool = False
    """No TLS at all, whatever is sent: says that this is known."""


class Target(Section):
    """An OTLP receiver that something is sent to."""

    path: ClassVar[str]
    """Where OTLP/HTTP takes it."""

    endpoint: str = Field(examples=["tempo:4317", "https://otlp.example.com"])
    """host:port or a URL. `https://` means TLS, `http://` means none. For HTTP, OTLP's own path is added unless there
    is one."""
    protocol: Literal["grpc", "http/protobuf"] = "grpc"
    """OTLP/gRPC or OTLP/HTTP."""
    headers: dict[str, HeaderValue] = Field(default_factory=dict[str, HeaderValue])
    """Sent with every request."""
    compression: Literal["none", "gzip"] = "none"
    """How requests are packed."""
    tls: HopTls | None = None
    """TLS, also for an endpoint without a scheme."""
    timeout_seconds: Seconds = Field(default=10.0, le=300)
    """How long it may take to answer."""

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, endpoint: str) -> str:
        parse_endpoint(endpoint)
        return endpoint

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if not all(_HEADER_NAME.fullmatch(name) for name in headers):
            raise ValueError("expected names of headers: letters, digits, - _ and .")
        return headers

    @property
    def parts(self) -> Endpoint:
        """The endpoint, taken apart."""
        return parse_endpoint(self.endpoint)

    @property
    def secure(self) -> bool:
        """Whether TLS is used."""
        if self.tls is not None and self.tls.insecure:
            return False
        return self.parts.scheme == "https" or self.tls is not None

    @property
    def address(self) -> Address:
        """Host and port, the scheme's own port where none is given."""
        return Address(self.parts.host, self.parts.port or (443 if self.secure else 80))

    @property
    def url(self) -> str:
        """Where OTLP/HTTP is posted to."""
        return f"{'https' if self.secure else 'http'}://{self.address}{self.parts.path or self.path}"


class NextHop(Target):
    """Where enriched spans go next."""

    path: ClassVar[str] = "/v1/traces"

    max_request_bytes: Bytes = ByteSize(4 * MEBIBYTE)
    """How far requests are concatenated: what an OTLP receiver accepts unless told otherwise."""
    required: bool = True
    """Whether senders are told OK only once this hop has the spans. One that is not gets what fits its queue."""
    max_queue_bytes: Bytes = ByteSize(64 * MEBIBYTE)
    """What waits for a hop that is not required; beyond it, spans are dropped and counted."""


class MetricsTarget(Target):
    """Where metrics are sent, for a backend that does not scrape."""

    path: ClassVar[str] = "/v1/metrics"

    interval_seconds: Seconds = Field(default=60.0, le=86400)
    """How often."""


class TracesTarget(Target):
    """Where the receiver's own traces are sent: one for each group of requests, with how long its stages took."""

    path: ClassVar[str] = "/v1/traces"

    ratio: float = Field(default=1.0, ge=0, le=1, examples=[0.01])
    """Of how many groups there is one: 0.01 is one in a hundred."""


class Metrics(Section):
    """Metrics beyond `/metrics`."""

    otlp: MetricsTarget | None = Field(
        default=None, examples=["{endpoint: http://prometheus:9090/api/v1/otlp/v1/metrics, protocol: http/protobuf}"]
    )
    """Send them over OTLP as well."""
    conventions: Literal["none", "old", "new", "both"] = "none"
    """Also show the client metrics of the GenAI conventions: `gen_ai.client.token.usage` and
    `gen_ai.client.operation.duration` (old), those named `gen_ai.client.inference.…` (new)."""


def _hops(value: object) -> object:
    """Hops may be given as endpoints alone: `a:4317,b:4317`, or a list of them."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        found: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [{"endpoint": one} if isinstance(one, str) else one for one in found]
    return value


def _also_endpoints(schema: JsonDict) -> None:
    """To an editor, what `_hops` takes in a list."""
    schema["items"] = {"anyOf": [schema["items"], {"type": "string"}]}


class Labels(Section):
    """What becomes a label of a metric."""

    tenant: bool = False
    """Whether tenants do: only where there are few."""
    max_values: Count = MAX_VALUES
    """Values that each dimension may have before the rest is shown as `__other__`."""
    max_combinations: Count = MAX_COMBINATIONS
    """Combinations of them that counters and gauges may have: first release, task, service and tenant become
    `__other__`, then everything."""
    max_histogram_combinations: Count = MAX_HISTOGRAM_COMBINATIONS
    """Combinations that each histogram may have; each is some seventy series."""


class AttributionSettings(Section):
    """How calls are attributed, beyond the attributes that are known anyway."""

    keys: dict[AttributionField, Names] = Field(
        default_factory=dict[AttributionField, Names], examples=["{feature: [app.feature], tenant: [org.id]}"]
    )
    """Further span attributes that say it, the first present wins; `spancost.feature` and its siblings come before
    them, all others that are known anyway after them."""
    hash_identifiers: bool = False
    """Keep users as a keyed hash (HMAC-SHA256) instead of their names."""
    salt: Secret | None = Field(default=None, min_length=16)
    """The key of that hash; the same salt gives the same hash, so keep it."""


class Subscription(Section):
    """Calls that a flat fee covers: those to which all that is said here applies. A `*` stands for anything."""

    agent: Literal["claude_code", "codex", "gemini_cli"] | None = None
    """Made by this coding agent."""
    service: str | None = None
    """Of this service."""
    organization: str | None = None
    """Of this organization, or whatever else is the tenant."""
    user: str | None = None
    """By this user; with `attribution.hash_identifiers`, by this hash."""


class Election(Section):
    """How long and how many descriptions are kept to tell that two of them are of the same call."""

    window_seconds: Seconds = 3600.0
    """How long after its last span a trace is remembered."""
    max_calls: Count = 100_000
    """Descriptions that are remembered at most; the oldest traces are forgotten first."""


class Log(Section):
    """What is written to stderr."""

    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""


class Settings(Section):
    """spancost.yaml: how a receiver runs. Every key is optional."""

    grpc: Grpc = Grpc()
    """OTLP/gRPC in."""
    http: Http = Http()
    """OTLP/HTTP in."""
    web: Web = Web()
    """Metrics and health."""
    intake: Intake = Intake()
    """Limits of what is taken in."""
    workers: Annotated[Count, Field(le=64)] = 1
    """Processes that take requests in and read them; more than one use more than one core."""
    ledger: File = Field(default_factory=default_ledger)
    """The ledger file; created where there is none."""
    prices: File | None = None
    """Your own prices (prices.yaml)."""
    forward: Annotated[tuple[NextHop, ...], BeforeValidator(_hops)] = Field(
        default=(), examples=["[tempo:4317]"], json_schema_extra=_also_endpoints
    )
    """Next hops for enriched spans; none keeps nothing but the ledger."""
    labels: Labels = Labels()
    """Labels of metrics."""
    revenue: File | None = Field(default=None, examples=["revenue.csv"])
    """What each tenant pays a month (CSV: tenant,usd), to stand beside its cost where `labels.tenant` is set; read at
    the start."""
    metrics: Metrics = Metrics()
    """Where metrics go beside `/metrics`, and which others there are."""
    own_traces: TracesTarget | None = Field(default=None, examples=["{endpoint: tempo:4317, ratio: 0.01}"])
    """Send traces of the receiver's own work: to look where a slow group spends its time. Not to itself."""
    attribution: AttributionSettings = AttributionSettings()
    """Who pays."""
    subscriptions: tuple[Subscription, ...] = Field(
        default=(), examples=["[{agent: claude_code, organization: 0c9b2c5e-…}, {user: '*@example.com'}]"]
    )
    """Whose calls a subscription covers: their cost is imputed, and part of no spend. What agents say themselves of it
    is known anyway."""
    election: Election = Election()
    """Telling two descriptions of one call from two calls."""
    time_zone: TimeZone = Field(default=ZoneInfo("UTC"), examples=["Europe/Vienna"])
    """Where days and months begin."""
    grace_seconds: Seconds = Field(default=10.0, le=3600)
    """How long what is under way may take when told to stop."""
    log: Log = Log()
    """Logging."""


SECRET_KEYS: Final = frozenset({"tokens", "headers", "salt"})
"""Keys under which nothing is ever shown."""
