"""For tests of programs that use Imgwire: a pytest plugin, and what its fixtures give.

pytest finds the plugin by itself. Its fixtures need the extra `sandbox`:

- `imgwire_sandbox`: a local Imgwire, empty at the beginning of every test. A scripted fault that did not
  happen fails the test. `@pytest.mark.imgwire_sandbox(processing_reads=3)` starts one with other settings.
- `imgwire_client`: a client of it that waits in virtual time.
- `imgwire_clock`: that time, which is also the sandbox's.
- `imgix_sandbox` and `imgix_client`: the same for a local imgix, in the same time.
"""

from imgwire_async.testing.clients import virtual_client, virtual_imgix_client
from imgwire_async.testing.clock import VirtualClock

__all__ = ["VirtualClock", "virtual_client", "virtual_imgix_client"]
