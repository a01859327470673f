"""Links of policy networks to the network that they are of, from two machines at once."""

from collections.abc import Mapping

from overthink.outbox.run_logger import RunStart
from overthink.outbox.sender import OutboxSender
from overthink.store import tags
from overthink.store.client import Store
from overthink.store.group_spec import GroupSpec
from overthink.store.reader import run_of
from overthink.store.writer import Writer

OTHER = "b" * 32


class Overwritten(Writer):
    """Another machine that had read before this one wrote writes its own link over it, once."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.times = 0

    def log(
        self,
        run_id: str,
        metrics: Mapping[str, float] | None = None,
        step: int = 0,
        params: Mapping[str, str] | None = None,
        run_tags: Mapping[str, str] | None = None,
    ) -> None:
        super().log(run_id, metrics, step, params, run_tags)
        if tags.POLICY_RUNS in (run_tags or {}) and self.times == 0:
            self.times += 1
            super().log(run_id, run_tags={tags.POLICY_RUNS: OTHER, tags.MLFLOW_NOTE: "Its note."})


def test_a_link_that_another_machine_overwrites_is_made_again(store: Store) -> None:
    writer = Overwritten(store)
    sender = OutboxSender(store, writer, print)
    group = GroupSpec("e", "A note.", {}, "e: base", ("0",), {tags.GROUP_KEY: "g", tags.DEFINITION: "e"}, {})
    main, policy = (
        sender.begin(RunStart(group, key, f"e: {key}", {tags.KIND: tags.KIND_RUN, tags.RUN_KEY: key}, {}))
        for key in ("main", "policy")
    )
    policy.link(main.handle, tags.POLICY_RUNS, "This note.")
    assert sender.wait(30) is None
    sender.stop()
    assert writer.times == 1
    assert main.run_id is not None
    linked = run_of(store, main.run_id)
    assert linked.policy_run_ids == (OTHER, policy.run_id)
    assert linked.note == "Its note.\n\nThis note."
