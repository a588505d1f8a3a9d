"""Alert or report → work order → dispatched, repaired, accepted, closed."""
