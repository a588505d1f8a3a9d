"""A seeded campus with physics, calendars and labelled faults; enters by the public door only (import files and MQTT)."""
