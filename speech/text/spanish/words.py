"""The Spanish words for months, money, units and symbols."""

import re
from typing import Final

from speech.text.rules import read_table, split_words

MONTHS: Final = split_words(
    """
    enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
    """
)
MONTH_NUMBERS: Final = {
    **{month: number for number, month in enumerate(MONTHS, 1)},
    **{month[:3]: number for number, month in enumerate(MONTHS, 1)},
    "sept": 9,
    "setiembre": 9,
}
CURRENCIES: Final = read_table("""
    $|dólar|dólares|m|centavo|centavos
    us$ usd u$s|dólar estadounidense|dólares estadounidenses|m|centavo|centavos
    € eur|euro|euros|m|céntimo|céntimos
    £ gbp|libra|libras|f|penique|peniques
    ¥|yen|yenes|m|centavo|centavos
    jpy|yen japonés|yenes japoneses|m
    ₩|won|wones|m
    ₹ rs inr|rupia|rupias|f|paisa|paisas
    ₡ crc|colón|colones|m|céntimo|céntimos
    ₧|peseta|pesetas|f|céntimo|céntimos
    fr|franco|francos|m|céntimo|céntimos
    chf|franco suizo|francos suizos|m|céntimo|céntimos
    kr|corona|coronas|f
    mk|marco|marcos|m
    nio c$|córdoba|córdobas|f|centavo|centavos
    hkd|dólar de hong kong|dólares de hong kong|m|centavo|centavos
    cad|dólar canadiense|dólares canadienses|m|centavo|centavos
    aud|dólar australiano|dólares australianos|m|centavo|centavos
    awg|florín arubeño|florines arubeños|m|centavo|centavos
    brl r$|real brasileño|reales brasileños|m|centavo|centavos
    q Q gtq|quetzal|quetzales|m|centavo|centavos
    mxn|peso mexicano|pesos mexicanos|m|centavo|centavos
    ars|peso argentino|pesos argentinos|m|centavo|centavos
    clp|peso chileno|pesos chilenos|m
    cop|peso colombiano|pesos colombianos|m|centavo|centavos
    uyu|peso uruguayo|pesos uruguayos|m|centavo|centavos
    dop|peso dominicano|pesos dominicanos|m|centavo|centavos
    cup|peso cubano|pesos cubanos|m|centavo|centavos
    pen s/|sol|soles|m|céntimo|céntimos
    bob|boliviano|bolivianos|m|centavo|centavos
    pyg ₲|guaraní|guaraníes|m
    hnl|lempira|lempiras|m|centavo|centavos
    pab|balboa|balboas|m|centésimo|centésimos
    ves bs|bolívar|bolívares|m|céntimo|céntimos
    cny|yuan|yuanes|m
    rub ₽|rublo|rublos|m|kopek|kopeks
    try ₺|lira turca|liras turcas|f
    ₿ btc|bitcoin|bitcoins|m
""")
UNITS: Final = read_table("""
    %|por ciento|por ciento|
    ‰|por mil|por mil|
    km|kilómetro|kilómetros
    m|metro|metros
    cm|centímetro|centímetros
    mm|milímetro|milímetros
    μm|micrómetro|micrómetros
    nm|nanómetro|nanómetros
    mi|milla|millas|f
    ft|pie|pies
    yd|yarda|yardas|f
    km² km2|kilómetro cuadrado|kilómetros cuadrados
    m² m2|metro cuadrado|metros cuadrados
    cm² cm2|centímetro cuadrado|centímetros cuadrados
    m³ m3|metro cúbico|metros cúbicos
    cm³ cm3 cc|centímetro cúbico|centímetros cúbicos
    ha|hectárea|hectáreas|f
    kg|kilogramo|kilogramos
    g gr|gramo|gramos
    mg|miligramo|miligramos
    t|tonelada|toneladas|f
    lb lbs|libra|libras|f
    oz|onza|onzas|f
    l L|litro|litros
    dl|decilitro|decilitros
    cl|centilitro|centilitros
    ml|mililitro|mililitros
    h|hora|horas|f
    min|minuto|minutos
    s seg|segundo|segundos
    ms|milisegundo|milisegundos
    km/h kph kmh|kilómetro por hora|kilómetros por hora
    m/s|metro por segundo|metros por segundo
    mph|milla por hora|millas por hora|f
    mbps mb/s|megabit por segundo|megabits por segundo
    °|grado|grados
    °c ºc ℃|grado celsius|grados celsius
    °f ºf ℉|grado fahrenheit|grados fahrenheit
    °k|grado kelvin|grados kelvin
    hz|hercio|hercios
    khz|kilohercio|kilohercios
    mhz|megahercio|megahercios
    ghz|gigahercio|gigahercios
    kb|kilobyte|kilobytes
    mb|megabyte|megabytes
    gb|gigabyte|gigabytes
    tb|terabyte|terabytes
    W|vatio|vatios
    kw|kilovatio|kilovatios
    mw|megavatio|megavatios
    kwh|kilovatio hora|kilovatios hora
    V|voltio|voltios
    A|amperio|amperios
    kcal|kilocaloría|kilocalorías|f
    cal|caloría|calorías|f
    bar|bar|bares
    hpa|hectopascal|hectopascales
    db|decibelio|decibelios
""")
ABBREVIATIONS: Final = """
    sr.|señor
    sra.|señora
    srta.|señorita
    sres.|señores
    dr.|doctor
    dra.|doctora
    dña.|doña
    prof.|profesor
    profa.|profesora
    lic.|licenciado
    ing.|ingeniero
    arq.|arquitecto
    gral.|general
    ud.|usted|.
    uds.|ustedes|.
    avda.|avenida
    av.|avenida
    pág.|página
    págs.|páginas
    tel.|teléfono
    aprox.|aproximadamente
    etc.|etcétera|.
    EE. UU.|Estados Unidos|.
    p. ej.|por ejemplo
    a. C.|antes de Cristo|.
    d. C.|después de Cristo|.
    c.º b.|camino bajo
    n.º|número
    nº|número
    n°|número
    núm.|número
    nro.|número
"""
FUNCTION_WORDS: Final = frozenset(
    split_words("""
        a al con de del en es o para por que sin sobre un una y e u ni se la las los les nos menos más tras antes
        después
        está están fue fueron era eran tiene tienen ha han hay puede hace sigue queda ganó cuando donde pero porque
        mientras hasta desde entre según contra aún ya muy así también solo no como si cada
        entonces
        """)
)
MASCULINE_IN_A: Final = re.compile(
    r"(^(medio)?día|mapa|planeta|cometa|sofá|poeta|atleta|dálmata|ista|tema|problema|emblema|dilema|esquema|poema|idioma|"
    r"aroma|síntoma|diploma|axioma|cromosoma|clima|enigma|dogma|estigma|fantasma|drama|panorama|pijama|trauma|grama)s?$"
)
FEMININE: Final = re.compile(
    r"(as?|ci[oó]n(es)?|si[oó]n(es)?|dad(es)?|tad(es)?|tud(es)?|[gx]i[oó]n(es)?|umbres?|noches?|"
    r"tardes?|veces|vez|mujer(es)?|fotos?|manos?|motos?|clases?|partes?|calles?|frases?|bases?|fases?|llaves?|series?|"
    r"im[aá]gen(es)?|torres?|fuentes?|nubes?|muertes?|red(es)?|flor(es)?|señal(es)?|ley(es)?|raz[oó]n(es)?|dosis|crisis|"
    r"tesis|voz|voces|luz|luces|paredes|pared|sed|hambre)$"
)
STRESSED_A: Final = frozenset(split_words("agua águila arma aula área alma hacha ala ave arpa ancla hada"))  # "un agua"


