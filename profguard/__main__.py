"""`python -m profguard`, for when the command is not on the path."""

from profguard.cli import main

main()
