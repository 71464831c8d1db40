"""Settings of every job that asks a language model: where it is served, what is asked of it, and what it costs."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr

from octo.settings.base import Address, JobSettings, Need, Neutral, SecretVariable, ServiceUrl, ServingRole

STAND_IN = "octo-stand-in"
"""The model that every process can serve to itself: a few stated rules in place of a language model, to try things."""
STAND_IN_VERSION = 1
"""Raised when it answers otherwise."""
SERVER = "server"


class ServingSettings(BaseModel):
    """Pods beside the fleet that serve its model by vLLM."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pods: int = Field(default=0, ge=0)
    """How many; 0 asks the service at --endpoint.url."""
    port: int = Field(default=8600, ge=1, le=65_535)
    """Port that each listens on."""
    accelerators: int = Field(default=1, ge=0)
    """Accelerators of a pod, over which vLLM spreads the model."""
    accelerator_memory_gib: float = Field(default=0, ge=0)
    """Memory that an accelerator must have at least, in GiB."""
    interconnect: str = ""
    """A link between accelerators that the pool must name; empty takes any."""
    cpus: float = Field(default=4, gt=0)
    """Processor cores of a pod."""
    memory_gib: float = Field(default=32, gt=0)
    """Memory of a pod, without its shared memory, in GiB."""
    shared_memory_gib: float = Field(default=4, gt=0)
    """Shared memory of a pod, in GiB."""
    scratch_gib: float = Field(default=200, gt=0)
    """Local disk of a pod, where the weights are brought to, in GiB."""
    max_model_tokens: int = Field(default=0, ge=0)
    """Tokens of a prompt and its answer together, at most; 0 leaves it to the model."""


class EndpointSettings(BaseModel):
    """A service that speaks OpenAI's protocol of chat completions, as vLLM and most others do."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[ServiceUrl, Neutral()] = ""
    """Where it is, up to and with its version: https://host/v1. Who answers is told by the model's name alone."""
    servers: Annotated[tuple[ServiceUrl, ...], Neutral()] = ()
    """URLs of several that serve the same; of the pods beside a fleet they are filled in."""
    model: str = ""
    """Name of the model that is asked, as the service calls it. octo-stand-in is served by the job itself: rules in
    place of a model, to try things with."""
    api_key: SecretStr | None = None
    """What the service knows its user by; pods have it from --endpoint.secret."""
    secret: Annotated[str, Neutral()] = "octo-endpoint"  # noqa: S105 - its name alone
    """Kubernetes Secret with api_key, where the service asks for one."""
    temperature: float = Field(default=0.0, ge=0)
    """Of sampling; 0 takes the likeliest token."""
    max_new_tokens: int = Field(default=512, gt=0)
    """Tokens of an answer, at most."""
    concurrency: Annotated[int, Neutral(), Field(ge=1, le=1024)] = 16
    """Requests of each process that wait for their answers at once."""
    requests_per_minute: Annotated[float, Neutral(), Field(ge=0)] = 0
    """Requests that are begun in a minute, at most, by all processes of the job together; 0 has no limit."""
    request_seconds: Annotated[float, Neutral(), Field(gt=0)] = 300
    """An answer that is not there after so long is asked for again."""
    patience_seconds: Annotated[float, Neutral(), Field(gt=0)] = 1800
    """The job fails when one request has found no answer for so long, however often it was sent."""
    prompt_price: Annotated[float, Neutral(), Field(ge=0)] = 0
    """What a million tokens of prompts cost; 0 leaves the costs unknown."""
    completion_price: Annotated[float, Neutral(), Field(ge=0)] = 0
    """What a million tokens of answers cost; 0 leaves the costs unknown."""
    serving: Annotated[ServingSettings, Neutral()] = ServingSettings()
    """Pods beside the fleet that serve the model by vLLM."""

    @property
    def is_stand_in(self) -> bool:
        """Whether rules answer in place of a model."""
        return self.model == STAND_IN

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to ask, without a slash at the end."""
        return tuple(url.rstrip("/") for url in (self.servers or ((self.url,) if self.url else ())))


class AskingSettings(JobSettings):
    """Which model is asked, and what becomes of documents that it gives no usable answer for."""

    speaks_within: ClassVar[bool] = True

    role: Annotated[Literal["asker", "server"], Neutral()] = "asker"
    """What this process is: one that asks, or a pod beside the fleet that serves the model to it."""
    endpoint: EndpointSettings = EndpointSettings()
    """Who answers."""
    weights: Address = ""
    """An artifact of a model, which the pods of --endpoint.serving serve; without it they load --endpoint.model."""
    max_unanswered_share: float = Field(default=0.1, ge=0, le=1)
    """The job fails where more than this share of a shard's documents, and more than ten, have no usable answer."""

    def lacking_model(self) -> str:
        """That nobody answers."""
        endpoint = self.endpoint
        if not endpoint.model:
            return "no model is asked: give --endpoint.model, and --endpoint.url or --endpoint.serving.pods"
        if endpoint.is_stand_in or endpoint.addresses or endpoint.serving.pods:
            return ""
        return f"nobody serves {endpoint.model}: give --endpoint.url https://host/v1, or --endpoint.serving.pods"

    def determinants(self) -> dict[str, JsonValue]:
        """The version of the rules that answer, where no model does."""
        return {"stand_in": STAND_IN_VERSION} if self.endpoint.is_stand_in else {}

    def secret_variables(self) -> tuple[SecretVariable, ...]:
        """What the service knows its user by."""
        name = self.endpoint.secret
        return (SecretVariable("OCTO_ENDPOINT__API_KEY", name, "api_key"),) if name else ()

    def serving_role(self) -> ServingRole | None:
        """The pods of vLLM, where there are some."""
        serving = self.endpoint.serving
        if not serving.pods:
            return None
        need = Need(
            pods=serving.pods,
            cpus=serving.cpus,
            memory_gib=serving.memory_gib,
            scratch_gib=serving.scratch_gib,
            shared_memory_gib=serving.shared_memory_gib,
            accelerators=serving.accelerators,
            accelerator_memory_gib=serving.accelerator_memory_gib,
            interconnect=serving.interconnect,
            spot=self.need.spot,
            deadline_seconds=self.need.deadline_seconds,
            retries=self.need.retries,
        )
        settings = self.model_copy(update={"role": SERVER})
        return ServingRole(name=SERVER, need=need, image="inference", port=serving.port, settings=settings)

    def served_by(self, urls: tuple[str, ...]) -> Self:
        """The settings of a fleet that finds its model at those URLs."""
        servers = tuple(f"{url}/v1" for url in urls)
        return self.model_copy(update={"endpoint": self.endpoint.model_copy(update={"servers": servers})})
