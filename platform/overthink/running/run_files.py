"""Names in a run's folder; without torch, so that reports need not import it."""

MAIN = "main"
"""Folder, in a policy network's run folder, with the checkpoint and the predictions of its main network."""
LABELLED_BY = "labelled_by"
"""Folder beside it: a folder of predictions, named by run key, for each training that labels are averaged over."""
EVERYTHING = "everything"
"""A policy network's split with all test samples of its main network, those without a label included."""
