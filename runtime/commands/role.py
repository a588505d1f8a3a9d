"""`caretaker ingest | analytics | alerts | api`: one role in this process, until SIGTERM or Ctrl-C."""

import importlib
import logging

from runtime import settings as configuration
from runtime.log_lines import log_to_stderr
from runtime.supervisor import stop_on_signals


def ingest() -> None:
    """Messages from the broker, fsynced, acknowledged, decoded, flagged and stored. Example: caretaker ingest"""
    _run("ingest")


def analytics() -> None:
    """The meter ledger and the detectors. Example: caretaker analytics"""
    _run("analytics")


def alerts() -> None:
    """Fire and door messages first, findings, alerts, work orders. Example: caretaker alerts"""
    _run("alerts")


def api() -> None:
    """HTTP API, live stream and pages. Example: caretaker api"""
    _run("api")


def fallback_broker() -> None:
    """amqtt as the broker, for trying out only. Example: caretaker fallback-broker"""
    _run("fallback_broker")


def _run(role: str) -> None:
    stop = stop_on_signals()
    log_to_stderr()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    loaded = configuration.load()
    importlib.import_module(f"runtime.roles.{role}").run(loaded, stop)
