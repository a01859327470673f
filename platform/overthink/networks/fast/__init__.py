"""Fast kernels for a CPU: a network's plan, and the machine code that runs it."""
