"""How devices are read: links with their secrets apart, what decoders remember, which way devices were heard."""

from devices.health import DeviceHealth, DiscoveredDevice
from devices.link import DeviceLink, LinkScope, ShownLink, parted
from storage.database import Database
from storage.health_store import HealthStore
from storage.link_store import LinkStore

METER = DeviceLink(
    scope=LinkScope.DEVICE, key="12345678", family="wmbus", context={"model": "izar"}, secret={"aes_key": "00112233"}
)


def test_secrets_are_kept_and_never_listed(any_database: Database) -> None:
    store = LinkStore(any_database)
    store.save(METER)
    assert store.list() == [
        ShownLink(scope=LinkScope.DEVICE, key="12345678", family="wmbus", context={"model": "izar"}, secrets=("aes_key",))
    ]
    assert store.load() == (METER,)
    assert "00112233" not in repr(store.load())


def test_a_change_keeps_the_secret_unless_it_is_named(any_database: Database) -> None:
    store = LinkStore(any_database)
    store.save(METER)
    store.save(DeviceLink(scope=LinkScope.DEVICE, key="12345678", family="wmbus.water"))
    (link,) = store.load()
    assert (link.family, link.context, link.secret) == ("wmbus.water", {}, {"aes_key": "00112233"})
    store.save(DeviceLink(scope=LinkScope.DEVICE, key="12345678", secret={"aes_key": None}))
    assert store.load()[0].secret == {}


def test_every_change_counts_the_revision(any_database: Database) -> None:
    store = LinkStore(any_database)
    assert store.revision() == 0
    store.save(METER)
    assert store.remove(LinkScope.DEVICE, "12345678")
    assert not store.remove(LinkScope.DEVICE, "12345678")
    assert (store.revision(), store.load()) == (2, ())


def test_memories_are_replaced_and_forgotten(any_database: Database) -> None:
    store = LinkStore(any_database)
    store.remember({("sparkplug", "g/n"): {"aliases": {"1": ["a", 3]}}, ("tail", "dtu/1"): "68aa"})
    store.remember({("sparkplug", "g/n"): {"aliases": {}}, ("tail", "dtu/1"): None})
    assert store.memories() == {("sparkplug", "g/n"): {"aliases": {}}}


def test_the_context_of_a_topic_is_parted() -> None:
    assert parted({"model": "x", "aes_key": "y"}) == ({"model": "x"}, {"aes_key": "y"})


def test_the_way_a_device_was_heard_stays_known(any_database: Database) -> None:
    store = HealthStore(any_database)
    store.record([DeviceHealth(device_id="a", last_seen_ms=1, topic="dtu/1", family="dlt645", gateway_id="dtu")])
    store.record([DeviceHealth(device_id="a", last_seen_ms=2)])
    known = store.get("a")
    assert known is not None
    assert (known.topic, known.family, known.gateway_id) == ("dtu/1", "dlt645", "dtu")


def test_what_a_stranger_told_adds_up(any_database: Database) -> None:
    store = HealthStore(any_database)
    told = DiscoveredDevice(
        device_id="a", first_seen_ms=1, last_seen_ms=1, topic="t", family="f", gateway_id="g", model="m", told={"vendor": "v"}
    )
    store.discover([told])
    store.discover([DiscoveredDevice(device_id="a", first_seen_ms=2, last_seen_ms=2, topic="t", family="f", told={"sw": "1"})])
    (found,) = store.discovered()
    assert (found.gateway_id, found.model, found.told) == ("g", "m", {"vendor": "v", "sw": "1"})
