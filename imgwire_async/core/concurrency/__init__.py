"""Tasks, threads and cancellation, on asyncio and trio alike."""
