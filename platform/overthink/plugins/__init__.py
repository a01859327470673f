"""Plug-ins: where networks, data sets, losses and metrics of one's own are found, and what their code is."""
