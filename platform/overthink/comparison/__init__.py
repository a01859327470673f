"""From stored runs to a tidy frame, and from the frame to numbers over seeds. Reads the store and nothing else."""
