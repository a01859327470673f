"""What a sentence about a mistake names: the file, or the option that set the value; and all unknown keys."""

from pathlib import Path

import pytest

from overthink.definition.errors import DefinitionError
from overthink.definition.loading import load_experiment


def said(path: str | Path, *settings: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        load_experiment(path, settings)
    return str(raised.value)


@pytest.mark.parametrize(
    "settings, sentence",
    [
        (["network.growht=8"], "--set network.growht=8: unknown key 'growht'; did you mean 'growth'?"),
        (["network.growth=x"], "--set network.growth=x: expected a whole number, got 'x'"),
        (["network.growth=x", "network.growth=y"], "--set network.growth=y: expected a whole number, got 'y'"),
        (["network.kind=foo"], "--set network.kind=foo: network: unknown kind 'foo'; known kinds: 'msdnet'"),
        (["seeds=[1, a]"], "--set seeds=[1, \"a\"]: seeds.1: expected a whole number, got 'a'"),
        (["network.scales=4"], "quickstart.yaml with --set network.scales=4: network: growth_factors [1, 2, 4] has 3"),
        (["dataset.kind=cifar-10"], "quickstart.yaml with --set dataset.kind=cifar-10: unknown keys dataset.digits, "),
        (["foo=1", "bar=2"], "--set foo=1: unknown key foo; --set bar=2: unknown key bar"),
    ],
)
def test_an_option_is_named(settings: list[str], sentence: str) -> None:
    assert sentence in said("quickstart", *settings)


def test_every_unknown_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    shipped = Path("experiments/quickstart.yaml").read_text(encoding="utf-8")
    file.write_text(shipped.replace("growth:", "growht:").replace("lr:", "rl:") + "\nzzz: 1\n", encoding="utf-8")
    keys = "network.growht (did you mean 'growth'?), regime.0.rl (did you mean 'lr'?), zzz"
    assert said(file) == f"{file}: unknown keys {keys}"
    many = "".join(f"zz{number}: 1\n" for number in range(9))
    file.write_text(f"{shipped}\n{many}", encoding="utf-8")
    assert said(file) == f"{file}: unknown keys zz0, zz1, zz2, zz3, zz4 (and 4 more)"
