"""Independent random streams, so that a study can vary one source of randomness and fix the others.

A run has one seed per stream. The draws of a stream at a point in training, such as an epoch, depend on its seed and on
that point alone: no generator state is saved, and a resumed run draws the same numbers as an uninterrupted one.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from overthink.spec import Spec

if TYPE_CHECKING:
    import numpy as np
    import torch

Stream = Literal["split", "init", "order", "augment"]
STREAMS: tuple[Stream, ...] = get_args(Stream)
LARGEST_SEED = 2**63 - 1
MOST_RUNS = 10_000
"""Of one group; a limit of ours."""
LONGEST_LABELS = 8000
"""Characters that a tag of a store holds."""
NUMBER = "[0-9]{1,19}"
LABEL = re.compile(
    rf"(?:(?P<all>{NUMBER})|{'-'.join(f'{stream}(?P<{stream}>{NUMBER})' for stream in STREAMS)})"
    rf"(?:-kernel(?P<kernel>{NUMBER}))?(?:-repeat(?P<repeat>{NUMBER}))?"
)
"""The label of a run's seeds; of a fork, what stands before `FORK`."""
FORK = "-fork"
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class Fork(Spec):
    """Where a run leaves another one, its trunk, and those of its seeds that are not its trunk's from there on.

    The validation split and the first weights are drawn before the first epoch, so a fork has its trunk's.
    """

    at: Annotated[int, Field(ge=1, le=10_000_000)]
    """Epochs, over all phases, that it shares with its trunk."""
    order: Seed | None = None
    augment: Seed | None = None
    kernel: Seed | None = None
    repeat: Seed | None = None

    @property
    def own(self) -> dict[str, int]:
        """Source of randomness -> the fork's own seed."""
        return {source: seed for source in FORKABLE if (seed := getattr(self, source)) is not None}


