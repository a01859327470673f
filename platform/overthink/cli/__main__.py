"""`python -m overthink.cli` is the command."""

from overthink.cli.main import main

main()
