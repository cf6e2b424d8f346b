"""Tasks, threads and cancellation on both asyncio and trio."""
