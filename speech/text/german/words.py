"""The German words for months, money, units and symbols."""

import re
from typing import Final

from speech.text.rules import read_table, split_words

MONTHS: Final = split_words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
MONTH_NUMBERS: Final = {
    **{month.lower(): number for number, month in enumerate(MONTHS, 1)},
    **{f"{month[:3].lower()}.": number for number, month in enumerate(MONTHS, 1) if len(month) > 3},
    "jänner": 1,
    "sept.": 9,
}
CURRENCIES: Final = read_table("""
    € eur euro|Euro|Euro|m|Cent|Cent
    $|Dollar|Dollar|m|Cent|Cent
    us$ usd|US-Dollar|US-Dollar|m|Cent|Cent
    £ gbp|Pfund|Pfund|n|Penny|Pence
    ¥ jpy|Yen|Yen|m
    cny|Yuan|Yuan|m
    ₩|Won|Won|m
    ₹ inr|Rupie|Rupien|f
    chf sfr|Franken|Franken|m|Rappen|Rappen
    rub ₽|Rubel|Rubel|m|Kopeke|Kopeken
    ₺|Lira|Lira|f
    ₿ btc|Bitcoin|Bitcoin|m
""")
UNITS: Final = read_table("""
    %|Prozent|Prozent|m
    ‰|Promille|Promille|m
    km|Kilometer|Kilometer
    m|Meter|Meter
    cm|Zentimeter|Zentimeter
    mm|Millimeter|Millimeter
    μm|Mikrometer|Mikrometer
    nm|Nanometer|Nanometer
    mi|Meile|Meilen|f
    ft|Fuß|Fuß
    km² km2 qkm|Quadratkilometer|Quadratkilometer
    m² m2 qm|Quadratmeter|Quadratmeter
    cm² cm2|Quadratzentimeter|Quadratzentimeter
    m³ m3|Kubikmeter|Kubikmeter
    cm³ cm3|Kubikzentimeter|Kubikzentimeter
    ha|Hektar|Hektar
    kg|Kilogramm|Kilogramm
    g|Gramm|Gramm
    mg|Milligramm|Milligramm
    t|Tonne|Tonnen|f
    lb lbs|Pfund|Pfund
    oz|Unze|Unzen|f
    l L|Liter|Liter
    dl|Deziliter|Deziliter
    cl|Zentiliter|Zentiliter
    ml|Milliliter|Milliliter
    h std std.|Stunde|Stunden|f
    min min.|Minute|Minuten|f
    s sek sek.|Sekunde|Sekunden|f
    ms|Millisekunde|Millisekunden|f
    km/h kmh|Kilometer pro Stunde|Kilometer pro Stunde
    m/s|Meter pro Sekunde|Meter pro Sekunde
    mph|Meile pro Stunde|Meilen pro Stunde|f
    /m²|pro Quadratmeter|pro Quadratmeter|
    /km²|pro Quadratkilometer|pro Quadratkilometer|
    mbit/s mb/s|Megabit pro Sekunde|Megabit pro Sekunde
    °|Grad|Grad
    °c ºc ℃|Grad Celsius|Grad Celsius
    °f ºf ℉|Grad Fahrenheit|Grad Fahrenheit
    °k|Grad Kelvin|Grad Kelvin
    hz|Hertz|Hertz
    khz|Kilohertz|Kilohertz
    mhz|Megahertz|Megahertz
    ghz|Gigahertz|Gigahertz
    kb|Kilobyte|Kilobyte
    mb|Megabyte|Megabyte
    gb|Gigabyte|Gigabyte
    tb|Terabyte|Terabyte
    W|Watt|Watt
    kw|Kilowatt|Kilowatt
    MW|Megawatt|Megawatt
    kwh|Kilowattstunde|Kilowattstunden|f
    V|Volt|Volt
    mv mV|Millivolt|Millivolt
    A|Ampere|Ampere
    kcal|Kilokalorie|Kilokalorien|f
    cal|Kalorie|Kalorien|f
    bar|Bar|Bar
    hpa|Hektopascal|Hektopascal
    db|Dezibel|Dezibel
    PS|P S|P S
""")
ABBREVIATIONS: Final = """
    z. B.|zum Beispiel
    d. h.|das heißt
    u. a.|unter anderem
    u. Ä.|und Ähnliches|.
    i. d. R.|in der Regel
    v. a.|vor allem
    z. T.|zum Teil
    u. U.|unter Umständen
    s. o.|siehe oben|.
    s. u.|siehe unten|.
    v. Chr.|vor Christus|.
    n. Chr.|nach Christus|.
    usw.|und so weiter|.
    etc.|et cetera|.
    bzw.|beziehungsweise
    ca.|circa
    evtl.|eventuell
    ggf.|gegebenenfalls
    inkl.|inklusive
    exkl.|exklusive
    zzgl.|zuzüglich
    vgl.|vergleiche
    bspw.|beispielsweise
    sog.|sogenannte
    Nr.|Nummer
    Dr.|Doktor
    Prof.|Professor
    Hr.|Herr
    Hrn.|Herrn
    Mr.|Mister
    Ms.|Miss
    Mrs.|Misses
    St.|Sankt
    Abb.|Abbildung
    Bd.|Band
    Kap.|Kapitel
    Tel.|Telefon
    Jh.|Jahrhundert|.
    Jhd.|Jahrhundert|.
    Str.|Straße
"""
WORDS: Final = {
    "minus": "minus",
    "plus": "plus",
    "to": "bis",
    "comma": "Komma",
    "point": "Punkt",
    "times": "mal",
    "divided": "geteilt durch",
    "is": "gleich",
    "extension": "Durchwahl",
    "score": "zu",
}
SIGNS: Final = {
    "@": "at",
    "/": "Slash",
    ":": "Doppelpunkt",
    "-": "Bindestrich",
    "_": "Unterstrich",
    "|": "senkrechter Strich",
    "?": "Fragezeichen",
    "!": "Ausrufezeichen",
    "=": "Gleichheitszeichen",
    "&": "und",
    "#": "Raute",
    "%": "Prozent",
    "+": "plus",
    "gmail": "g mail",
}
# Words before a day or another ordinal → the ordinal's ending.
ENDINGS: Final = {
    **dict.fromkeys(
        split_words(
            """
            am vom zum beim im dem den des zur einem einen eines einer seinem seinen seiner ihrem ihren ihrer meinem
            meinen meiner deinem deinen deiner unserem unseren unserer diesem diesen jedem jeden keinem keinen
            """
        ),
        "n",
    ),
    **dict.fromkeys(split_words("der die das ins ans aufs fürs dieser dieses diese jeder jedes"), ""),
    **dict.fromkeys(split_words("ein mein dein sein ihr unser kein"), "r"),
    **dict.fromkeys(split_words("eine meine deine seine ihre unsere keine jede"), ""),
}
DATIVE: Final = frozenset(split_words("mit bei in an auf aus von zu nach seit vor unter während wegen trotz hinter"))
NEUTER: Final = re.compile(
    r"(Kind|[Jj]ahr|Mal|[Ss]piel|[Bb]uch|[Hh]aus|Auto|Tor|Semester|Quartal|Viertel|Drittel|Kapitel|Album|Baby|[Tt]reffen|"
    r"Jahrhundert|Jubiläum|Wochenende|Opfer|Team|Zimmer|Bier|Glas|Stück|Studium|Lied|Bild|Ei|Tier|Gebot)$"
)
MASCULINE_IN_E: Final = re.compile(
    r"(Name|Junge|Kunde|[Kk]ollege|Käse|Hase|Löwe|Affe|Ende|Auge|Interesse|Gebäude|Gemüse|Gedanke|Buchstabe|Deutsche|"
    r"[Aa]ngestellte|Streik|Flur|Abitur|Russe|Pole|Türke|Experte|Pate|Neffe|Insasse|Bote|"
    r"Schütze|Wille|Glaube|Tote|Verletzte|Riese|[Aa]bgeordnete|Vorsitzende|Franzose|Chinese|Beamte|Geborene|Zeuge|Erbe|Kaffee|Tee|See|Schnee)$"
)
COUNTED: Final = split_words("Kapitel Band Teil Akt Artikel Weltkrieg Typ Phase Stufe Klasse Buch")
NAMES: Final = split_words(
    """
    Ludwig Karl Friedrich Heinrich Wilhelm Otto Franz Philipp Napoleon Johannes Paul Pius Benedikt Gregor Clemens Leo
    Elisabeth Katharina Eduard Georg Jakob Richard Albert Nikolaus Alexander Peter Ferdinand Maximilian Leopold Joseph
    Konrad Rudolf August Christian Gustav
    """
)
# Words before a four-digit number that is a year.
YEAR_WORDS: Final = split_words(
    "Jahr Jahre Jahres Jahren seit Seit bis ab Ab um Um Anfang Mitte Ende Sommer Winter Herbst Frühjahr Anno Januar "
    "Februar März April Mai Juni Juli August September Oktober November Dezember"
)
YEAR_VERBS: Final = (
    "wurden?|waren?|kam|kamen|ging|begann|endete|starb|brach|gründeten?|zog|erschien|fand|gewann|heiratete"
)
