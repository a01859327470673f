from typing import Any

from overthink.predictions import Predictions


def run_page(title: str, predictions: Predictions, history: list[dict[str, Any]]) -> str:
    return "<p>todo"


def group_page(title: str, predictions: list[Predictions]) -> str:
    return "<p>todo"
