"""Normalizes Japanese.

The dictionary reads numbers and their counters correctly. This module only covers what it does not: signs, ranges,
fractions, clock times, dates with slashes, money, phone numbers.
"""

import re
from math import gcd
from typing import Final

from speech.text.rules import TAKEN, Rule, alternatives, apply_rules, read_table
from speech.text.spans import Replacement

_DIGITS: Final = "〇一二三四五六七八九"
_SPOKEN_DIGITS: Final = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_SMALL_SIZES: Final = ((1000, "千"), (100, "百"), (10, "十"), (1, ""))
_LARGE_SIZES: Final = ((10**16, "京"), (10**12, "兆"), (10**8, "億"), (10**4, "万"), (1, ""))
_CURRENCIES: Final = {
    symbol: forms[0]
    for symbol, forms in read_table("""
    $ ＄ US$ USD|ドル
    € EUR|ユーロ
    £ ￡ GBP|ポンド
    ¥ ￥ JPY|円
    CNY|元
    ₩ KRW|ウォン
    ₹ INR|ルピー
""").items()
}
_UNITS: Final = {
    symbol: forms[0]
    for symbol, forms in read_table("""
    km|キロメートル
    m|メートル
    cm|センチメートル
    mm|ミリメートル
    μm µm|マイクロメートル
    nm|ナノメートル
    km² km2|平方キロメートル
    m² m2 ㎡|平方メートル
    cm² cm2|平方センチメートル
    m³ m3|立方メートル
    cm³ cm3|立方センチメートル
    ha|ヘクタール
    kg|キログラム
    g|グラム
    mg|ミリグラム
    t|トン
    L l|リットル
    ml mL|ミリリットル
    dl dL|デシリットル
    km/h|キロメートル毎時
    m/s|メートル毎秒
    °C ℃ °c|度
    °F ℉|度
    °|度
    Hz|ヘルツ
    kHz|キロヘルツ
    MHz|メガヘルツ
    GHz|ギガヘルツ
    KB|キロバイト
    MB|メガバイト
    GB|ギガバイト
    TB|テラバイト
    W|ワット
    kW|キロワット
    kWh|キロワット時
    V|ボルト
    kcal|キロカロリー
    hPa|ヘクトパスカル
    dB|デシベル
    ms|ミリ秒
    %  ％|パーセント
    ‰|パーミル
""").items()
}
_SIGNS: Final = {"+": "たす", "＋": "たす", "-": "ひく", "−": "ひく", "×": "かける", "÷": "わる", "=": "は", "＝": "は"}
_NUMBER: Final = r"(?<![\d.])(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,20})(?:\.\d{1,30})?(?![\d])"
_WAVE: Final = "[〜～~]"
_DASH: Final = "[-–—−－]"
_MINUS: Final = r"(?<![A-Za-z0-9)）\]])[-−－]"
# What may follow the "from" of a range: a number, an era, a part of the day.
_TO: Final = f"(?=[ 　]?(?:\\d|{TAKEN}|西暦|紀元|平成|昭和|令和|大正|明治|午前|午後|来年|来月|来週|翌))"
_WEEKDAYS: Final = "月火水木金土日"


def cardinal(number: int) -> str:
    """Writes a number in characters. One thousand before a larger unit is 一千."""
    if number == 0:
        return "零"
    said = ""
    for size, name in _LARGE_SIZES:
        part, number = divmod(number, size)
        for small, small_name in _SMALL_SIZES if part else ():
            digit, part = divmod(part, small)
            if digit == 1 and small > 1 and not (small == 1000 and size > 1):
                said += small_name
            elif digit:
                said += _DIGITS[digit] + small_name
        said += name if said and not said.endswith(("兆", "億", "万", "京")) else ""
    return said


def _say_large(match: re.Match[str]) -> str | None:
    number = int(match[0].replace(",", ""))
    return cardinal(number) if number >= 10**7 else None


