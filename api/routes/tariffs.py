"""Prices and carbon factors with the day from which they hold. A change holds for the past too: costs are worked out when asked."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from analytics.tariff import Factor, Price
from api import schemas_meters as shapes
from api.consumption import Quantity, unit_of
from api.deps import Caller, Deps, DepsHere
from api.errors import Refused
from api.guard import GuardedRoute
from devices.errors import Conflict
from storage.price_store import StoredPrice
from storage.user import User

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, tags=["prices and factors"])

RowId = Annotated[int, Path(ge=-1000, le=2**62, description="of a row of the settings: -1, -2, ...")]


@router.get("/tariffs", summary="Prices and carbon factors")
def get_tariffs(deps: DepsHere) -> shapes.TariffsOut:
    """Rows with a negative id come from the settings; the first change of a table copies them into the database."""
    return shapes.TariffsOut(items=[_tariff(deps, quantity) for quantity in Quantity], currency=deps.site.currency)


@router.post("/tariffs/prices", status_code=201, summary="Add a price")
def add_price(body: shapes.PriceIn, deps: DepsHere, caller: Caller) -> shapes.TariffOut:
    _for_the_whole_site(caller)
    added = deps.prices.add_price(body.quantity.value, _price(body))
    return _changed(deps, caller, body.quantity, f"price {added.id} added: {_said(added)}")


@router.put("/tariffs/prices/{price_id}", summary="Change a price")
def change_price(price_id: RowId, body: shapes.PriceIn, deps: DepsHere, caller: Caller) -> shapes.TariffOut:
    _for_the_whole_site(caller)
    old = deps.prices.replace_price(price_id, body.quantity.value, _price(body))
    now = StoredPrice(id=old.id, quantity=old.quantity, price=_price(body))
    return _changed(deps, caller, body.quantity, f"price {old.id} was {_said(old)}, is {_said(now)}")


@router.delete("/tariffs/{quantity}/prices/{price_id}", status_code=204, summary="Take a price out")
def remove_price(quantity: Quantity, price_id: RowId, deps: DepsHere, caller: Caller) -> Response:
    _for_the_whole_site(caller)
    if len(deps.prices.prices(quantity.value)) < 2:
        raise Conflict("the last price cannot be taken out; change it instead")
    old = deps.prices.replace_price(price_id, quantity.value, None)
    _changed(deps, caller, quantity, f"price {old.id} taken out: {_said(old)}")
    return Response(status_code=204)


@router.post("/tariffs/factors", status_code=201, summary="Add a carbon factor")
def add_factor(body: shapes.FactorIn, deps: DepsHere, caller: Caller) -> shapes.TariffOut:
    _for_the_whole_site(caller)
    factor = Factor(valid_from=body.valid_from, kgco2e=body.kgco2e)
    deps.prices.add_factor(body.quantity.value, factor)
    return _changed(deps, caller, body.quantity, f"factor {factor.kgco2e} from {factor.valid_from} added")


@router.delete("/tariffs/{quantity}/factors/{factor_id}", status_code=204, summary="Take a carbon factor out")
def remove_factor(quantity: Quantity, factor_id: RowId, deps: DepsHere, caller: Caller) -> Response:
    _for_the_whole_site(caller)
    if len(deps.prices.factors(quantity.value)) < 2:
        raise Conflict("the last carbon factor cannot be taken out; add another first")
    old = deps.prices.remove_factor(factor_id, quantity.value)
    _changed(deps, caller, quantity, f"factor {old.factor.kgco2e} from {old.factor.valid_from} taken out")
    return Response(status_code=204)


def _for_the_whole_site(caller: User) -> None:
    if caller.buildings is not None:
        raise Refused(403, "prices hold for the whole site; you look after some of its buildings")


def _changed(deps: Deps, caller: User, quantity: Quantity, what: str) -> shapes.TariffOut:
    deps.audit.append(deps.now(), caller.username, "tariff.change", quantity.value, what)
    deps.bus("tariff", deps.prices.revision())
    return _tariff(deps, quantity)


def _price(body: shapes.PriceIn) -> Price:
    return Price(
        valid_from=body.valid_from,
        price=body.price,
        hours=tuple(body.hours),
        use=body.use,
        above=body.above,
        period=body.period,
    )


def _said(stored: StoredPrice) -> str:
    price = stored.price
    step = f" above {price.above:g} a {price.period}" if price.period else ""
    hours = f" in hours {','.join(map(str, price.hours))}" if price.hours else ""
    return f"{price.price:g} from {price.valid_from}{hours}{step}{f' for {price.use}' if price.use else ''}"


def _tariff(deps: Deps, quantity: Quantity) -> shapes.TariffOut:
    prices, factors = deps.prices.prices(quantity.value), deps.prices.factors(quantity.value)
    return shapes.TariffOut(
        quantity=quantity,
        unit=unit_of(quantity),
        prices=[
            shapes.PriceOut(id=one.id, **{name: getattr(one.price, name) for name in shapes.PriceIO.model_fields}) for one in prices
        ],
        prices_from_settings=any(one.id < 0 for one in prices),
        factors=[shapes.FactorOut(id=one.id, valid_from=one.factor.valid_from, kgco2e=one.factor.kgco2e) for one in factors],
        factors_from_settings=any(one.id < 0 for one in factors),
    )
