"""The French words for months, money, units and symbols."""

import re
from typing import Final

from speech.text.rules import read_table, split_words

MONTHS: Final = split_words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
MONTH_NUMBERS: Final = {
    **{month: number for number, month in enumerate(MONTHS, 1)},
    "janv.": 1,
    "févr.": 2,
    "avr.": 4,
    "juil.": 7,
    "sept.": 9,
    "oct.": 10,
    "nov.": 11,
    "déc.": 12,
}
CURRENCIES: Final = read_table("""
    € eur|euro|euros|m|centime|centimes
    $|dollar|dollars|m|cent|cents
    us$ usd $us|dollar américain|dollars américains|m|cent|cents
    cad ca$|dollar canadien|dollars canadiens|m|cent|cents
    aud|dollar australien|dollars australiens|m|cent|cents
    £ gbp|livre|livres|f|penny|pence
    ¥ jpy|yen|yens|m
    cny|yuan|yuans|m
    ₩|won|wons|m
    ₹ inr|roupie|roupies|f|paisa|paisas
    chf|franc suisse|francs suisses|m|centime|centimes
    fcfa cfa xof xaf|franc CFA|francs CFA|m
    mad|dirham|dirhams|m|centime|centimes
    dzd|dinar algérien|dinars algériens|m|centime|centimes
    tnd|dinar tunisien|dinars tunisiens|m
    rub ₽|rouble|roubles|m|kopeck|kopecks
    ₺|livre turque|livres turques|f
    ₿ btc|bitcoin|bitcoins|m
""")
UNITS: Final = read_table("""
    %|pour cent|pour cent|
    ‰|pour mille|pour mille|
    km|kilomètre|kilomètres
    m|mètre|mètres
    dm|décimètre|décimètres
    cm|centimètre|centimètres
    mm|millimètre|millimètres
    μm|micromètre|micromètres
    nm|nanomètre|nanomètres
    mi|mile|miles
    ft|pied|pieds
    km² km2|kilomètre carré|kilomètres carrés
    m² m2|mètre carré|mètres carrés
    cm² cm2|centimètre carré|centimètres carrés
    m³ m3|mètre cube|mètres cubes
    cm³ cm3|centimètre cube|centimètres cubes
    ha|hectare|hectares
    kg|kilogramme|kilogrammes
    g|gramme|grammes
    mg|milligramme|milligrammes
    t|tonne|tonnes|f
    lb lbs|livre|livres|f
    oz|once|onces|f
    l L|litre|litres
    dl|décilitre|décilitres
    cl|centilitre|centilitres
    ml|millilitre|millilitres
    min mn|minute|minutes|f
    s sec|seconde|secondes|f
    ms|milliseconde|millisecondes|f
    km/h kmh|kilomètre heure|kilomètres heure
    m/s|mètre par seconde|mètres par seconde
    mph|mile par heure|miles par heure
    mbps mbit/s mb/s|mégabit par seconde|mégabits par seconde
    °|degré|degrés
    °c ºc ℃|degré Celsius|degrés Celsius
    °f ºf ℉|degré Fahrenheit|degrés Fahrenheit
    °k|degré Kelvin|degrés Kelvin
    hz|hertz|hertz
    khz|kilohertz|kilohertz
    mhz|mégahertz|mégahertz
    ghz|gigahertz|gigahertz
    ko kb|kilooctet|kilooctets
    mo mb|mégaoctet|mégaoctets
    go gb|gigaoctet|gigaoctets
    to tb|téraoctet|téraoctets
    W|watt|watts
    kw|kilowatt|kilowatts
    mw|mégawatt|mégawatts
    kwh|kilowattheure|kilowattheures
    V|volt|volts
    A|ampère|ampères
    kcal|kilocalorie|kilocalories|f
    cal|calorie|calories|f
    bar|bar|bars
    hpa|hectopascal|hectopascals
    db|décibel|décibels
""")
ABBREVIATIONS: Final = """
    Mr|monsieur
    Mr.|monsieur
    MM.|messieurs
    Mme|madame
    Mmes|mesdames
    Mᵐᵉ|madame
    Mᵐᵉˢ|mesdames
    Mlle|mademoiselle
    Mlles|mesdemoiselles
    Mˡˡᵉ|mademoiselle
    Mˡˡᵉˢ|mesdemoiselles
    Dr|docteur
    Dr.|docteur
    Drs|docteurs
    Dʳ|docteur
    Dʳˢ|docteurs
    Dʳᵉ|docteure
    Dʳᵉˢ|docteures
    Pr|professeur
    Pr.|professeur
    Pʳ|professeur
    Prof.|professeur
    Mgr|monseigneur
    Mᵍʳ|monseigneur
    Mᵉ|maître
    Ste|sainte
    bd.|boulevard
    bld.|boulevard
    av.|avenue
    tél.|téléphone
    etc.|et cetera|.
    p. ex.|par exemple
    c.-à-d.|c'est-à-dire
    av. J.-C.|avant Jésus-Christ|.
    ap. J.-C.|après Jésus-Christ|.
    n°|numéro
    n°s|numéros
    nº|numéro
"""
SHORT_BEFORE_NUMBERS: Final = {"art": "article", "chap": "chapitre", "env": "environ"}
# Nouns that are counted with "une".
FEMININE: Final = re.compile(
    r"([ts]ion|xion|té|ette|ance|ence|euse|trice|esse|ade|elle|enne|ée|aine|^(fois|heure|minute|seconde|année|page|personne|"
    r"femme|fille|sœur|mère|tante|cousine|voiture|maison|chose|place|ville|rue|table|chaise|tasse|cuillère|goutte|gélule|"
    r"gousse|tranche|feuille|pomme|carotte|tomate|poire|banane|orange|fraise|nuit|bouteille|boîte|carte|lettre|réponse|"
    r"victoire|défaite|étoile|chambre|pièce|école|classe|équipe|ligne|saison|porte|robe|tonne|main|fleur|langue|histoire|"
    r"bière|pizza|photo|vidéo|moto|dent|voix|clé|gare|route|île|église|image|marque|branche|copie|demande|place|dose|"
    r"vie|partie|série|sortie|copie|ampoule|balle|bombe|barre|base|phrase|course|piste|étape|mine|machine|usine|vitamine))"
    r"s?$"
)
MASCULINE: Final = re.compile(
    r"^(été|côté|comité|traité|pâté|silence|musée|lycée|trophée|stade|grade|squelette|domaine|million)s?$"
)
WORDS: Final = {
    "minus": "moins",
    "plus": "plus",
    "to": "à",
    "comma": "virgule",
    "point": "point",
    "times": "fois",
    "divided": "divisé par",
    "slash": "barre oblique",
    "is": "égale",
    "extension": "poste",
}
SIGNS: Final = {
    "@": "arobase",
    "/": "barre oblique",
    ":": "deux points",
    "-": "tiret",
    "_": "tiret bas",
    "|": "barre verticale",
    "?": "point d'interrogation",
    "!": "point d'exclamation",
    "=": "égale",
    "&": "et",
    "#": "dièse",
    "%": "pour cent",
    "+": "plus",
}
# Words that are numbered in Roman numerals; after a name, the numeral is a king's or a pope's.
COUNTED: Final = split_words(
    "chapitre tome volume acte scène livre partie article titre annexe type phase niveau guerre"
)
NAMES: Final = split_words(
    """
    Louis Charles François Henri Philippe Napoléon Jean Paul Pie Benoît Grégoire Clément Innocent Léon Élisabeth
    Elizabeth Catherine Guillaume Édouard George Georges Jacques Richard Albert Léopold Frédéric Nicolas Alexandre
    Pierre Ramsès Baudouin
    """
)
