"""overthink: a research platform for multi-exit image classifiers and their habit of overthinking.

Read `overthink.running.run` first: it is the way from a definition to predictions, in order.
"""

__version__ = "0.1.0"
