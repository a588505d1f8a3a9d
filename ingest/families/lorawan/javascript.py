"""Codecs in JavaScript as makers publish them (decodeUplink, Decode or Decoder), run in V8 under limits of time and memory.

A runaway codec ends with a reason. Each run has a context of its own that is closed afterwards: nothing of one device's codec
reaches another's, and no thread outlives the run.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from py_mini_racer import JSEvalException, JSOOMException, JSTimeoutException, MiniRacer

from ingest.families.lorawan.uplink import Unusable, Uplink

TIME_LIMIT_S = 0.4
MEMORY_LIMIT_BYTES = 64 * 1024 * 1024
_SETTLE_S = 0.1
_LONGEST_SOURCE = 500_000
_LONGEST_RESULT = 200_000
_WITHOUT = "delete globalThis.WebAssembly; delete globalThis.SharedArrayBuffer; delete globalThis.Atomics; 0"
"""Memory and waiting beyond the limits; no maker's codec needs them."""

_CALL = """
(function () {
  var input = %s;
  var made;
  if (typeof decodeUplink === "function") { made = decodeUplink(input); }
  else if (typeof Decode === "function") { made = {data: Decode(input.fPort, input.bytes, input.variables)}; }
  else if (typeof Decoder === "function") { made = {data: Decoder(input.bytes, input.fPort)}; }
  else { made = {errors: ["the codec has none of decodeUplink, Decode, Decoder"]}; }
  return JSON.stringify(made === undefined ? null : made);
})()
"""


def run(source: str, uplink: Uplink) -> dict[str, Any]:
    """The decoded object. Raises `Unusable` where the codec fails, complains or takes too long."""
    if len(source) > _LONGEST_SOURCE:
        raise Unusable(f"the codec has {len(source)} characters; at most {_LONGEST_SOURCE} are run")
    told = _apart(source, json.dumps({"bytes": list(uplink.payload), "fPort": uplink.port or 0, "variables": {}}))
    if not isinstance(told, dict):
        raise Unusable("the codec returned no object")
    if told.get("errors"):
        raise Unusable(f"the codec says: {str(told['errors'])[:300]}")
    data = told.get("data")
    if not isinstance(data, dict):
        raise Unusable("the codec returned no data")
    return data


def _apart(source: str, call_input: str) -> object:
    """On a thread of its own: where the caller's thread runs an event loop, the engine would refuse its time limit."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="codec") as own:
        return own.submit(_evaluate, source, call_input).result()


def _evaluate(source: str, call_input: str) -> object:
    engine = MiniRacer()
    try:
        engine.set_hard_memory_limit(MEMORY_LIMIT_BYTES)
        engine.eval(_WITHOUT)
        engine.eval(source, timeout_sec=TIME_LIMIT_S)
        made = engine.eval(_CALL % call_input, timeout_sec=TIME_LIMIT_S)
    except JSTimeoutException:
        raise Unusable(f"the codec ran longer than {TIME_LIMIT_S:g} s and was stopped") from None
    except JSOOMException:
        raise Unusable(f"the codec used more than {MEMORY_LIMIT_BYTES // 1_048_576} MB and was stopped") from None
    except JSEvalException as error:
        raise Unusable(f"the codec failed: {str(error)[:300]}") from None
    finally:
        with suppress(JSEvalException):
            engine.eval("0", timeout_sec=_SETTLE_S)  # a stopped run reports to its thread, which must still be there
        engine.close()
    if not isinstance(made, str) or len(made) > _LONGEST_RESULT:
        raise Unusable("the codec returned nothing or too much")
    try:
        return json.loads(made)
    except (ValueError, RecursionError):
        raise Unusable("the codec returned what is no JSON, or too deep") from None
