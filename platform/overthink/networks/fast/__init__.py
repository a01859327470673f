"""Kernels of our own for narrow convolutional networks on CPUs: their source, its build, and how they are called."""
