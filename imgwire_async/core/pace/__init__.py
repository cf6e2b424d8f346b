"""When a request may be sent: the gate, the rate controller, the latency cap, and leases for workers."""
