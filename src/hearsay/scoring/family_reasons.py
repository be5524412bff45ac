"""Which tasks a family cannot do, told by its interface."""

from hearsay.methods.family import EmbedsAudio, Family, GroundsPhrases
from hearsay.scoring.other_tasks import AUDIO_IMAGE, GROUNDING, KNN, LABELS, Reason


def reasons_of_family(family: Family, knows_pictures: bool) -> list[Reason]:
    """Say which tasks a family cannot do, by its interface alone."""
    reasons = []
    if not knows_pictures:
        reasons.append(
            Reason(AUDIO_IMAGE, "", "trained without pictures: it has no space in common with them")
        )
    if not isinstance(family, GroundsPhrases):
        reasons.append(
            Reason(GROUNDING, "", "it gives a clip one vector, and its frames no scores")
        )
    if not isinstance(family, EmbedsAudio):
        why = "it scores words in a clip and gives the clip no vector, so two clips have no score"
        reasons += [Reason(task, "audio_to_audio", why) for task in (KNN, LABELS)]
    return reasons
