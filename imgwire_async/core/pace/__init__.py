"""Pacing of requests: the gate, the rate controller, the latency cap, and leases for workers."""
