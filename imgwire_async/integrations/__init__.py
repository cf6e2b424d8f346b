"""The SDK inside of frameworks. Each module needs an extra of the same name."""
