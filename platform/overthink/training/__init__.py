"""Training: regimes, losses, the loop and checkpoints. Nothing here depends on MLflow."""
