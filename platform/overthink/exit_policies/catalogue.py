"""Every exit policy by name."""

from collections.abc import Callable
from difflib import get_close_matches

from overthink.exit_policies.algorithm_1 import agreeing_exits, algorithm_1
from overthink.exit_policies.classwise import check_classes, classwise
from overthink.exit_policies.confidences import OfExit
from overthink.exit_policies.direct_search import direct_search
from overthink.exit_policies.eenet import fit_eenet
from overthink.exit_policies.eenet_schedule import schedules
from overthink.exit_policies.ensembles import Caching, ConditionallyMonotone, GeometricMean, Mean, ProductOfExperts
from overthink.exit_policies.jei_dnn import fit_gates, open_gates
from overthink.exit_policies.later_exit import Boosted, Logistic, learned
from overthink.exit_policies.optimal_stopping import optimal_stopping
from overthink.exit_policies.patience import Patience
from overthink.exit_policies.policy import ExitPolicy, Learned
from overthink.exit_policies.random_exits import Dice, draws
from overthink.exit_policies.scoring import Scorer, Unasked
from overthink.exit_policies.static import static_exits
from overthink.exit_policies.temperature import fit_temperature
from overthink.exit_policies.zero_time_waste import fit_zero_time_waste
from overthink.plugins.modules import PluginError, objects
from overthink.predictions.absent import Known
from overthink.predictions.predictions import Predictions

LOGITS: tuple[Known, ...] = ("logits", "labels")
ANSWERS: tuple[Known, ...] = ("confidence", "classes", "labels")
LEARNED: tuple[Known, ...] = ("classes", "confidence", "entropy", "top2_ratio")
THESIS = "thesis section 3.2.3"


def _fixed(scorer: Scorer) -> Callable[[Predictions], list[Learned]]:
    return lambda _: [Learned(scorer)]


def _by_class(validation: Predictions) -> list[Learned]:
    check_classes(validation)
    return [Learned(OfExit("max-softmax", says_class=True))]


def _measures() -> list[ExitPolicy]:
    needs: dict[str, tuple[Known, ...]] = {
        "max-softmax": ("confidence",),
        "entropy": ("entropy",),
        "top2-ratio": ("top2_ratio",),
        "margin": ("confidence", "top2_ratio"),
    }
    titles = {"max-softmax": "Largest softmax value", "entropy": "Entropy", "top2-ratio": "Top-2 ratio"}
    found = []
    for name, need in needs.items():
        title, scorer = titles.get(name, "Margin"), _fixed(OfExit(name))
        found.append(ExitPolicy(name, title, scorer, algorithm_1, f"{THESIS}, Algorithm 1", need))
        found.append(ExitPolicy(f"{name}-direct", f"{title}, direct", scorer, direct_search, "ours", need))
    return found


def _scored(name: str, title: str, scorer: Scorer, source: str, needs: tuple[Known, ...] = LOGITS) -> list[ExitPolicy]:
    fixed = _fixed(scorer)
    return [
        ExitPolicy(name, title, fixed, algorithm_1, source, needs),
        ExitPolicy(f"{name}-direct", f"{title}, direct", fixed, direct_search, source, needs),
    ]


def _temperature(validation: Predictions) -> list[Learned]:
    return [Learned(fit_temperature(validation))]


def _zero_time_waste(validation: Predictions) -> list[Learned]:
    return [Learned(fit_zero_time_waste(validation))]


