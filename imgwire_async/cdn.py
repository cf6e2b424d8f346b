"""CDN URLs: transformations checked against one table, built, parsed and written as HTML. No I/O."""

from imgwire_async.imgwire.cdn import *  # noqa: F403
from imgwire_async.imgwire.cdn import __all__ as __all__
from imgwire_async.imgwire.cdn import __path__ as __path__  # was a package, and pickles name its modules
