"""The topic map and the adoption rules that the settings mean."""

from devices.adoption import AdoptRule
from devices.errors import BadInput
from ingest.topic_map import TopicLink, TopicMap
from runtime.settings import Settings
from runtime.settings_topics import Adopt, Topic


def topic_map(settings: Settings) -> TopicMap:
    """Raises BadInput where a codec file cannot be read."""
    return TopicMap([_link(topic) for topic in settings.ingest.topics], families=settings.ingest.families)


def adopt_rule(told: Adopt) -> AdoptRule:
    return AdoptRule(
        space_id=told.space,
        family=told.family,
        model=told.model,
        id=told.id,
        topic=told.topic,
        profile_id=told.profile,
        name=told.name,
        name_zh=told.name_zh,
    )


def _link(topic: Topic) -> TopicLink:
    context = dict(topic.context)
    if topic.codec_file is not None:
        try:
            context["codec"] = topic.codec_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"cannot read the codec: {error}; correct codec_file of the topic {topic.filter!r}", place=str(topic.codec_file)
            ) from None
    return TopicLink(filter=topic.filter, family=topic.family, context=context, fast=topic.fast)