class Seeds(Spec):
    """The seeds of one run: validation split, initial weights, order of samples, augmentation.

    `kernel` and `repeat` distinguish runs of a study in which these four are equal.
    """

    split: Seed
    init: Seed
    order: Seed
    augment: Seed
    kernel: Seed = 0
    """Changes how sums are grouped, so the last bits.

    Torch's kernels: that many more threads on a CPU, nondeterministic ones on a GPU. Native kernels: another order of
    the images of a batch.
    """
    repeat: Seed = 0
    """Number of the repeat; nothing depends on it."""
    fork: Fork | None = None
    """Of a fork: where it leaves the run of the seeds above, its trunk."""

    @classmethod
    def same(cls, seed: int) -> "Seeds":
        """Return seeds of which all streams have the same."""
        return cls(split=seed, init=seed, order=seed, augment=seed)

    @model_serializer(mode="wrap")
    def _leave_out_no_fork(self, as_plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Return the seeds as plain data; those of no fork read as they did before there were forks."""
        plain: dict[str, Any] = as_plain(self)
        if self.fork is None:
            plain.pop("fork", None)
        return plain

    @property
    def trunk(self) -> "Seeds | None":
        """Of a fork, the seeds of the run that it shares its first epochs with."""
        return None if self.fork is None else self.model_copy(update={"fork": None})

    @property
    def at_end(self) -> "Seeds":
        """The seeds that training ends with: a fork's own where it has its own, otherwise its trunk's."""
        return self if self.fork is None else self.model_copy(update={"fork": None} | self.fork.own)

    def forked(self, at: int, own: Mapping[str, int]) -> "Seeds":
        """Return the seeds of a fork of the run with these seeds, after so many epochs.

        >>> Seeds(split=0, init=0, order=0, augment=0).forked(10, {"order": 7}).label
        '0-fork10-order7'
        """
        return self.model_copy(update={"fork": Fork.model_validate({"at": at, **own})})

    @property
    def label(self) -> str:
        """A short name: the seed if all streams share it, otherwise each stream with its seed; and a fork's epoch.

        >>> Seeds(split=3, init=3, order=3, augment=3).label, Seeds(split=0, init=1, order=0, augment=0).label
        ('3', 'split0-init1-order0-augment0')
        """
        if self.fork is not None and self.trunk is not None:
            own = "".join(f"-{source}{seed}" for source, seed in self.fork.own.items())
            return f"{self.trunk.label}{FORK}{self.fork.at}{own}"
        values = [getattr(self, stream) for stream in STREAMS]
        more = [f"{source}{value}" for source in ("kernel", "repeat") if (value := getattr(self, source))]
        if len(set(values)) == 1:
            return "-".join([str(values[0]), *more])
        return "-".join([*(f"{stream}{value}" for stream, value in zip(STREAMS, values, strict=True)), *more])

    @property
    def without_repeat(self) -> "Seeds":
        """The same with repeat 0: where these are equal, runs of one definition are equal by construction.

        Without its repeat, a fork whose seeds are all its trunk's is its trunk.
        """
        plain = self.model_copy(update={"repeat": 0, "fork": None})
        if self.fork is None:
            return plain if self.repeat else self
        own = {source: seed for source, seed in self.fork.own.items() if source != "repeat"}
        return (
            plain.forked(self.fork.at, own) if any(seed != getattr(self, one) for one, seed in own.items()) else plain
        )


class SeedStreams(Spec):
    """Seeds by stream: a number fixes a stream for all runs, a list gives one seed per run.

    A stream that is left out has the number of the run, 0, 1, 2, ..., as its seed.
    """

    split: Seed | tuple[Seed, ...] | None = None
    init: Seed | tuple[Seed, ...] | None = None
    order: Seed | tuple[Seed, ...] | None = None
    augment: Seed | tuple[Seed, ...] | None = None

    @model_validator(mode="after")
    def _lists_agree(self) -> "SeedStreams":
        lengths = {stream: len(value) for stream in STREAMS if isinstance(value := getattr(self, stream), tuple)}
        if len(set(lengths.values())) > 1 or 0 in lengths.values():
            raise ValueError(f"lists of seeds must be equally long and not empty, got lengths {lengths}")
        return self


Source = Literal["split", "init", "order", "augment", "kernel", "repeat"]
SOURCES: tuple[Source, ...] = get_args(Source)
FORKABLE: tuple[Source, ...] = ("order", "augment", "kernel", "repeat")
"""Sources in which a fork can differ from its trunk: what is drawn anew in each epoch."""

SeedPlan = Annotated[int, Field(ge=1, le=MOST_RUNS)] | Annotated[tuple[Seed, ...], Field(min_length=1)] | SeedStreams


def expand(plan: int | tuple[int, ...] | SeedStreams) -> tuple[Seeds, ...]:
    """Return the seeds of each run of a plan, which is a count, a list of seeds, or seeds by stream.

    >>> [seeds.label for seeds in expand(2)]
    ['0', '1']
    """
    if isinstance(plan, int):
        plan = tuple(range(plan))
    if isinstance(plan, tuple):
        return tuple(dict.fromkeys(Seeds.same(seed) for seed in plan))
    lists = [value for stream in STREAMS if isinstance(value := getattr(plan, stream), tuple)]
    runs = range(len(lists[0]) if lists else 1)
    return tuple(dict.fromkeys(_seeds_of_run(plan, run) for run in runs))


def _seeds_of_run(plan: SeedStreams, run: int) -> Seeds:
    return Seeds.model_validate({stream: _seed_of_run(getattr(plan, stream), run) for stream in STREAMS})


def _seed_of_run(value: int | tuple[int, ...] | None, run: int) -> int:
    if isinstance(value, tuple):
        return value[run]
    return run if value is None else value


def replace_free(plan: int | tuple[int, ...] | SeedStreams, seeds: tuple[int, ...]) -> tuple[int, ...] | SeedStreams:
    """Return the plan with other seeds (`--seeds 0:5`); streams that the definition fixes keep their seed."""
    if not isinstance(plan, SeedStreams):
        return seeds
    fixed = {stream: value for stream in STREAMS if isinstance(value := getattr(plan, stream), int)}
    return SeedStreams(**{stream: fixed.get(stream, seeds) for stream in STREAMS})


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a text such as `0:5` (0 to 4), `3` or `0,2,7:9`; raises ValueError for any other text.

    >>> parse_seeds("0,2,7:9")
    (0, 2, 7, 8)
    """
    if not re.fullmatch(r"[0-9]+(:[0-9]+)?(,[0-9]+(:[0-9]+)?)*", text):
        raise ValueError(f"--seeds {text!r}: expected seeds such as 0:5, 3 or 0,2,7:9")
    seeds: dict[int, None] = {}
    for part in text.split(","):
        first, _, end = part.partition(":")
        span = int(first), int(end or int(first) + 1)
        if not span[0] < span[1] <= LARGEST_SEED + 1:
            raise ValueError(f"--seeds {text!r}: {part} is not a range of seeds from 0 to 2^63 - 1")
        if span[1] - span[0] > MOST_RUNS - len(seeds):
            raise ValueError(f"--seeds {text!r}: more than {MOST_RUNS} seeds")
        seeds |= dict.fromkeys(range(*span))
    return tuple(seeds)


def joined(labels: Iterable[str]) -> str:
    """Return labels of runs as one text, consecutive numbers as ranges.

    Raises ValueError if the text is longer than an MLflow tag may be.

    >>> joined(["0", "1", "2", "7"])
    '0:3 7'
    """
    parts: list[str] = []
    numbers: list[int] = []
    for label in [*dict.fromkeys(labels), None]:
        number = int(label) if label is not None and label.isdecimal() else None
        if numbers and number != numbers[-1] + 1:
            parts += [f"{numbers[0]}:{numbers[-1] + 1}"] if len(numbers) > 2 else map(str, numbers)
            numbers = []
        if number is not None:
            numbers.append(number)
        elif label is not None:
            parts.append(label)
    text = " ".join(parts)
    if len(text) > LONGEST_LABELS:
        raise ValueError(f"the seeds {text[:60]}... are too many for one group; use consecutive seeds such as 0:100")
    return text


@lru_cache(maxsize=1000)  # the runs of a group have most texts in common
def seeds_of_labels(text: str) -> tuple[Seeds, ...]:
    """Return the seeds of a text that `joined` made; what is no label is left out, since stores are not trusted."""
    return tuple(islice((seeds for part in text.split() for seeds in _seeds_of(part)), 10 * MOST_RUNS))


def _seeds_of(part: str) -> Iterator[Seeds]:
    """Yield the seeds of a span such as `0:5`, of at most MOST_RUNS, or of one label."""
    if span := re.fullmatch(f"({NUMBER}):({NUMBER})", part):
        first, end = int(span[1]), min(int(span[2]), LARGEST_SEED + 1)
        yield from (Seeds.same(number) for number in range(first, min(end, first + MOST_RUNS)))
    elif FORK in part:
        of, _, own = part.partition(FORK)
        yield from (fork for trunk in _seeds_of(of) for fork in _forks_of(trunk, own))
    elif label := LABEL.fullmatch(part):
        numbers = {name: int(number) for name, number in label.groupdict().items() if number is not None}
        if max(numbers.values()) <= LARGEST_SEED:
            yield Seeds.same(numbers.pop("all", 0)).model_copy(update=numbers)


def _forks_of(trunk: Seeds, own: str) -> Iterator[Seeds]:
    """Yield the fork of a trunk whose label ends like this, such as `10-order7`; nothing where none does."""
    pattern = f"(?P<at>{NUMBER})" + "".join(f"(?:-{source}(?P<{source}>{NUMBER}))?" for source in FORKABLE)
    if (found := re.fullmatch(pattern, own)) is None:
        return
    numbers = {name: int(number) for name, number in found.groupdict().items() if number is not None}
    with suppress(ValidationError):  # a number beyond what a seed or an epoch can be
        yield trunk.model_copy(update={"fork": Fork.model_validate(numbers)})


def sources_of(seeds: Collection[Seeds]) -> tuple[Source, ...]:
    """Return the sources of randomness in which seeds differ, those of forks as they are from the fork on."""
    return tuple(source for source in SOURCES if len({getattr(one.at_end, source) for one in seeds}) > 1)


def moving(sources: Iterable[Source]) -> frozenset[Source]:
    """Return those that change a training: all but `repeat`, on which nothing depends."""
    return frozenset(sources) - {"repeat"}


def generator(seeds: Seeds, stream: Stream, *place: int) -> "np.random.Generator":
    """Return the NumPy generator of a stream at a point in training, such as (phase, epoch)."""
    import numpy as np

    return np.random.default_rng(_sequence(seeds, stream, place))


def torch_generator(seeds: Seeds, stream: Stream, *place: int) -> "torch.Generator":
    """Return the torch generator (CPU) of a stream at a point in training."""
    import numpy as np
    import torch

    return torch.Generator().manual_seed(int(_sequence(seeds, stream, place).generate_state(1, np.uint64)[0] >> 1))


def _sequence(seeds: Seeds, stream: Stream, place: tuple[int, ...]) -> "np.random.SeedSequence":
    import numpy as np

    return np.random.SeedSequence(entropy=getattr(seeds, stream), spawn_key=(STREAMS.index(stream), *place))
