"""The `overthink` command."""