WORDS: Final = {
    "minus": "menos",
    "plus": "más",
    "to": "a",
    "comma": "coma",
    "point": "punto",
    "times": "por",
    "divided": "entre",
    "slash": "barra",
    "is": "es igual a",
    "extension": "extensión",
}
SIGNS: Final = {
    "@": "arroba",
    "/": "barra",
    ":": "dos puntos",
    "-": "guion",
    "_": "guion bajo",
    "|": "barra vertical",
    "?": "signo de interrogación",
    "=": "igual",
    "&": "y",
    "#": "almohadilla",
    "%": "por ciento",
    "+": "más",
}
QUEENS: Final = frozenset(split_words("Isabel María Catalina Juana Ana Cristina Victoria Margarita Leonor Beatriz"))
EVENTS: Final = "guerra|república|congreso|cumbre|edición|feria|jornadas?|premio|torneo|festival|internacional"
COUNTED: Final = frozenset(split_words("siglo siglos capítulo tomo volumen título acto parte fase tipo nivel"))
NAMES: Final = split_words(
    """
    Luis Carlos Felipe Fernando Alfonso Isabel Pablo Pío Benedicto Gregorio Enrique Jorge Pedro Juan Francisco
    León Sancho Ramiro Napoleón Guillermo Ricardo Eduardo Jaime
    """
)
