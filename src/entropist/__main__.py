"""``python -m entropist``: the command line."""

from entropist.cli import main

main()
