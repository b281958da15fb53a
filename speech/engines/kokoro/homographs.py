"""Chooses the pronunciation of English homographs where the tagger or the dictionaries are not enough.

By part of speech, for which `corrected_tags` corrects the tagger's most common mistakes, or by meaning, which depends
on the words around it (`SENSES`). Tags are those of the Penn Treebank, phonemes those of misaki's dictionaries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

OTHER: Final = "OTHER"  # our own tag for the rarer of two meanings, also a key in the pronunciations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DETERMINERS: Final = _set("a an the my your his its our their every another")
_OBJECTS: Final = _set("a an the my your his her its our their me you him us it them this these those")
_PREPOSITIONS: Final = _set("of in on at by with for from into under over about through")
_HAVE: Final = _set("have has had 've ’ve having")
_DO: Final = _set("do does did")
_PERSONS: Final = _set("me him us them")
_SUBJECTS: Final = _set("i you we they")
_BETWEEN: Final = _set("not n't n’t never also always often only still really just")
_NOUNS: Final = ("NN", "NNS", "NNP", "NNPS")
_BASE_VERBS: Final = ("VB", "VBP")
_AS_NOUN: Final = {"VB": "NN", "VBP": "NN", "VBZ": "NNS"}
_NEVER_A_VERB: Final = ("NN", "NNP", "JJ")
# Adjectives that the tagger mistakes for verbs, and adjectives that sound different from the noun.
_ADJECTIVES: Final = _set("animate articulate consummate deliberate diffuse elaborate")
_TRUE_ADJECTIVES: Final = _set("close content invalid perfect upset")


@dataclass(frozen=True, slots=True)
class _Sense:
    """The words that indicate a word's rarer meaning.

    `near` may be anywhere in the sentence, `before` and `after` must be next to the word. If `tags` are given, the
    meaning only exists for these.
    """

    near: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    after: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    is_name: bool = False  # tagged as a name, with a capital letter


def _sense(near: str = "", before: str = "", after: str = "", tags: str = "", *, is_name: bool = False) -> _Sense:
    return _Sense(_set(near), _set(before), _set(after), _set(tags), is_name)


SENSES: Final = {
    "axes": _sense(
        "axis x y z coordinate coordinates rotation rotational symmetry horizontal vertical principal optical major "
        "minor orthogonal perpendicular parallel plane graph dimension dimensions diagonal cartesian angle angles",
    ),
    "bass": _sense(
        "fish fishing largemouth smallmouth striped trout carp perch pike angler anglers salmon walleye bluegill "
        "catfish lake reservoir fillet sunfish",
        before="sea",
    ),
    "bologna": _sense("sandwich sandwiches sausage sausages meat ham salami lunch fried lebanon"),
    "bow": _sense(
        "ship ships hull stern deck vessel boat aft starboard torpedo torpedoes keel rudder bulbous sank sail sails "
        "crew waves thruster anchor wow audience applause speech",
        before="deep low respectful final slight took",
        tags="NN NNP",
    ),
    "celtic": _sense(
        "rangers glasgow celtics boston fc league cup match goal scored season striker midfielder defender winger "
        "squad kilmarnock hibernian aberdeen hearts manager",
        tags="NNP",
    ),
    "jesus": _sense(before="san don fray", is_name=True),
    "job": _sense("bible biblical testament satan elihu psalms hebrew", is_name=True),
    "lead": _sense(
        "metal zinc copper tin pipes paint poisoning ore ores pencil mercury cadmium arsenic toxic battery batteries "
        "alloy alloys bullets bullet mines mine contamination tonnes pewter pewters neurotoxin nickel antimony uranium "
        "isotopes metals shielding solder leaded",
        before="cast molten",
        after="pipe paint poisoning ore acid shot oxide pencil bullet glass",
        tags="NN NNP",
    ),
    "mate": _sense("tea yerba coca gourd infusion argentine", tags="NN NNP"),
    "minute": _sense(
        before="of with some very many these those into contain contains",
        after="amount amounts quantity quantities detail details teeth particles particle scales hairs holes spines",
        tags="JJ",
    ),
    "mobile": _sense("alabama ala tensaw", before="in near", after="bay alabama", is_name=True),
    "nestle": _sense(is_name=True),
    "pasty": _sense("cornish pastry meat pie beef steak potato baked food bakery lunch cornwall", tags="NN NNP"),
    "ravel": _sense(is_name=True),
    "reading": _sense(is_name=True),
    "rodeo": _sense("california", before="del el", after="drive"),
    "sake": _sense(
        "rice japanese japan drink drinks drinking brewed brewery breweries brewing bottle bottles sushi shochu "
        "alcohol beer wine"
    ),
    "tear": _sense(
        "muscle ligament cartilage knee hamstring meniscus cuff achilles tendon acl calf fabric groin shoulder",
        before="and",
        tags="NN",
    ),
}
_OF_NAZARETH: Final = _set("christ himself loves of")
_FOR_THE_SAKE: Final = _set("the his her its my your our their whose 's ’s ' ’")

# Pronunciations that misaki's dictionaries lack or have reversed: American, then British. The first key is the default
# for tags without an entry.
_AMERICAN: Final[Mapping[str, Mapping[str, str]]] = {
    "aged": {"DEFAULT": "ˈAʤd", "ADJ": "ˈAʤɪd"},
    "axes": {"DEFAULT": "ˈæksᵻz", OTHER: "ˈæksˌiz"},
    "bass": {"DEFAULT": "bˈAs", OTHER: "bˈæs"},
    "blessed": {"DEFAULT": "blˈɛst", "ADJ": "blˈɛsɪd", "NNP": "blˈɛsɪd"},
    "bologna": {"DEFAULT": "bəlˈOnjə", OTHER: "bəlˈOni"},
    "bow": {"DEFAULT": "bˈO", "VERB": "bˈW", OTHER: "bˈW"},
    "celtic": {"DEFAULT": "kˈɛltɪk", OTHER: "sˈɛltɪk"},
    "export": {"DEFAULT": "ˈɛkspˌɔɹt", "VERB": "ɪkspˈɔɹt"},
    "expose": {"DEFAULT": "ɪkspˈOz", "NN": "ˌɛkspOzˈA"},
    "fragment": {"DEFAULT": "fɹˈæɡmənt", "VERB": "fɹæɡmˈɛnt"},
    "frequent": {"DEFAULT": "fɹˈikwənt", "VERB": "fɹikwˈɛnt"},
    "impact": {"DEFAULT": "ˈɪmpˌækt", "VERB": "ɪmpˈækt"},
    "implant": {"DEFAULT": "ˈɪmplˌænt", "VERB": "ɪmplˈænt"},
    "increment": {"DEFAULT": "ˈɪŋkɹəmənt", "VERB": "ˈɪŋkɹəmˌɛnt"},
    "insert": {"DEFAULT": "ˈɪnsˌɜɹt", "VERB": "ɪnsˈɜɹt"},
    "instrument": {"DEFAULT": "ˈɪnstɹəmənt", "VERB": "ˈɪnstɹəmˌɛnt"},
    "jesus": {"DEFAULT": "ʤˈizəs", OTHER: "hAsˈus"},
    "job": {"DEFAULT": "ʤˈɑb", OTHER: "ʤˈOb"},
    "lead": {"DEFAULT": "lˈid", OTHER: "lˈɛd"},
    "mate": {"DEFAULT": "mˈAt", OTHER: "mˈɑtˌA"},
    "minute": {"DEFAULT": "mˈɪnət", "ADJ": "mInˈut", OTHER: "mInˈut"},
    "mobile": {"DEFAULT": "mˈObᵊl", OTHER: "mObˈil"},
    "moped": {"DEFAULT": "mˈOpˌɛd", "VBD": "mˈOpt"},
    "nestle": {"DEFAULT": "nˈɛsᵊl", OTHER: "nˈɛsli"},
    "pasty": {"DEFAULT": "pˈAsti", OTHER: "pˈæsti"},
    "perfume": {"DEFAULT": "pˈɜɹfjˌum", "VERB": "pəɹfjˈum"},
    "polish": {"DEFAULT": "pˈɑlɪʃ"},
    "protest": {"DEFAULT": "pɹˈOtˌɛst", "VERB": "pɹətˈɛst"},
    "ravel": {"DEFAULT": "ɹˈævᵊl", OTHER: "ɹəvˈɛl"},
    "reading": {"DEFAULT": "ɹˈidɪŋ", OTHER: "ɹˈɛdɪŋ"},
    "recount": {"DEFAULT": "ɹikˈWnt", "NOUN": "ɹˈikˌWnt"},
    "resume": {"DEFAULT": "ɹəzˈum", "NOUN": "ɹˈɛzəmˌA"},
    "rodeo": {"DEFAULT": "ɹˈOdiˌO", OTHER: "ɹOdˈAO"},
    "sake": {"DEFAULT": "sˈAk", OTHER: "sˈɑki"},
    "tear": {"DEFAULT": "tˈɪɹ", "VERB": "tˈɛɹ", OTHER: "tˈɛɹ"},
}
_BRITISH: Final[Mapping[str, Mapping[str, str]]] = {
    "aged": {"DEFAULT": "ˈAʤd", "ADJ": "ˈAʤɪd"},
    "axes": {"DEFAULT": "ˈaksɪz", OTHER: "ˈaksiːz"},
    "bass": {"DEFAULT": "bˈAs", OTHER: "bˈas"},
    "blessed": {"DEFAULT": "blˈɛst", "ADJ": "blˈɛsɪd", "NNP": "blˈɛsɪd"},
    "bologna": {"DEFAULT": "bəlˈɒnjə", OTHER: "bəlˈQni"},
    "bow": {"DEFAULT": "bˈQ", "VERB": "bˈW", OTHER: "bˈW"},
    "celtic": {"DEFAULT": "kˈɛltɪk", OTHER: "sˈɛltɪk"},
    "export": {"DEFAULT": "ˈɛkspɔːt", "VERB": "ɪkspˈɔːt"},
    "expose": {"DEFAULT": "ɪkspˈQz", "NN": "ɛkspˈQzA"},
    "impact": {"DEFAULT": "ˈɪmpakt", "VERB": "ɪmpˈakt"},
    "implant": {"DEFAULT": "ˈɪmplɑːnt", "VERB": "ɪmplˈɑːnt"},
    "increment": {"DEFAULT": "ˈɪnkɹɪmᵊnt", "VERB": "ˈɪnkɹɪmɛnt"},
    "insert": {"DEFAULT": "ˈɪnsəːt", "VERB": "ɪnsˈɜːt"},
    "instrument": {"DEFAULT": "ˈɪnstɹʊmᵊnt", "VERB": "ˈɪnstɹʊmɛnt"},
    "jesus": {"DEFAULT": "ʤˈiːzəs", OTHER: "hAsˈuːs"},
    "job": {"DEFAULT": "ʤˈɒb", OTHER: "ʤˈQb"},
    "lead": {"DEFAULT": "lˈiːd", OTHER: "lˈɛd"},
    "mate": {"DEFAULT": "mˈAt", OTHER: "mˈatA"},
    "minute": {"DEFAULT": "mˈɪnɪt", "ADJ": "mInjˈuːt", OTHER: "mInjˈuːt"},
    "mobile": {"DEFAULT": "mˈQbIl", OTHER: "mQbˈiːl"},
    "moped": {"DEFAULT": "mˈQpɛd", "VBD": "mˈQpt"},
    "nestle": {"DEFAULT": "nˈɛsᵊl", OTHER: "nˈɛslA"},
    "pasty": {"DEFAULT": "pˈAsti", OTHER: "pˈasti"},
    "perfume": {"DEFAULT": "pˈɜːfjuːm", "VERB": "pəfjˈuːm"},
    "polish": {"DEFAULT": "pˈɒlɪʃ"},
    "protest": {"DEFAULT": "pɹˈQtɛst", "VERB": "pɹətˈɛst"},
    "ravel": {"DEFAULT": "ɹˈavᵊl", OTHER: "ɹavˈɛl"},
    "reading": {"DEFAULT": "ɹˈiːdɪŋ", OTHER: "ɹˈɛdɪŋ"},
    "recount": {"DEFAULT": "ɹɪkˈWnt", "NOUN": "ɹˈiːkWnt"},
    "resume": {"DEFAULT": "ɹɪzjˈuːm", "NOUN": "ɹˈɛzjuːmA"},
    "rodeo": {"DEFAULT": "ɹˈQdɪQ", OTHER: "ɹQdˈAQ"},
    "sake": {"DEFAULT": "sˈAk", OTHER: "sˈɑːki"},
    "tear": {"DEFAULT": "tˈɪə", "VERB": "tˈɛː", OTHER: "tˈɛː"},
}
_POLISH: Final = {False: ("pˈOlɪʃ", "pˈɑlɪʃ"), True: ("pˈQlɪʃ", "pˈɒlɪʃ")}


def add_pronunciations(words: dict[str, Any], *, is_british: bool) -> None:
    """Adds to misaki's dictionary, which maps a word to a pronunciation, or to several by part of speech."""
    for word, forms in words.items():
        # "A reject message": before a noun, the word sounds like a noun, even if it is tagged as an adjective.
        if isinstance(forms, dict) and "NOUN" in forms and word.lower() not in _TRUE_ADJECTIVES:
            words[word] = {"ADJ": forms["NOUN"], **forms}
    lacking = _BRITISH if is_british else _AMERICAN
    words |= lacking
    words |= {word.capitalize(): forms for word, forms in lacking.items()}
    nation, verb = _POLISH[is_british]
    words["Polish"] = {"DEFAULT": nation, "VERB": verb}


