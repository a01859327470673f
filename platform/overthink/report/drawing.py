"""Thin renderers: the records of `figures`, drawn with plotly. Percent on paper, fractions in the records."""

import html
from collections.abc import Sequence
from itertools import cycle

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from overthink.report.figures import CostAccuracy, History, Levels, Pairs

INK, GREY, PALE, ACCENT, SECOND = "#1f2933", "#7b8794", "#cbd2d9", "#b3432b", "#e0a458"
FONT = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
MILLION = 1e6


def draw_cost_accuracy(info: CostAccuracy) -> go.Figure:
    """Draw accuracy against MUL-ADDs, with the levels and the two bounds."""
    figure = empty_figure("MUL-ADDs (millions)", f"accuracy on {info.split} data (%)")
    figure.update_layout(legend_itemwidth=44)  # long enough to tell the dashes apart
    _add_level_lines(figure, info)
    _add_exits(figure, info)
    for name, point, symbol in (
        ("oracle", info.oracle, "star"),
        ("realistic upper bound", info.upper_bound, "diamond"),
    ):
        figure.add_scatter(
            x=[point.mean_cost / MILLION],
            y=[100 * point.accuracy],
            name=name,
            mode="markers",
            marker={"color": ACCENT, "size": 13, "symbol": symbol},
            hovertemplate=name + ": %{y:.1f}% right at %{x:.2f} M MUL-ADDs a sample<extra></extra>",
        )
    return figure


def _add_level_lines(figure: go.Figure, info: CostAccuracy) -> None:
    for (name, accuracy_E), dash in zip(info.by_level.items(), cycle(("dot", "dash", "dashdot")), strict=False):
        figure.add_scatter(
            x=[cost / MILLION for cost in info.cost_E],
            y=percent(accuracy_E),
            name=f"{html.escape(name, quote=False)} samples",
            mode="lines+markers",
            line={"color": GREY, "dash": dash, "width": 1.5},
            text=exit_names(len(info.cost_E)),
            hovertemplate="%{text}: %{y:.1f}% of %{fullData.name}<extra></extra>",
        )


def _add_exits(figure: go.Figure, info: CostAccuracy) -> None:
    count, spread = len(info.cost_E), info.deviation_E
    texts = exit_names(count)
    if spread:
        texts = [f"{text} (± {100 * deviation:.1f})" for text, deviation in zip(texts, spread, strict=True)]
    figure.add_scatter(
        x=[cost / MILLION for cost in info.cost_E],
        y=percent(info.accuracy_E),
        error_y={"array": percent(spread), "color": INK, "width": 8} if spread else None,
        name="exits, all samples",
        mode="lines+markers",
        line={"color": INK, "width": 2.5},
        marker={"color": exit_colours(count), "size": 11, "line": {"color": INK, "width": 1}},
        text=texts,
        hovertemplate="%{text}: %{y:.1f}% right for %{x:.2f} M MUL-ADDs<extra></extra>",
    )


