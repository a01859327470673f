"""The only package that imports mlflow: writes runs to a store, and reads them back."""

import os

from overthink.settings import lent_home

# MLflow reads these when it is imported, which only modules of this package do.
os.environ.update(lent_home())
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # ours show more
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # standard output holds results alone
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # its default retries for minutes without a message
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
