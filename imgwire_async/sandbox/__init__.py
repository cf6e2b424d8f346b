"""Local services on real sockets (extra: `sandbox`): Imgwire with object store and CDN, and imgix.

They share only the published API descriptions with the clients, so that the two do not agree merely by
sharing code.
"""

try:
    from imgwire_async.sandbox.imgix.operations import Permission
    from imgwire_async.sandbox.imgix.sandbox import ImgixSandbox
    from imgwire_async.sandbox.imgix.settings import ImgixSandboxSettings
    from imgwire_async.sandbox.imgwire.sandbox import Sandbox
    from imgwire_async.sandbox.imgwire.settings import PresetSize, SandboxSettings
    from imgwire_async.sandbox.server.requests.faults import Fault, FaultScript, UnusedFault
    from imgwire_async.sandbox.server.requests.rate_limits import FixedWindow, MaxInFlight, SteadyRate
    from imgwire_async.sandbox.server.requests.request_log import ReceivedRequest, RequestJournal
except ModuleNotFoundError as error:
    if (error.name or "").startswith("imgwire_async"):
        raise
    raise ModuleNotFoundError(
        "the sandbox needs its extra: pip install 'imgwire-async[sandbox]'", name=error.name
    ) from error

__all__ = [
    "Fault",
    "FaultScript",
    "FixedWindow",
    "ImgixSandbox",
    "ImgixSandboxSettings",
    "MaxInFlight",
    "Permission",
    "PresetSize",
    "ReceivedRequest",
    "RequestJournal",
    "Sandbox",
    "SandboxSettings",
    "SteadyRate",
    "UnusedFault",
]
