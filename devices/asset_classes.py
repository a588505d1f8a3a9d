"""Classes of assets a school meets often: codes of GB/T 14885-2022, and the least service life of their kind.

The lives are those of the Application Guide of the Government Accounting Standard No. 3 (fixed assets). Any other code of the
standard may be used, with a name that the school gives it.
"""

import re
from dataclasses import dataclass

CODE = re.compile(r"A\d{2}(\d{2}){0,4}")
"""A category letter, then pairs of digits: A02, A0201, ... A0206180203."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetClass:
    code: str
    name: str
    name_zh: str
    life_months: int


def _class(code: str, name: str, name_zh: str, years: int) -> AssetClass:
    return AssetClass(code=code, name=name, name_zh=name_zh, life_months=years * 12)


CLASSES: tuple[AssetClass, ...] = (
    _class("A01010000", "Buildings", "房屋", 50),
    _class("A02000000", "Equipment", "设备", 5),
    _class("A02010000", "Information equipment", "信息化设备", 6),
    _class("A02010104", "Servers", "服务器", 6),
    _class("A02010105", "Desktop computers", "台式计算机", 6),
    _class("A02010108", "Portable computers", "便携式计算机", 6),
    _class("A02010200", "Network equipment", "网络设备", 6),
    _class("A02010300", "Information security equipment", "信息安全设备", 6),
    _class("A02020000", "Office equipment", "办公设备", 6),
    _class("A02020200", "Projectors", "投影仪", 6),
    _class("A02020700", "Interactive whiteboards", "电子白板", 6),
    _class("A02021000", "Printers", "打印机", 6),
    _class("A02030000", "Vehicles", "车辆", 8),
    _class("A02050000", "Mechanical equipment", "机械设备", 10),
    _class("A02051228", "Lifts", "电梯", 10),
    _class("A02060000", "Electrical equipment", "电气设备", 5),
    _class("A02061800", "Electrical household appliances", "生活用电器", 5),
    _class("A02061803", "Fans", "通风机", 5),
    _class("A02061804", "Air conditioners", "空调机", 5),
    _class("A02080000", "Communication equipment", "通信设备", 5),
    _class("A02090000", "Broadcast, television and film equipment", "广播、电视、电影设备", 5),
    _class("A02091001", "Television sets", "普通电视设备(电视机)", 5),
    _class("A02100000", "Instruments and meters", "仪器仪表", 5),
    _class("A02120000", "Standards, gauges and scales", "计量标准器具及量具、衡器", 5),
    _class("A05000000", "Furniture and utensils", "家具和用具", 15),
    _class("A05010000", "Furniture", "家具", 15),
    _class("A05010103", "Metal beds", "轻金属床类", 15),
    _class("A05010104", "Wooden beds", "木制床类", 15),
    _class("A05010203", "Desks for teaching and laboratories", "教学、实验用桌", 15),
    _class("A05010304", "Chairs for teaching and laboratories", "教学、实验椅凳", 15),
    _class("A05010502", "Filing cabinets", "文件柜", 15),
    _class("A05040403", "Teaching aids", "教具", 5),
)
_BY_CODE = {found.code: found for found in CLASSES}


def asset_class(code: str) -> AssetClass | None:
    """The class itself, or the nearest one above it (A02061804 → A02060000 → A02000000); None where nothing is known above it."""
    padded = code.ljust(9, "0")
    above = (padded[:length].ljust(9, "0") for length in (9, 7, 5, 3))
    return next((_BY_CODE[one] for one in above if one in _BY_CODE), None)
