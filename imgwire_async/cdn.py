"""CDN URLs: transformations checked against one table, built, parsed and written as HTML. No I/O."""

from imgwire_async.imgwire.cdn import *  # noqa: F403
from imgwire_async.imgwire.cdn import __all__ as __all__
