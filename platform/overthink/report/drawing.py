"""Thin renderers: the records of `figures`, drawn with plotly. Percent on paper, fractions in the records."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from overthink.report.figures import CostAccuracy, History, Levels, Pairs

INK, PALE, ACCENT, SECOND = "#1f2933", "#cbd2d9", "#b3432b", "#e0a458"
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
MILLION = 1e6


def draw_cost_accuracy(info: CostAccuracy) -> go.Figure:
    """Draw accuracy against MUL-ADDs, with the levels and the two bounds."""
    figure = _figure("MUL-ADDs (millions)", "accuracy on test data (%)")
    cost = [value / MILLION for value in info.cost_E]
    for name, dash in zip(info.by_level, ("dot", "dash", "dashdot"), strict=False):
        figure.add_scatter(
            x=cost,
            y=_percent(info.by_level[name]),
            name=f"{name} samples",
            line={"color": "#7b8794", "dash": dash, "width": 1.5},
        )
    dots = {"color": exit_colours(len(cost)), "size": 11, "line": {"color": INK, "width": 1}}
    spread = {"array": _percent(info.deviation_E), "color": INK} if info.deviation_E else None
    figure.add_scatter(
        x=cost,
        y=_percent(info.accuracy_E),
        error_y=spread,
        name="exits, all samples",
        mode="lines+markers",
        line={"color": INK, "width": 2.5},
        marker=dots,
        text=[f"exit {number}" for number in range(1, len(cost) + 1)],
        hovertemplate="%{text}: %{y:.1f}%<extra></extra>",
    )
    for name, point, symbol in (
        ("oracle", info.oracle, "star"),
        ("realistic upper bound", info.upper_bound, "diamond"),
    ):
        marker = {"color": ACCENT, "size": 13, "symbol": symbol}
        x, y = [point.mean_cost / MILLION], [100 * point.accuracy]
        figure.add_scatter(x=x, y=y, name=name, mode="markers", marker=marker)
    figure.update_yaxes(rangemode="tozero")
    return figure


def draw_pairs(info: Pairs) -> go.Figure:
    """Draw overthinking for each pair of exits as a heat map."""
    size = len(info.share_EE)
    figure = _figure("wrong at exit", "right at exit")
    later = [[100 * share if j > i else None for j, share in enumerate(row)] for i, row in enumerate(info.share_EE)]
    numbers = list(range(1, size + 1))
    figure.add_heatmap(
        z=later,
        x=numbers,
        y=numbers,
        colorscale=[[0, "#fdf6f0"], [1, ACCENT]],
        zmin=0,
        zmax=100 * max(map(max, info.share_EE)) or 1,
        texttemplate="%{z:.1f}",
        colorbar={"title": "% of samples", "thickness": 12},
        hovertemplate="right at %{y}, wrong at %{x}: %{z:.2f}%<extra></extra>",
        hoverongaps=False,
    )
    figure.update_xaxes(tickvals=numbers, showgrid=False)
    figure.update_yaxes(tickvals=numbers, showgrid=False, autorange="reversed")
    return figure


def draw_levels(info: Levels) -> go.Figure:
    """Draw overthinking beside the accuracy of the last exit, level by level."""
    figure = _figure("difficulty", "% of samples of the level")
    bars = (("last exit right", info.last_accuracy, PALE), ("overthinking, any later", info.any_later, ACCENT))
    for name, values, colour in (*bars, ("overthinking, final", info.final, SECOND)):
        figure.add_bar(
            x=list(info.names),
            y=_percent(values),
            name=name,
            marker_color=colour,
            texttemplate="%{y:.1f}",
            textposition="outside",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_yaxes(range=[0, 109])
    return figure


def draw_history(info: History) -> go.Figure:
    """Draw loss and accuracy over the epochs: validation solid, training dotted, a line where the rate drops."""
    figure = make_subplots(rows=1, cols=2, subplot_titles=("loss (nats)", "accuracy (%)"), horizontal_spacing=0.09)
    colours = exit_colours(len(info.val_loss))
    for number, colour in enumerate(colours, start=1):
        shared = {"x": info.epochs, "legendgroup": str(number), "line": {"color": colour, "width": 2}}
        figure.add_scatter(y=info.val_loss[number - 1], name=f"exit {number}", row=1, col=1, **shared)
        validated = _percent(info.val_accuracy[number - 1])
        figure.add_scatter(y=validated, name=f"exit {number}, validation", showlegend=False, row=1, col=2, **shared)
        shared["line"] = {"color": colour, "width": 1.2, "dash": "dot"}
        trained = _percent(info.train_accuracy[number - 1])
        figure.add_scatter(y=trained, name=f"exit {number}, training", showlegend=False, row=1, col=2, **shared)
    for epoch in (*info.lr_drops, *info.phase_starts):
        figure.add_vline(x=epoch - 0.5, line={"color": PALE, "width": 1.5})
    _styled(figure)
    figure.update_xaxes(title="epoch")
    return figure


def exit_colours(count: int) -> list[str]:
    """Return a colour an exit, from light to dark with depth, told apart by colour-blind eyes too."""
    places = [0.92 - 0.85 * number / max(count - 1, 1) for number in range(count)]
    return [str(colour) for colour in sample_colorscale("Viridis", places)]


def _percent(values: Sequence[float]) -> list[float]:
    return [100 * value for value in values]


def _figure(x_title: str, y_title: str) -> go.Figure:
    figure = go.Figure()
    _styled(figure)
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title)
    return figure


def _styled(figure: go.Figure) -> None:
    figure.update_layout(
        template="plotly_white",
        font={"family": FONT, "size": 13, "color": INK},
        height=400,
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        legend={"orientation": "h", "y": -0.22},
        hovermode="closest",
    )
    figure.update_xaxes(showline=True, linecolor=PALE, zeroline=False)
    figure.update_yaxes(showline=True, linecolor=PALE, zeroline=False)