BUILT_IN: tuple[ExitPolicy, ...] = (
    ExitPolicy("static", "One exit for all", _fixed(Unasked()), static_exits, "thesis section 3.2.1", ()),
    *_measures(),
    ExitPolicy("patience", "Agreeing exits", _fixed(Patience()), agreeing_exits, "Zhou et al. 2020", ("classes",)),
    ExitPolicy("patience-direct", "Agreeing exits, direct", _fixed(Patience()), direct_search, "ours", ("classes",)),
    ExitPolicy("temperature", "Calibrated softmax", _temperature, algorithm_1, "Guo et al. 2017", LOGITS),
    ExitPolicy("temperature-direct", "Calibrated softmax, direct", _temperature, direct_search, "ours", LOGITS),
    ExitPolicy("classwise", "Thresholds by class", _by_class, classwise, "ours", ANSWERS),
    *_scored("mean", "Mean of exits", Mean(), "ensemble of the exits so far"),
    *_scored("product", "Product of experts", ProductOfExperts(), "Hinton 2002"),
    *_scored("geometric", "Geometric mean of exits", GeometricMean(), "ensemble of the exits so far"),
    ExitPolicy("zero-time-waste", "Zero-Time-Waste", _zero_time_waste, algorithm_1, "Wolczyk et al. 2021", LOGITS),
    ExitPolicy("zero-time-waste-direct", "Zero-Time-Waste, direct", _zero_time_waste, direct_search, "ours", LOGITS),
    *_scored("caching", "Most confident exit so far", Caching(), "Jazbec et al. 2023", ANSWERS),
    *_scored("monotone", "Conditionally monotone", ConditionallyMonotone(), "Jazbec et al. 2023"),
    ExitPolicy("logistic", "Learned, logistic", learned(Logistic), direct_search, "ours", LEARNED),
    ExitPolicy("boosted", "Learned, boosted trees", learned(Boosted), direct_search, "ours", LEARNED),
    ExitPolicy("jei-dnn", "JEI-DNN's gates", fit_gates, open_gates, "Regol et al. 2023", LOGITS),
    ExitPolicy("eenet", "EENet's scores", fit_eenet, algorithm_1, "Ilhan et al. 2024", LOGITS),
    ExitPolicy("eenet-schedule", "EENet's scores and schedule", fit_eenet, schedules, "Ilhan et al. 2024", LOGITS),
    ExitPolicy("random", "Exits by chance", _fixed(Dice()), draws, "ours"),
    ExitPolicy("stopping", "Optimal stopping", _fixed(OfExit("max-softmax")), optimal_stopping, "ours"),
)
TABLE = (
    *("static", "max-softmax", "max-softmax-direct", "entropy", "top2-ratio", "margin", "patience", "temperature"),
    *("classwise", "mean", "product", "geometric", "zero-time-waste", "caching", "monotone"),
    *("logistic", "boosted", "jei-dnn", "eenet", "eenet-schedule", "stopping"),
)
"""Those of a table where none is named: each score once."""


def policies() -> dict[str, ExitPolicy]:
    """Return all by name: built in, then those of plug-ins. Raises PluginError for what is none, or a name twice."""
    found = {policy.name: policy for policy in BUILT_IN}
    for place, one in plugged():
        if one.name in found:
            raise PluginError(f"{place} has an exit policy named {one.name}, and there is one; use another name")
        found[one.name] = one
    return found


def plugged() -> list[tuple[str, ExitPolicy]]:
    """Return the exit policies of plug-ins, and where they are from.

    Raises PluginError where an entry point names something else.
    """
    found: dict[int, tuple[str, ExitPolicy]] = {}
    for one in objects("exit_policies"):
        values = one.value if isinstance(one.value, tuple) else (one.value,)
        those = [
            value for value in values if isinstance(value, ExitPolicy) and not any(value is ours for ours in BUILT_IN)
        ]
        if one.place.startswith(("package ", "entry point ")) and len(those) < len(values):
            raise PluginError(f"{one.place}: {one.name} is no ExitPolicy, and no tuple of them")
        found |= {id(value): (one.place, value) for value in those}
    return list(found.values())


def named(name: str) -> ExitPolicy:
    """Return the policy of a name; raises ValueError, with the nearest one, where there is none."""
    known = policies()
    found = known.get(name, known.get(name.replace("_", "-")))  # as earlier versions spelt criteria
    if found is None:
        (near,) = get_close_matches(name, [*known], n=1, cutoff=0)
        raise ValueError(f"no exit policy is named {name!r}; did you mean {near!r}? Known: {', '.join(known)}")
    return found
