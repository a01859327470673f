"""What is wrong with a store, each in one sentence that names it. Apart from `client`, which imports MLflow."""


class StoreError(RuntimeError):
    """The store cannot be used; the sentence names it."""


class MissingArtifactError(StoreError):
    """A run does not have an artifact; the sentence names both."""


class PlaceError(StoreError):
    """Artifacts lie where the store does not keep them; the sentence names the place, which nothing was sent to."""


def missing(shown: str, run_id: str, name: str) -> MissingArtifactError:
    """Return the error for an artifact that a run of a store does not have."""
    return MissingArtifactError(
        f"store {shown}: {name or 'an artifact'} of run {run_id} is not there; if it was deleted, the command that "
        "trained the run trains it again with --force"
    )
