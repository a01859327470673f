"""What an exit policy looks at: what one exit says about some samples, stored or computed from its logits."""

from functools import cached_property
from typing import Any

import numpy as np

from overthink.predictions import softmax
from overthink.predictions.absent import needed
from overthink.predictions.arrays import FloatArray, IntArray, LogitArray
from overthink.predictions.predictions import Predictions


class Seen:
    """The outputs of one exit for M samples; what was not stored is computed from the logits when it is first used.

    Raises AbsentError where something is neither stored nor can be computed, since logits are not known.
    """

    def __init__(
        self,
        n_samples: int,
        logits_MC: LogitArray | None = None,
        predicted_M: IntArray | None = None,
        max_softmax_M: FloatArray | None = None,
        entropy_M: FloatArray | None = None,
        top2_ratio_M: FloatArray | None = None,
    ) -> None:
        self.n_samples = n_samples
        self._logits_MC = logits_MC
        given: dict[str, Any] = {"predicted_M": predicted_M, "max_softmax_M": max_softmax_M}
        given |= {"entropy_M": entropy_M, "top2_ratio_M": top2_ratio_M}
        self.__dict__.update({name: values for name, values in given.items() if values is not None})

    @property
    def logits_MC(self) -> LogitArray:  # noqa: N802 - named like the arrays it stands beside
        """Logits, float32."""
        return needed(self._logits_MC, "logits")

    @cached_property
    def predicted_M(self) -> IntArray:  # noqa: N802
        """The class of the highest logit; the lowest class of equal ones."""
        return np.asarray(needed(self._logits_MC, "classes").argmax(axis=1), dtype=np.int64)

    @cached_property
    def max_softmax_M(self) -> FloatArray:  # noqa: N802
        """The largest softmax value."""
        return softmax.max_softmax(needed(self._logits_MC, "confidence"))

    @cached_property
    def entropy_M(self) -> FloatArray:  # noqa: N802
        """Entropy of the softmax, nats."""
        return softmax.entropy(needed(self._logits_MC, "entropy"))

    @cached_property
    def top2_ratio_M(self) -> FloatArray:  # noqa: N802
        """Largest over second largest softmax value."""
        return softmax.top2_ratio(needed(self._logits_MC, "top2_ratio"))

    @cached_property
    def margin_M(self) -> FloatArray:  # noqa: N802
        """Largest minus second largest softmax value."""
        return np.asarray(self.max_softmax_M * (1 - 1 / self.top2_ratio_M))

    @cached_property
    def log_softmax_MC(self) -> FloatArray:  # noqa: N802
        """Logarithm of the softmax, nats."""
        return softmax.log_softmax(self.logits_MC)

    @cached_property
    def softmax_MC(self) -> FloatArray:  # noqa: N802
        """Softmax, fractions."""
        return np.exp(self.log_softmax_MC)


def seen_by_exits(predictions: Predictions) -> list[Seen]:
    """Return what every exit says about all samples of stored predictions."""
    p = predictions
    return [
        Seen(
            len(p.ids_N),
            None if p.logits_ENC is None else p.logits_ENC[row],
            None if p.predicted_EN is None else p.predicted_EN[row],
            None if p.max_softmax_EN is None else p.max_softmax_EN[row],
            None if p.entropy_EN is None else p.entropy_EN[row],
            None if p.top2_ratio_EN is None else p.top2_ratio_EN[row],
        )
        for row in range(p.n_exits)
    ]
