"""CRC-16/MODBUS: polynomial 8005 reflected, start FFFF."""


def modbus(data: bytes) -> int:
    """As a number; on the wire its low byte comes first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