def _say_fraction(match: re.Match[str]) -> str:
    minus = "マイナス" if match["sign"] else ""
    root = "ルート" if match["root"] else ""
    return f"{minus}{match['d']}分の{root}{match['n']}"


def _say_short_date(match: re.Match[str]) -> str | None:
    """Of a month and a day: 7/5 and 12/24 would be no fractions."""
    month, day = int(match["m"]), int(match["d"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    is_date = match["weekday"] or month > day or (day > 12 and gcd(month, day) > 1)
    weekday = f"{match['weekday']}曜日" if match["weekday"] else ""
    return f"{month}月{day}日{weekday}" if is_date else None


def _say_score(match: re.Match[str]) -> str | None:
    return f"{match['a']}対{match['b']}" if int(match["a"]) >= int(match["b"]) else None


def _say_date(match: re.Match[str]) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    return f"{match['y']}年{month}月{day}日" if 1 <= month <= 12 and 1 <= day <= 31 else None


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"]), match["s"]
    if hour > 30 or minute > 59:
        return None
    said = f"{hour}時" if hour else "零時"
    if minute or second:
        said += f"{minute}分"
    return f"{said}{int(second)}秒" if second else said


def _say_phone(match: re.Match[str]) -> str:
    """Reads a phone number group by group."""
    groups = re.findall(r"\d+", match[0])
    return "、".join(_digits(group) for group in groups)


def _say_house(match: re.Match[str]) -> str:
    return match[0].replace("-", "の")


def _digits(written: str) -> str:
    return "".join(_SPOKEN_DIGITS[int(digit)] for digit in written)


def _spell(match: re.Match[str]) -> str:
    """Reads digit by digit, and long numbers in groups of four."""
    said = [_SPOKEN_DIGITS[int(digit)] for digit in match[0]]
    size = 4 if len(said) > 11 else len(said)
    return "、".join("".join(said[start : start + size]) for start in range(0, len(said), size))


def _say_money(match: re.Match[str]) -> str:
    minus = "マイナス" if match["sign"] else ""
    upper = f"から{match['to']}" if match["to"] else ""
    currency = next(name for symbol, name in _CURRENCIES.items() if symbol == match["currency"].upper())
    return f"{minus}{match['n']}{upper}{match['scale'] or ''}{currency}".replace(",", "")


def _say_calculation(match: re.Match[str]) -> str | None:
    if not re.search(r"[+＋×÷=＝]", match[0]):
        return None
    parts = re.split(r"\s?([-+＋−×÷=＝])\s?", match[0])
    return "".join(_SIGNS[part] if number % 2 else part for number, part in enumerate(parts))


_AMOUNT: Final = rf"(?P<n>{_NUMBER})(?:(?:{_DASH}|{_WAVE})(?P<to>{_NUMBER}))?(?P<scale>[百千]?[万億兆]|千|百)?"
_RULES: Final = [
    # 3月-5月, 100円-200円: no minus
    Rule(rf"(?<=\d[年月日時分秒円人個万億度歳回%％℃]){_DASH}(?=\d)", lambda _match: "から"),
    Rule(r"(?<![\d/.-])24/7(?![\d/.-])", lambda _match: "トゥエンティーフォーセブン"),
    Rule(
        rf"(?<![\d/.√-])(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})(?![\d/.拍])(?:[（(](?P<weekday>[{_WEEKDAYS}])[）)])?",
        _say_short_date,
    ),
    Rule(r"(?<=〒)\d{3}-\d{4}(?!\d)", lambda match: "の".join(_digits(part) for part in match[0].split("-"))),
    Rule(
        r"(?:(?<=[区市町村内])|(?<=丁目))(?:\d{1,4}-){1,3}\d{1,4}(?![\d-])", lambda match: match[0].replace("-", "の")
    ),
    Rule(r"(?<![A-Za-z\d.-])(?!\d{3}-)\d{1,2}-\d{1,3}-\d{1,3}(?![\d-])", lambda match: match[0].replace("-", "の")),
    Rule(rf"(?<![\w.,/-])(?P<a>\d{{1,3}}){_DASH}(?P<b>\d{{1,3}})(?![\w.,/=＝-]| ?[=＝])", _say_score),
    Rule(r"(?:\A|(?<=[はがをにで、]))(?P<a>\d{1,3})[-－](?P<b>\d{1,3})(?=[でのとにで。、])", _say_score),
    Rule(r"(?<=時速)(?P<n>\d{1,4}) ?km/h", lambda match: f"{match['n']}キロメートル"),
    Rule(r"(?<=\d)m(?=\d{1,2}cm)", lambda _match: "メートル"),
    Rule(r"(?<=\d)[%％](?=OFF|オフ)", lambda _match: "パーセント"),
    Rule(r"(?<![\d/.-])(?P<y>\d{4})([/.-])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\d/.-])", _say_date),
    Rule(r"(?<![\d:：.])(?P<h>\d{1,2})[:：](?P<m>[0-5]\d)(?:[:：](?P<s>[0-5]\d))?(?![\d:：])", _say_time),
    Rule(r"(?<![\d.:：])(?P<a>\d{1,3})[:：](?P<b>\d{1,3})(?![\d.:：])", lambda match: f"{match['a']}対{match['b']}"),
    Rule(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){2,4}(?![\d.])", lambda match: match[0].replace(".", "てん")),
    Rule(r"(?<!\d)0(?=時)", lambda _match: "零"),
    Rule(rf"(?<![\d.-])(?:\+?81{_DASH})?0?\d{{1,4}}{_DASH}\d{{1,4}}{_DASH}\d{{3,4}}(?![\d.-])", _say_phone),
    Rule(r"(?<![\d.])0\d{9,10}(?![\d.])", _spell),
    Rule(
        rf"(?P<sign>{_MINUS})?(?P<currency>(?<![A-Za-z\d])(?:{alternatives(_CURRENCIES)})) ?{_AMOUNT}",
        _say_money,
        re.IGNORECASE,
    ),
    Rule(
        rf"(?P<sign>{_MINUS})?{_AMOUNT} ?(?P<currency>{alternatives(_CURRENCIES)})(?![A-Za-z])",
        _say_money,
        re.IGNORECASE,
    ),
    Rule(
        rf"(?<=\d) ?(?P<unit>{alternatives(_UNITS)})(?![A-Za-z²³/\d])",
        lambda match: _UNITS[match["unit"]],
    ),
    Rule(rf"{_NUMBER}(?:\s?[-+＋−×÷=＝]\s?{_NUMBER}){{1,20}}", _say_calculation),
    Rule(rf"(?P<sign>{_MINUS})?(?P<root>√)?(?<![\d/.])(?P<n>\d{{1,9}})/(?P<d>\d{{1,9}})(?![\d/.])", _say_fraction),
    Rule("√(?=\\d)", lambda _match: "ルート"),
    Rule(rf"{_MINUS}(?=\d)", lambda _match: "マイナス"),
    Rule(
        rf"(?<=日)[（(](?P<a>[{_WEEKDAYS}])(?:{_WAVE}(?P<b>[{_WEEKDAYS}]))?[）)]",
        lambda match: "曜日から".join(filter(None, match.groups())) + "曜日",
        of_digits=False,
    ),
    Rule(rf"(?<=[\w)）{TAKEN}])[ 　]?{_WAVE}{_TO}", lambda _match: "から"),
    Rule(rf"(?<=[\d{TAKEN}]){_DASH}(?=[\d{TAKEN}])", lambda _match: "から"),
    Rule(r"No\. ?(?=\d)", lambda _match: "ナンバー", re.IGNORECASE),
    Rule(r"(?<![\d.,])0\d+(?![\d.,])|(?<![\d.,])\d{16,}(?![\d.,])", _spell),
    Rule(r"(?<![\d.,])(?:\d{8,16}|\d{1,3}(?:,\d{3}){2,5})(?![\d.,])", _say_large),
]


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES, has_spaces=False)
