"""Where to look: addresses of the MLflow UI that land on the runs."""

from overthink.tracking.store import Store
from overthink.tracking.uri import tracking_uri

PORT = 5000


def ui_hint(store: Store, experiment_id: str) -> str:
    """Say how to see an experiment's runs in a browser."""
    from overthink.tracking.view import link

    if store.uri.startswith("http"):
        return f"In the MLflow UI: {link(store.uri.rstrip('/'), experiment_id, None)}"
    where = "" if tracking_uri() == store.uri else f" (with MLFLOW_TRACKING_URI={store.shown})"
    return f"To browse: overthink ui{where}, then {link(f'http://127.0.0.1:{PORT}', experiment_id, None)}"
