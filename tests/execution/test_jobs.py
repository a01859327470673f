from overthink.execution.jobs import Order, as_bytes, order_in


def test_an_order_crosses_a_pipe_with_paths_that_are_not_utf_8() -> None:
    order = Order('{"a": "é"}', "/tmp/caf\udce9 100 %", "cpu", "/data/\udce9", None, 60.0)
    assert order_in(as_bytes(order)) == order
