"""The Italian words for months, money, units and symbols."""

import re
from typing import Final

from speech.text.rules import read_table, split_words

MONTHS: Final = split_words(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
)
MONTH_NUMBERS: Final = {
    **{month: number for number, month in enumerate(MONTHS, 1)},
    **{f"{month[:3]}.": number for number, month in enumerate(MONTHS, 1)},
}
CURRENCIES: Final = read_table("""
    € eur|euro|euro|m|centesimo|centesimi
    $|dollaro|dollari|m|centesimo|centesimi
    us$ usd|dollaro statunitense|dollari statunitensi|m|centesimo|centesimi
    £ gbp|sterlina|sterline|f|penny|pence
    ¥ jpy|yen|yen|m
    cny|yuan|yuan|m
    ₩|won|won|m
    ₹ inr|rupia|rupie|f
    chf|franco svizzero|franchi svizzeri|m|centesimo|centesimi
    rub ₽|rublo|rubli|m|copeco|copechi
    ₺|lira turca|lire turche|f
    ₿ btc|bitcoin|bitcoin|m
""")
UNITS: Final = read_table("""
    %|percento|percento|
    ‰|per mille|per mille|
    km|chilometro|chilometri
    m|metro|metri
    dm|decimetro|decimetri
    cm|centimetro|centimetri
    mm|millimetro|millimetri
    μm|micrometro|micrometri
    nm|nanometro|nanometri
    mi|miglio|miglia
    ft|piede|piedi
    km² km2|chilometro quadrato|chilometri quadrati
    m² m2 mq|metro quadrato|metri quadrati
    cm² cm2 cmq|centimetro quadrato|centimetri quadrati
    m³ m3 mc|metro cubo|metri cubi
    cm³ cm3|centimetro cubo|centimetri cubi
    ha|ettaro|ettari
    kg|chilogrammo|chilogrammi
    hg|ettogrammo|ettogrammi
    g gr|grammo|grammi
    mg|milligrammo|milligrammi
    t|tonnellata|tonnellate|f
    lb lbs|libbra|libbre|f
    oz|oncia|once|e
    l L|litro|litri
    dl|decilitro|decilitri
    cl|centilitro|centilitri
    ml|millilitro|millilitri
    h|ora|ore|e
    min|minuto|minuti
    s sec|secondo|secondi
    ms|millisecondo|millisecondi
    km/h kmh|chilometro all'ora|chilometri all'ora
    m/s|metro al secondo|metri al secondo
    mph|miglio all'ora|miglia all'ora
    mbps mbit/s mb/s|megabit al secondo|megabit al secondo
    °|grado|gradi
    °c ºc ℃|grado celsius|gradi celsius
    °f ºf ℉|grado fahrenheit|gradi fahrenheit
    °k|grado kelvin|gradi kelvin
    K|kelvin|kelvin
    hz|hertz|hertz
    khz|chilohertz|chilohertz
    mhz|megahertz|megahertz
    ghz|gigahertz|gigahertz
    kb|kilobyte|kilobyte
    mb|megabyte|megabyte
    gb|gigabyte|gigabyte
    tb|terabyte|terabyte
    W|watt|watt
    kw|chilowatt|chilowatt
    mw|megawatt|megawatt
    kwh|chilowattora|chilowattora
    V|volt|volt
    A|ampere|ampere
    kcal|chilocaloria|chilocalorie|f
    cal|caloria|calorie|f
    bar|bar|bar
    hpa|ettopascal|ettopascal
    db|decibel|decibel
""")
ABBREVIATIONS: Final = """
    avv.|avvocato
    sig.na|signorina
    sig.ra|signora
    sig.re|signore
    sigg.|signori
    sig.|signor
    dott.ssa|dottoressa
    dott.|dottor
    dr.|dottor
    prof.ssa|professoressa
    prof.|professor
    ing.|ingegnere
    arch.|architetto
    geom.|geometra
    rag.|ragioniere
    gen.|generale
    ecc.|eccetera|.
    p. es.|per esempio
    ad es.|ad esempio
    a. C.|avanti Cristo|.
    d. C.|dopo Cristo|.
    n.|numero
    n°|numero
    nº|numero
    pag.|pagina
    pagg.|pagine
    tel.|telefono
    p.zza|piazza
    c.so|corso
    v.le|viale
"""
WORDS: Final = {
    "minus": "meno",
    "plus": "più",
    "to": "a",
    "comma": "virgola",
    "point": "punto",
    "times": "per",
    "divided": "diviso",
    "slash": "del",
    "is": "uguale a",
    "extension": "interno",
}
SIGNS: Final = {
    "@": "chiocciola",
    "/": "slash",
    ":": "due punti",
    "-": "trattino",
    "_": "trattino basso",
    "|": "barra verticale",
    "?": "punto interrogativo",
    "!": "punto esclamativo",
    "=": "uguale",
    "&": "e commerciale",
    "#": "cancelletto",
    "%": "percento",
    "+": "più",
    "it": "IT",
    "us": "US",
    "eu": "EU",
    "py": "python",
}
# Words that are numbered in Roman numerals, with a masculine ordinal; after a name, it is a king's or a pope's.
COUNTED: Final = split_words("capitolo secolo tomo volume atto libro titolo canto grado tipo")
FUNCTION_WORDS: Final = frozenset(
    split_words(
        "a e di da del della dei delle in con su per che o al alla i il la le un una è ha sono era non ogni tra fra "
        "solo ma se come più meno ancora anche può fa vince dopo prima"
    )
)
FEMININE_NOUN: Final = re.compile(
    r"(a|[zsgn]ione|stione|zone|notte|volte?|parte|classe|madre|moglie|tà|tù|mano|foto|moto|auto|radio|chiave|legge|luce|voce|"
    r"croce|nave|serie|specie|crisi|tesi|analisi|rete|sede|fonte|morte|mente|gente|fine|frase|base|fase|torre|carne|neve)$"
)
MASCULINE_IN_A: Final = re.compile(
    r"(problema|tema|programma|gramma|clima|dramma|schema|poema|panorama|fantasma|trauma|diploma|enigma|pianeta|poeta|papa|"
    r"cinema|pigiama|ista|atleta|emblema|dilema|aroma|sintomo)$"
)
FEMININE: Final = split_words("parte fase sezione guerra scena legislatura sinfonia dinastia repubblica")
NAMES: Final = split_words(
    """
    Luigi Carlo Francesco Enrico Filippo Napoleone Giovanni Paolo Pio Benedetto Gregorio Clemente Innocenzo Leone
    Elisabetta Caterina Guglielmo Edoardo Giorgio Giacomo Riccardo Alberto Federico Nicola Alessandro Pietro Umberto
    Vittorio Emanuele Amedeo Ferdinando Cosimo Sisto Urbano Adriano
    """
)
