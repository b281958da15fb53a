"""Full stops that do not end a sentence."""

import pytest

from speech.sentences import split_text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-US", "He has approx. 5 left."),
        ("en-US", "Dr. Smith met Mr. Jones vs. No. 5 of St. Mary."),
        ("en-US", "See fig. 3, vol. 2, pp. 3 and ch. 5, e.g. This."),
        ("fr-FR", "M. Dupont est là."),
        ("fr-FR", "Le Dr. Martin et Mme. Durand, p. ex. Anne, en 50 av. J.-C."),
        ("fr-FR", "La page : cf. p. 5 et n. 7."),
        ("hi-IN", "डॉ. शर्मा आए।"),
        ("hi-IN", "श्री. वर्मा को रु. 500 दो।"),
        ("es-ES", "El Sr. López y la Sra. García tienen aprox. 5, n.º 7, pág. 5."),
        ("it-IT", "Il Sig. Rossi e il Dott. Verdi, pag. 5."),
        ("pt-BR", "O Sr. Silva mora na Av. Paulista, p. ex. aprox. 5 anos."),
        ("de-DE", "Dr. Müller und Hr. Schmidt, Nr. 5, ca. 5 Leute."),
    ],
)
def test_an_abbreviation_does_not_end_a_sentence(language: str, text: str):
    assert list(split_text(text, language)) == [text]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("en-US", "I live at 5 Main St. It is nice.", ["I live at 5 Main St. ", "It is nice."]),
        ("en-US", "Say no. Then go.", ["Say no. ", "Then go."]),
        ("en-US", "It is 5 p.m. He left.", ["It is 5 p.m. ", "He left."]),
        ("fr-FR", "Je le vois. Merci.", ["Je le vois. ", "Merci."]),
        ("hi-IN", "वे आए। वे गए।", ["वे आए। ", "वे गए।"]),
        ("en-US", "Ask the Dr.\n\nHe knows.", ["Ask the Dr.\n\n", "He knows."]),
    ],
)
def test_a_sentence_still_ends(language: str, text: str, sentences: list[str]):
    assert list(split_text(text, language)) == sentences
