"""From a network and data to trained weights. Nothing here knows MLflow."""
