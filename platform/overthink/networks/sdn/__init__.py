"""Shallow-Deep Networks (Kaya et al. 2019): known networks with internal classifiers along their depth."""
