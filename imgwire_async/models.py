"""The records that the service returns and takes, and the enumerations in them.

Generated from the schema; unknown fields are kept in `additional_properties`, and enumerations accept
values that a newer service may send.
"""

from imgwire_async.imgwire.lowlevel.models import *  # noqa: F403 - every model is public
from imgwire_async.imgwire.lowlevel.models import __all__ as __all__