def draw_pairs(info: Pairs) -> go.Figure:
    """Draw overthinking for each pair of exits as a heat map, with its deviation over runs where there is one."""
    figure = empty_figure("wrong at exit", "right at exit")
    later = [[100 * share if j > i else None for j, share in enumerate(row)] for i, row in enumerate(info.share_EE)]
    spread = info.deviation_EE and [
        [f"<br>± {100 * value:.1f}" if j > i else "" for j, value in enumerate(row)]
        for i, row in enumerate(info.deviation_EE)
    ]
    numbers = list(range(1, len(later) + 1))
    figure.add_heatmap(
        z=later,
        x=numbers,
        y=numbers,
        colorscale=[[0, "#fdf6f0"], [1, ACCENT]],
        zmin=0,
        zmax=100 * max(map(max, info.share_EE)) or 1,
        text=spread,
        texttemplate="%{z:.1f}%{text}" if spread else "%{z:.1f}",
        textfont={"size": 12},
        colorbar={"ticksuffix": "%", "thickness": 12, "outlinewidth": 0},
        hovertemplate="right at exit %{y}, wrong at exit %{x}: %{z:.2f}% of samples<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    figure.update_xaxes(tickvals=numbers, showgrid=False)
    figure.update_yaxes(tickvals=numbers, showgrid=False, autorange="reversed")
    return figure


def draw_levels(info: Levels) -> go.Figure:
    """Draw overthinking beside the accuracy of the last exit, level by level."""
    figure = empty_figure("difficulty", "% of samples of the level")
    bars = (("last exit right", info.last_accuracy, PALE), ("overthinking, any later", info.any_later, ACCENT))
    for name, values, colour in (*bars, ("overthinking, final", info.final, SECOND)):
        figure.add_bar(
            x=[html.escape(level, quote=False) for level in info.names],
            y=percent(values),
            name=name,
            marker_color=colour,
            texttemplate="%{y:.1f}",
            textposition="outside",
            hovertemplate=name + ": %{y:.2f}% of %{x} samples<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_yaxes(range=[0, 109])
    return figure


def draw_losses(info: History) -> go.Figure:
    """Draw the validation loss of each exit over the epochs, and the minimised loss dashed."""
    figure = empty_figure("epoch", "loss (nats)")
    for row, colour in enumerate(exit_colours(len(info.val_loss))):
        _add_curve(figure, info.epochs, info.val_loss[row], f"exit {row + 1}", {"color": colour, "width": 2})
    dashed = {"color": INK, "width": 1.6, "dash": "dash"}
    _add_curve(figure, info.epochs, info.train_loss, "training mean", dashed)
    _mark_changes(figure, info)
    return figure


def draw_accuracies(info: History) -> go.Figure:
    """Draw the accuracy of each exit over the epochs: validation solid, training dashed."""
    figure = empty_figure("epoch", "accuracy (%)")
    for row, colour in enumerate(exit_colours(len(info.val_accuracy))):
        solid, dashed = {"color": colour, "width": 2}, {"color": colour, "width": 1.3, "dash": "dash"}
        name = f"exit {row + 1}"
        _add_curve(figure, info.epochs, percent(info.val_accuracy[row]), name, solid, group=name)
        trained = f"{name}, training"
        _add_curve(figure, info.epochs, percent(info.train_accuracy[row]), trained, dashed, group=name)
        figure.data[-1].showlegend = False
    _mark_changes(figure, info)
    return figure


def _add_curve(
    figure: go.Figure,
    epochs: Sequence[int],
    values: Sequence[float],
    name: str,
    line: dict[str, object],
    group: str | None = None,
) -> None:
    figure.add_scatter(
        x=epochs,
        y=values,
        name=name,
        mode="lines" if len(epochs) > 1 else "markers",
        line=line,
        marker={"color": line["color"]},
        legendgroup=group,
        hovertemplate="%{fullData.name}: %{y:.3~g} after epoch %{x}<extra></extra>",
    )


def _mark_changes(figure: go.Figure, info: History) -> None:
    drops = [(epoch, f"lr {lr:g}", PALE) for epoch, lr in info.lr_drops.items()]
    phases = [(epoch, f"phase {phase}", GREY) for epoch, phase in info.phase_starts.items()]
    for epoch, label, colour in drops + phases:
        figure.add_vline(
            x=epoch - 0.5,
            line={"color": colour, "width": 1.5},
            annotation={"text": label, "font": {"size": 11, "color": GREY}},
            annotation_position="top",
        )
    if drops or phases:
        figure.update_layout(legend_y=1.08)  # above their labels


def exit_colours(count: int) -> list[str]:
    """Return a colour an exit, from light to dark with depth, told apart by colour-blind eyes too."""
    places = [0.83 - 0.78 * number / max(count - 1, 1) for number in range(count)]  # lighter ones fade on white
    return [str(colour) for colour in sample_colorscale("Viridis", places)]


def exit_names(count: int) -> list[str]:
    """Return `exit 1`, `exit 2` and so on."""
    return [f"exit {number}" for number in range(1, count + 1)]


def percent(values: Sequence[float]) -> list[float]:
    """Return fractions as percent."""
    return [100 * value for value in values]


def empty_figure(x_title: str, y_title: str) -> go.Figure:
    """Return the frame that all figures have in common."""
    figure = go.Figure()
    figure.update_layout(
        template="plotly_white",
        font={"family": FONT, "size": 13, "color": INK},
        height=400,
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
    )
    for axes, title in ((figure.update_xaxes, x_title), (figure.update_yaxes, y_title)):
        axes(title={"text": title, "font": {"size": 13}}, showline=True, linecolor=PALE, zeroline=False)
    return figure
