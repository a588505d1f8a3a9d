"""Settings: read once, unknown keys refused with line and remedy."""

from pathlib import Path

import pytest

from devices.errors import BadInput
from runtime.settings import load
from runtime.topics import topic_map


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "caretaker.toml"
    path.write_text(text)
    return path


def test_defaults_need_no_file(tmp_path: Path) -> None:
    settings = load(environ={})
    assert (settings.http.port, settings.mqtt.port, settings.store.kind) == (8000, 1883, "embedded")


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[http]\nport = 9000\n")
    assert load(path, environ={"CARETAKER_HTTP_PORT": "9001"}).http.port == 9001


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("[http]\nprot = 1\n", ":2", "did you mean 'port'?"),
        ("[htpp]\nport = 1\n", ":1", "did you mean 'http'?"),
        ("data_dri = 'x'\n", ":1", "did you mean 'data_dir'?"),
        ("[http]\nport = 99999\n", ":2", "http.port"),
        ("[site]\ntimezone = 'Mars/Base'\n", ":2", "no time zone"),
        ("[store]\nkind = 'mysql'\n", ":2", "store.kind"),
        ("[http\n", "caretaker.toml", "not valid TOML"),
        (
            "[[ingest.topics]]\nfilter='a'\nfamily='dlt645'\n[[ingest.topics]]\nfilter='b'\nfamily='dlt654'\n",
            ":6",
            "did you mean 'dlt645'",
        ),
        ("[[ingest.topics]]\nfamily='dlt645'\nfliter='b'\n", ":3", "did you mean 'filter'"),
        ("[[ingest.topics]]\nfamily='dlt645'\n", ":1", "filter: Field required"),
        ("[[ingest.topics]]\nfilter='a/#/b'\nfamily='dlt645'\n", ":2", "no topic filter"),
        ("[[ingest.topics]]\nfilter='a'\nfamily='json'\n[ingest.topics.context]\ntimezone='Mars'\n", ":4", "no time zone"),
        ("[ingest]\nfamilies = ['zigbee']\n", ":2", "did you mean 'zigbee2mqtt'"),
        ("[[ingest.adopt]]\nspace='a'\nprofile='meter'\n", ":3", "no profile"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_remedy(tmp_path: Path, text: str, place: str, remedy: str) -> None:
    with pytest.raises(BadInput) as error:
        load(write(tmp_path, text), environ={})
    assert place in str(error.value)
    assert remedy in str(error.value)


def test_an_unknown_variable_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean 'CARETAKER_HTTP_PORT'"):
        load(environ={"CARETAKER_HTTP_PROT": "1"})


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the settings"):
        load(tmp_path / "nowhere.toml", environ={})


def test_secrets_do_not_print(tmp_path: Path) -> None:
    settings = load(environ={"CARETAKER_DATA_DIR": str(tmp_path)})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt-ingest.password").write_text("hunter2\n")
    secret = settings.secret("mqtt-ingest.password")
    assert "hunter2" not in f"{secret} {secret!r}"
    assert secret.get_secret_value() == "hunter2"


def test_a_missing_secret_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mqtt-api\.password"):
        load(environ={"CARETAKER_DATA_DIR": str(tmp_path)}).secret("mqtt-api.password")


def test_the_example_file_is_valid_and_states_the_defaults() -> None:
    example = Path(__file__).parents[2] / "caretaker.example.toml"
    assert load(example, environ={}) == load(environ={})


def test_keys_of_a_topics_context_do_not_print(tmp_path: Path) -> None:
    text = "[[ingest.topics]]\nfilter='a'\nfamily='wmbus'\ncontext = {aes_key='0011', model='x'}\n"
    settings = load(write(tmp_path, text), environ={})
    assert settings.ingest.topics[0].context["aes_key"] == "0011"
    assert "0011" not in settings.model_dump_json() + repr(settings)
    with pytest.raises(BadInput) as error:
        load(write(tmp_path, "[[ingest.topics]]\nfamily='wmbus'\ncontext = {aes_key='0011'}\n"), environ={})
    assert "0011" not in str(error.value)


def test_a_codec_file_that_is_missing_is_named(tmp_path: Path) -> None:
    text = "[[ingest.topics]]\nfilter='a'\nfamily='lorawan'\ncodec_file='nowhere.js'\n"
    with pytest.raises(BadInput, match=r"nowhere\.js.*cannot read the codec"):
        topic_map(load(write(tmp_path, text), environ={}))
