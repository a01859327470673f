"""Exit policies: rules by which a sample leaves a multi-exit network, fitted on validation data, side by side."""
