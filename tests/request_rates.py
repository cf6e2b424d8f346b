"""The rate of a sandbox's clients, measured in its request log."""

from __future__ import annotations

from imgwire_async.sandbox.server.requests.request_log import ReceivedRequest


def settled(requests: list[ReceivedRequest], skipped: int, measured: int) -> tuple[float, float]:
    """Requests per second that a service accepts, and the share of 429s among its responses.

    Args:
        requests: the requests subject to a rate limit, in order of arrival.
        skipped: the number of accepted requests after the first 429 that are ignored, because the rate is
            still being determined.
        measured: the number of accepted requests that are measured.
    """
    assert any(request.status == 429 for request in requests), "the limit was never reached"
    first = next(number for number, request in enumerate(requests) if request.status == 429)
    accepted = [number for number in range(first, len(requests)) if requests[number].status == 200]
    begin, end = accepted[skipped], accepted[skipped + measured - 1]
    seconds = requests[end].started_at - requests[begin].started_at
    throttled = sum(request.status == 429 for request in requests[begin:end])
    return (measured - 1) / seconds, throttled / (throttled + measured)
