"""The words every other package speaks: spaces, devices, metrics, readings, events. Imports nothing of ours."""
