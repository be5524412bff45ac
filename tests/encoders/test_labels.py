"""Words of labels, their mean vectors, and the width of a network's input."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hearsay.encoders.labels import embed_labels, fit_width, label_words
from hearsay.encoders.word_vectors import load_vectors
from hearsay.errors import HearsayError

SHARED = Path(__file__).parents[3] / "shared" / "data"
FSD = SHARED / "fsdkaggle2018"
GLOVE = SHARED / "glove" / "glove.6B.100d.subset.txt"
VECTORS = {"hi": [3.0, 0.0], "hat": [0.0, 1.0], "bass": [1.0, 1.0], "or": [9.0, 9.0]}

# Every label of FSDKaggle2018 that is not just its only word in lower case.
SEVERAL_WORDS = {
    "Acoustic_guitar": ("acoustic", "guitar"),
    "Bass_drum": ("bass", "drum"),
    "Burping_or_eructation": ("burping",),
    "Computer_keyboard": ("computer", "keyboard"),
    "Double_bass": ("double", "bass"),
    "Drawer_open_or_close": ("drawer", "open", "close"),
    "Electric_piano": ("electric", "piano"),
    "Finger_snapping": ("finger", "snapping"),
    "Gunshot_or_gunfire": ("gunshot", "gunfire"),
    "Hi-hat": ("hi", "hat"),
    "Keys_jangling": ("keys", "jangling"),
    "Microwave_oven": ("microwave", "oven"),
    "Snare_drum": ("snare", "drum"),
    "Violin_or_fiddle": ("violin", "fiddle"),
}


def test_or_is_left_out_although_it_has_a_vector():
    assert label_words("Hi_or_hat", VECTORS).words == ("hi", "hat")
    assert label_words("hi or Hat", VECTORS).words == ("hi", "hat")


def test_a_hyphenated_word_is_one_word_only_where_the_vectors_have_it():
    assert label_words("Hi-hat", VECTORS).words == ("hi", "hat")
    assert label_words("Hi-hat", {**VECTORS, "hi-hat": [0.0, 1.0]}).words == ("hi-hat",)


def test_a_word_without_a_vector_is_named_and_takes_no_part():
    found = label_words("Bass_eructation", VECTORS)
    assert (found.words, found.unknown) == (("bass",), ("eructation",))
    alone, with_unknown = embed_labels(["Bass", "Bass_eructation"], VECTORS)
    np.testing.assert_array_equal(alone, with_unknown)


def test_vectors_that_tell_case_apart_are_asked_for_the_word_as_it_stands_first():
    assert label_words("cell_Phone", {"Phone": [1.0], "phone": [2.0]}).words == ("Phone",)
    assert label_words("Phone", {"Phone": [1.0], "phone": [2.0]}).words == ("phone",)


def test_feature_is_the_unit_mean_of_the_vectors_as_they_are():
    # (3, 0) and (0, 1): the mean (1.5, 0.5) points to (3, 1), not to the diagonal of unit words.
    feature = embed_labels(["Hi-hat"], VECTORS)
    assert feature.dtype == np.float32
    np.testing.assert_allclose(feature, [[3 / np.sqrt(10), 1 / np.sqrt(10)]], rtol=1e-6)


def test_labels_that_cannot_be_embedded_are_named():
    with pytest.raises(HearsayError, match="'Zither_or_lute'.*(zither, lute)"):
        embed_labels(["Hi-hat", "Zither_or_lute"], VECTORS)
    with pytest.raises(HearsayError, match="it has none"):
        embed_labels(["_"], VECTORS)
    with pytest.raises(HearsayError, match="'up_down'.*zero or not finite"):
        embed_labels(["up_down"], {"up": [1.0, 0.0], "down": [-1.0, 0.0]})
    with pytest.raises(HearsayError, match="no labels"):
        embed_labels([], VECTORS)


@pytest.mark.parametrize("fit", ["zero_pad", "project"])
def test_a_wider_input_keeps_all_inner_products(fit):
    features = np.random.default_rng(0).normal(size=(7, 20)).astype(np.float32)
    fitted = fit_width(features, 33, fit, seed=1)
    assert (fitted.shape, fitted.dtype) == ((7, 33), np.float32)
    np.testing.assert_allclose(fitted @ fitted.T, features @ features.T, atol=1e-4)


def test_padding_appends_zeros_and_projecting_fills_every_column():
    features = np.ones((2, 3), dtype=np.float32)
    padded = fit_width(features, 5, "zero_pad", seed=1)
    assert padded.tolist() == [[1, 1, 1, 0, 0]] * 2
    projected = fit_width(features, 5, "project", seed=1)
    assert np.all(projected != 0)
    np.testing.assert_array_equal(projected, fit_width(features, 5, "project", seed=1))
    assert not np.allclose(projected, fit_width(features, 5, "project", seed=2))


def test_features_of_the_right_width_stay_and_wider_ones_are_refused():
    features = np.ones((2, 3), dtype=np.float32)
    np.testing.assert_array_equal(fit_width(features, 3, "project", seed=1), features)
    with pytest.raises(HearsayError, match="3 dimensions do not fit an input of 2"):
        fit_width(features, 2, "zero_pad", seed=1)
    with pytest.raises(HearsayError, match="'stretch'"):
        fit_width(features, 4, "stretch", seed=1)


@pytest.mark.skipif(
    not (FSD.is_dir() and GLOVE.is_file()),
    reason="FSDKaggle2018's tables and GloVe (../shared/data/fsdkaggle2018, glove) not here",
)
def test_the_41_labels_of_fsdkaggle2018_become_the_words_of_glove():
    labels = set()
    for path in sorted(FSD.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            labels |= {row["label"] for row in csv.DictReader(file)}
    assert len(labels) == 41
    vectors = load_vectors(GLOVE)
    found = {label: label_words(label, vectors) for label in sorted(labels)}
    expected = {label: SEVERAL_WORDS.get(label, (label.lower(),)) for label in found}
    assert {label: words.words for label, words in found.items()} == expected
    unknown = {label: words.unknown for label, words in found.items() if words.unknown}
    assert unknown == {"Burping_or_eructation": ("eructation",)}
    features = embed_labels(list(found), vectors)
    assert features.shape == (41, 100)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-6)
    assert len(np.unique(features, axis=0)) == 41
