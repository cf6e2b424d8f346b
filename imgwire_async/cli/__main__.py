"""`python -m imgwire_async.cli`."""

from imgwire_async.cli import main

main()