def corrected_tags(words: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Returns a sentence's tags with common mistakes corrected, and OTHER for words in their rarer meaning."""
    lower = [word.lower() for word in words]
    corrected = list(tags)
    for at in range(len(words)):
        corrected[at] = _part_of_speech(lower, corrected, at)
    near = frozenset(lower)
    for at, word in enumerate(lower):
        if (sense := SENSES.get(word)) is not None and _is_other(words, lower, corrected, at, sense, near):
            corrected[at] = OTHER
    return corrected


def _part_of_speech(words: Sequence[str], tags: Sequence[str], at: int) -> str:
    tag = tags[at]
    after = words[at + 1] if at + 1 < len(words) else ""
    after_tag = tags[at + 1] if at + 1 < len(words) else ""
    before = at - 1
    while before >= 0 and words[before] in _BETWEEN:
        before -= 1
    if before < 0 or words[before] in ("please", "“", '"'):
        # "Record the song." "Please excuse me."
        return "VB" if tag in _NEVER_A_VERB and after in _OBJECTS else tag
    word_before, tag_before = words[before], tags[before]
    if tag in _AS_NOUN and (word_before in _DETERMINERS or (word_before in _PREPOSITIONS and tag != "VBZ")):
        return _AS_NOUN[tag]
    if tag in ("VBD", "VBN") and words[at] == "moped" and word_before not in ("he", "she", "they", "who", "and"):
        return "NN"
    if words[at] == "aged":
        return "JJ" if after_tag in (*_NOUNS, "JJ") and word_before not in ("-", "middle") else "VBN"
    if tag in _BASE_VERBS and (word_before in _HAVE or (before and words[before - 1] in _HAVE and tag_before == "PRP")):
        return "VBN"  # "Have you read it?"
    if tag in _NEVER_A_VERB and words[at] not in ("do", "to"):
        if tag_before == "MD" or (word_before in _DO and before < at - 1):
            return "VB"
        if tag_before == "TO" or (word_before == "to" and after in _OBJECTS):
            return "VB"
        if word_before in _SUBJECTS and before > 0 and words[before - 1] in _DO:
            return "VB"
        if word_before in ("we", "they", "i") and tag_before == "PRP" and tag != "JJ":
            return "VBP"
        if tag == "NN" and tag_before == "NNS" and (after_tag in ("RB", "DT", "PRP$") or after in _OBJECTS):
            return "VBP"
        if tag == "NN" and after in _PERSONS and word_before not in _DETERMINERS and tag_before != "JJ":
            return "VBP"
        if tag_before == "CC" and before and tags[before - 1] == "VB" and tag == "NN":
            return "VB"
    if words[at] in _ADJECTIVES and tag in _BASE_VERBS and after_tag in (*_NOUNS, "JJ"):
        return tag if tag_before in ("TO", "MD", "PRP", "NNS") else "JJ"
    return tag


def _is_other(
    words: Sequence[str], lower: Sequence[str], tags: Sequence[str], at: int, sense: _Sense, near: frozenset[str]
) -> bool:
    before = lower[at - 1] if at else ""
    after = lower[at + 1] if at + 1 < len(lower) else ""
    if sense.is_name and not (at and words[at].istitle() and tags[at] in ("NNP", "NNPS")):
        return False
    if before in sense.before or after in sense.after:
        return True
    if lower[at] == "jesus":  # the first name of a person with a family name
        return after not in _OF_NAZARETH and words[at + 1 : at + 2] != [] and tags[at + 1] == "NNP"
    if lower[at] == "sake" and (before in _FOR_THE_SAKE or before.endswith(("'s", "’s", "s'", "s’"))):
        return False
    if sense.is_name and not sense.near:
        return True
    if sense.tags and tags[at] not in sense.tags:
        return False
    return not sense.near.isdisjoint(near)
