"""The words for each class of sound: nouns, verbs, and what its pitch is called."""

from dataclasses import dataclass, field

WordsByValue = dict[str, tuple[str, ...]]

PITCH_WORDS: WordsByValue = {
    "low": ("low", "deep", "low-pitched"),
    "high": ("high", "shrill", "high-pitched"),
}
TEMPO_WORDS: WordsByValue = {"slow": ("slowly", "at a slow pace", "unhurriedly"),
               "fast": ("quickly", "rapidly", "at a fast pace")}  # fmt: skip
DISTANCE_WORDS: WordsByValue = {"near": ("nearby", "close by", "right here"),
                  "far": ("in the distance", "far away", "from afar")}  # fmt: skip


@dataclass(frozen=True)
class Words:
    """Words for one class; nouns are singular and take an article, unless they are a mass."""

    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    pitch: WordsByValue = field(default_factory=lambda: PITCH_WORDS)
    is_mass: bool = False  # "rain falls", not "a rain falls"


@dataclass(frozen=True)
class Vocabulary:
    """The classes of a demo and their words; with `has_tempo` events have a tempo to name."""

    words: dict[str, Words]
    has_tempo: bool

    @property
    def names(self) -> list[str]:
        """The classes, sorted."""
        return sorted(self.words)


_DULL: WordsByValue = {"low": ("dull", "deep", "low"), "high": ("bright", "high", "sharp")}

PROCEDURAL = Vocabulary(
    {
        "alarm": Words(("alarm", "beeper", "warning signal"), ("beeps", "goes off", "sounds")),
        "bell": Words(("bell", "chime", "gong"), ("rings", "chimes", "tolls")),
        "bird": Words(("bird", "songbird", "sparrow"), ("chirps", "sings", "tweets")),
        "clock": Words(("clock", "wall clock", "timer"), ("ticks", "ticks along", "clicks"), _DULL),
        "cricket": Words(("cricket", "grasshopper", "insect"), ("chirrs", "stridulates", "trills")),
        "dog": Words(("dog", "hound", "puppy"), ("barks", "yaps", "woofs")),
        "drip": Words(("tap", "faucet", "leaking pipe"), ("drips", "trickles", "drops water")),
        "drum": Words(("drum", "tom-tom", "bass drum"), ("beats", "thumps", "is struck")),
        "engine": Words(("engine", "motor", "truck"), ("runs", "idles", "rumbles")),
        "helicopter": Words(("helicopter", "chopper", "rotor"), ("whirs", "hovers", "flies by")),
        "horn": Words(("horn", "car horn", "klaxon"), ("honks", "blares", "hoots")),
        "rain": Words(("rain", "rainfall", "drizzle"), ("falls", "patters", "pours"),
                      {"low": ("heavy", "thick"), "high": ("light", "fine")}, is_mass=True),
        "saw": Words(("saw", "handsaw", "wood saw"), ("cuts", "saws wood", "rasps"), _DULL),
        "siren": Words(("siren", "ambulance", "police car"), ("wails", "howls", "whoops")),
        "whistle": Words(("whistle", "referee whistle", "kettle"), ("blows", "whistles", "peeps")),
        "wind": Words(("wind", "a gust of wind", "a breeze"), ("blows", "howls", "whooshes"),
                      {"low": ("deep", "low"), "high": ("thin", "high")}, is_mass=True),
    },
    has_tempo=True,
)  # fmt: skip

# The classes of ESC-10, whose folders are often used as a sound bank.
RECORDED = {
    "baby cry": Words(("baby", "infant", "newborn"), ("cries", "wails", "sobs")),
    "chainsaw": Words(("chainsaw", "power saw", "motor saw"), ("runs", "revs", "buzzes")),
    "clock tick": Words(("clock", "wall clock", "timepiece"), ("ticks", "ticks along", "clicks")),
    "dog bark": Words(("dog", "hound", "puppy"), ("barks", "yaps", "woofs")),
    "fire crackling": Words(("fire", "campfire", "fireplace"), ("crackles", "burns", "pops")),
    "helicopter": Words(("helicopter", "chopper", "rotor"), ("whirs", "hovers", "flies by")),
    "person sneeze": Words(("person", "man", "somebody"), ("sneezes", "sneezes loudly", "achoos")),
    "rain": Words(("rain", "rainfall", "drizzle"), ("falls", "patters", "pours"), is_mass=True),
    "rooster": Words(("rooster", "cockerel", "cock"), ("crows", "calls", "screeches")),
    "sea waves": Words(("wave", "ocean wave", "surf wave"), ("rolls in", "breaks", "crashes")),
}


def words_for(name: str) -> Words:
    """Return the words for a recorded class: its own, or made from its name."""
    if name in RECORDED:
        return RECORDED[name]
    return Words(
        (f"{name} sound", f"{name} noise", f"sound of {name}"), ("is heard", "sounds", "occurs")
    )
