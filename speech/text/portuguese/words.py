"""The Portuguese words for months, money, units and symbols."""

import re
from typing import Final

from speech.text.rules import read_table, split_words

MONTHS: Final = split_words("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro")
MONTH_NUMBERS: Final = {
    **{month: number for number, month in enumerate(MONTHS, 1)},
    **{f"{month[:3]}.": number for number, month in enumerate(MONTHS, 1)},
}
CURRENCIES: Final = read_table("""
    r$ brl|real|reais|m|centavo|centavos
    $|dólar|dólares|m|centavo|centavos
    us$ usd|dólar americano|dólares americanos|m|centavo|centavos
    cad|dólar canadense|dólares canadenses|m|centavo|centavos
    € eur|euro|euros|m|centavo|centavos
    £ gbp|libra esterlina|libras esterlinas|f|pêni|pence
    ¥ jpy|iene|ienes|m
    cny|yuan|yuans|m
    ₩|won|wons|m
    ₹ inr|rupia|rupias|f
    chf|franco suíço|francos suíços|m|cêntimo|cêntimos
    ars|peso argentino|pesos argentinos|m|centavo|centavos
    mxn|peso mexicano|pesos mexicanos|m|centavo|centavos
    aoa kz|kwanza|kwanzas|m|cêntimo|cêntimos
    mzn|metical|meticais|m
    rub ₽|rublo|rublos|m
    ₺|lira turca|liras turcas|f
    ₿ btc|bitcoin|bitcoins|m
""")
UNITS: Final = read_table("""
    %|por cento|por cento|
    ‰|por mil|por mil|
    km|quilômetro|quilômetros
    m|metro|metros
    cm|centímetro|centímetros
    mm|milímetro|milímetros
    μm|micrômetro|micrômetros
    nm|nanômetro|nanômetros
    mi|milha|milhas|f
    ft|pé|pés
    km² km2|quilômetro quadrado|quilômetros quadrados
    m² m2|metro quadrado|metros quadrados
    cm² cm2|centímetro quadrado|centímetros quadrados
    m³ m3|metro cúbico|metros cúbicos
    cm³ cm3|centímetro cúbico|centímetros cúbicos
    ha|hectare|hectares
    kg|quilo|quilos
    g|grama|gramas
    mg|miligrama|miligramas
    t|tonelada|toneladas|f
    lb lbs|libra|libras|f
    oz|onça|onças|f
    l L|litro|litros
    dl|decilitro|decilitros
    cl|centilitro|centilitros
    ml|mililitro|mililitros
    min|minuto|minutos
    s seg|segundo|segundos
    ms|milissegundo|milissegundos
    km/h kmh|quilômetro por hora|quilômetros por hora
    m/s|metro por segundo|metros por segundo
    mph|milha por hora|milhas por hora|f
    mbps mb/s|megabit por segundo|megabits por segundo
    °|grau|graus
    °c ºc ℃|grau celsius|graus celsius
    °f ºf ℉|grau fahrenheit|graus fahrenheit
    °k|grau kelvin|graus kelvin
    hz|hertz|hertz
    khz|quilohertz|quilohertz
    mhz|megahertz|megahertz
    ghz|gigahertz|gigahertz
    kb|quilobyte|quilobytes
    mb|megabyte|megabytes
    gb|gigabyte|gigabytes
    tb|terabyte|terabytes
    W|watt|watts
    kw|quilowatt|quilowatts
    mw|megawatt|megawatts
    kwh|quilowatt hora|quilowatts hora
    V|volt|volts
    A|ampere|amperes
    kcal|quilocaloria|quilocalorias|f
    cal|caloria|calorias|f
    bar|bar|bares
    hpa|hectopascal|hectopascais
    db|decibel|decibéis
""")
ABBREVIATIONS: Final = """
    Sr.|senhor
    Sra.|senhora
    Srta.|senhorita
    Srs.|senhores
    Dr.|doutor
    Dra.|doutora
    Prof.|professor
    Profa.|professora
    Prof.ª|professora
    Eng.|engenheiro
    Exmo.|excelentíssimo
    Gen.|general
    av.|avenida
    pág.|página
    págs.|páginas
    tel.|telefone
    aprox.|aproximadamente
    etc.|etcétera|.
    p. ex.|por exemplo
    a. C.|antes de Cristo|.
    d. C.|depois de Cristo|.
    n.º|número
    nº|número
    n°|número
    núm.|número
"""
WORDS: Final = {
    "minus": "menos",
    "plus": "mais",
    "to": "a",
    "comma": "vírgula",
    "point": "ponto",
    "times": "vezes",
    "divided": "dividido por",
    "slash": "barra",
    "is": "é igual a",
    "extension": "extensão",
}
SIGNS: Final = {
    "@": "arroba",
    "/": "barra",
    ":": "dois pontos",
    "-": "hífen",
    "_": "sublinhado",
    "|": "barra vertical",
    "?": "ponto de interrogação",
    "!": "ponto de exclamação",
    "=": "igual",
    "&": "e comercial",
    "#": "cerquilha",
    "%": "por cento",
    "+": "mais",
}
FUNCTION_WORDS: Final = frozenset(
    split_words(
        """
        a e o de da do das dos em na no com por para que ou ao à se é são foi foram as os nas nos mais menos está estão
        era tem têm há pode faz não quando onde mas porque até desde entre sem sobre já muito também só cada
        antes depois
        """
    )
)
FEMININE: Final = re.compile(
    r"(as?|ção|ções|são|sões|dades?|gens?|gem|noites?|tardes?|vezes|vez|mulher(es)?|partes?|"
    r"fotos?|motos?|mãos?|mães?|orde[mn]s?|fases?|bases?|frases?|classes?|torres?|flor(es)?|luz(es)?|voz(es)?|cruz(es)?|"
    r"séries?|espécies?|chaves?|sedes?|redes?|fontes?|mortes?|leis?|(gi|ni|st|raz|xã?)(ão|ões))$"
)
MASCULINE_IN_A: Final = re.compile(
    r"(^(meio-)?dia|mapa|planeta|problema|tema|grama|clima|idioma|poeta|telefonema|cinema|poema|esquema|dilema|cometa|"
    r"atleta|dálmata|ista|drama|panorama|trauma|sofá|fantasma|diploma|aroma|sintoma|enigma|pijama)s?$"
)
# Words that are numbered in Roman numerals; after a name, the numeral is a king's or a pope's.
EVENTS: Final = "guerra|república|congresso|cúpula|edição|feira|jornada|prêmio|torneio|festival|encontro|semana"
COUNTED: Final = split_words("século séculos capítulo tomo volume título ato parte fase tipo nível")
NAMES: Final = split_words(
    """
    Luís Luiz Carlos Filipe Pedro João Paulo Pio Bento Gregório Clemente Leão Isabel Elizabeth Catarina Guilherme
    Eduardo Jorge Henrique Ricardo Afonso Manuel Sebastião José Dinis Sancho Napoleão Francisco Fernando
    """
)
