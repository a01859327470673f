"""Tables with a row for each sample and exit, brought into a row for each sample."""

import numpy as np

from overthink.predictions.tables import Table
from overthink.untrusted import one_line


def one_row_a_sample(table: Table, exit: str, ids: str) -> Table:
    """Return a table with a row for each sample, whose columns have a value for each exit, (N, E).

    `exit` is the column with the number of the exit, and `ids` that of the sample. Raises ValueError naming the file
    and the column where one is missing, or where samples do not have each exit once.
    """
    where = one_line(str(table.path))
    for name, option in ((exit, "--exit"), (ids, "--ids")):
        if name not in table.columns or table.columns[name].ndim != 1:
            raise ValueError(f"{where}: no column {name!r} ({option}); it has {', '.join([*table.columns][:12])}")
    exits, exit_M = np.unique(table.columns[exit], return_inverse=True)
    samples, sample_M = np.unique(table.columns[ids], return_inverse=True)
    order_M = np.lexsort((exit_M, sample_M))
    expected_M = np.tile(np.arange(len(exits)), len(samples))
    if len(order_M) != len(expected_M) or (exit_M[order_M] != expected_M).any():
        counts_N = np.bincount(sample_M)
        odd = samples[int(np.argmax(counts_N != len(exits)))]
        raise ValueError(
            f"{where}: each sample needs one row for each of the {len(exits)} exits in column {exit!r}, but sample "
            f"{one_line(str(odd))[:40]} has others"
        )
    wide = {
        name: values[order_M].reshape(len(samples), len(exits), *values.shape[1:])
        for name, values in table.columns.items()
        if name != exit
    }
    return Table(table.path, wide, table.refused)
