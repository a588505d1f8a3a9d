"""LoRaWAN application payloads: one file per vendor's codec, and what chooses among them."""
