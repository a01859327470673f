"""The only package that imports mlflow: writes runs to a store, and reads them back."""
