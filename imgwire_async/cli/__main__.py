"""`python -m imgwire_async.cli`.

Python loads the package before this module, so a signal in the first 20 ms or so is handled by the
interpreter, which prints a traceback. The installed command is ready earlier; see its entry point.
"""

from imgwire_async.cli import main

main()
