"""Meter ledger, calendars, tariffs, detectors and their evaluation. Pure: arrays and `now` in, findings out."""
