"""Lists abbreviations that the sentence splitter lacks: the full stop after them does not end a sentence.

sentencex has its own lists for most languages, in its compiled part. These were found missing by testing, in the
languages of the natural voices. All are in lower case, and only the last word before a break is looked up.
"""

from typing import Final

# Never at the end of a sentence: titles before names, and words that introduce something.
BEFORE_ANY: Final = {
    "de": "bzw ca dr evtl fr ggf hr inkl prof st vgl",
    "en": "adm approx brig capt cf cmdr col cpl dr e.g fr gen gov hon i.e lt maj messrs mr mrs ms mt pres "
    "prof pvt rep rev sen sgt viz vs",
    "es": "aprox arq av avda cap cía d dña dr dra dres exc excmo fr gral ing lic p.ej pdte prof profa pza sr sra sres "
    "srta sta sto ud uds vd",
    "fr": "bd boul cf chap dr env fg m mgr mlle mlles mm mme mmes me p.ex pr prof st ste vs",
    "hi": "डॉ श्री श्रीमती सुश्री प्रो पं स्व कु रु नं मो",
    "it": "arch avv ca cav cfr dott dott.ssa dr egr geom gent ing mons on p.es prof prof.ssa rag rev s sig sig.ra "
    "sig.na sigg spett",
    "pt": "aprox arq av d dep dr dra drs eng exma exmo gen ilmo p.ex pe pç prof profa rev sr sra srs srta sta sto "
    "trav v.exa vs",
}
# Only before a number or a lower-case letter, because these are also words or other abbreviations.
BEFORE_NUMBER: Final = {
    "de": "abb abs art bd kap nr nrn s str tel",
    "en": "art ch chap cl eq est ext fig figs no nos op p pg pp para pt sec tel vol vols v",
    "es": "art cap fig n núm núms no nro p pág págs pp tel vol",
    "fr": "art chap fig n no nos num p pp tél vol",
    "hi": "पृ सं क्र अनु",
    "it": "art cap fig n nn num p pag pagg pp tel vol",
    "pt": "art cap fig n no núm p pág págs pp tel vol",
}


def _words(table: dict[str, str]) -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in table.items()}


_ANY: Final = _words(BEFORE_ANY)
_NUMBER: Final = _words(BEFORE_NUMBER)


def goes_on(sentence: str, following: str, language: str) -> bool:
    """Whether the sentence continues, because it was cut after an abbreviation. `language` is a two-letter code."""
    words = sentence.rstrip()
    if not words or "\n" in sentence[len(words) :]:
        return False
    if len(words) == len(sentence) and following[:1] in "-ºª°":  # "av. J.-C.", "n.º 5"
        return True
    if not words.endswith(".") or words.endswith(".."):
        return False
    start = max(words.rfind(space, 0, -1) for space in " \t\n\u00a0\u202f") + 1
    word = words[start:-1].lstrip("([{\"'“‘«¿¡").lower()
    if word in _ANY.get(language, ()):
        return True
    return (following[:1].isdigit() or following[:1].islower()) and word in _NUMBER.get(language, ())
