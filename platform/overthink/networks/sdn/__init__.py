"""Shallow-Deep Networks (Kaya et al. 2019): known networks with internal classifiers, each a pooling and a last layer."""
