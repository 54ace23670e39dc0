"""What the Python judges share: cases, a served process, raw HTTP, raw WebSocket."""
