"""The only package that imports mlflow: writing runs to a store, and reading them back."""
