"""What a study's design costs."""

from pathlib import Path

import yaml

from overthink.definition.loading import load_experiment
from overthink.launching.design_cost import DesignCost, design_costs
from overthink.launching.plan import plan
from support.small import definition, small


def test_a_design_in_networks(tmp_path: Path) -> None:
    definition(tmp_path)
    study = {"kind": "study", "schema_version": 1, "name": "design", "description": "A design.", "base": "small.yaml"}
    arms = {"arms": {"none": ["repeat"]}, "sobol": ["init", "order", "augment"], "repeats": 3, "base_points": 4}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study | arms))
    loaded = [load_experiment(tmp_path / "study.yaml"), small(tmp_path)]
    (cost,) = design_costs(plan(None, loaded, dry=True), None)
    assert (cost.arms, cost.repeats, cost.base_points) == (8, 3, 4)
    assert cost.networks == cost.to_train == 4 * (1 + 6 * 2) + 2
    assert cost.without_sharing == 4 + 4 * 6 * 3 + 3
    assert cost.seconds_each is None


def test_how_long_it_takes_is_said_where_it_is_known() -> None:
    cost = DesignCost("design: base", 9, 2, 3, 27, 51, 20, None)
    assert (
        cost.text == "design: base: 27 networks for 9 arms of 2 around 3 base points, 51 without runs that arms share."
    )
    assert cost._replace(seconds_each=30.0).text.endswith(
        " The 20 to train take 10 min one after another, by those finished."
    )
    assert "one base point" in cost._replace(base_points=1, to_train=0, seconds_each=30.0).text
    assert " min " not in cost._replace(to_train=0, seconds_each=30.0).text
