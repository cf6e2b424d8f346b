"""Tools for testing programs that use Imgwire: a pytest plugin and the objects behind its fixtures.

pytest loads the plugin automatically. Its fixtures need the `sandbox` extra:

- `imgwire_sandbox`: a local Imgwire, empty at the start of every test. The test fails if a scripted fault
  never occurs. `@pytest.mark.imgwire_sandbox(processing_reads=3)` starts one with other settings.
- `imgwire_client`: a client for it that waits in virtual time.
- `imgwire_clock`: the virtual clock, shared with the sandbox.
- `imgix_sandbox` and `imgix_client`: the same for a local imgix, with the same clock.
"""

from imgwire_async.testing.clients import virtual_client, virtual_imgix_client
from imgwire_async.testing.clock import VirtualClock

__all__ = ["VirtualClock", "virtual_client", "virtual_imgix_client"]
