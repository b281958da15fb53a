"""Normalizes Mandarin: writes numbers as characters, which the dictionaries of Chinese read correctly."""

import re
from typing import Final

from speech.text.rules import Rule, alternatives, apply_rules, read_table, spell_digits, split_words
from speech.text.spans import Replacement

_DIGITS: Final = tuple("零一二三四五六七八九")
_PHONE_DIGITS: Final = tuple("零幺二三四五六七八九")
_CURRENCIES: Final = {
    key: forms[0]
    for key, forms in read_table("""
    $ US$ USD ＄|美元
    HK$ HKD|港元
    NT$ TWD|新台币
    £ GBP ￡|英镑
    € EUR|欧元
    ¥ ￥ RMB CNY|元
    JPY|日元
    ₩ KRW|韩元
    ₹ INR|卢比
    ₽ RUB|卢布
""").items()
}
_UNITS: Final = {
    key: forms[0]
    for key, forms in read_table("""
    km KM|千米
    m|米
    dm|分米
    cm CM|厘米
    mm|毫米
    μm µm|微米
    nm|纳米
    km² km2|平方千米
    m² m2 ㎡|平方米
    cm² cm2|平方厘米
    m³ m3|立方米
    cm³ cm3|立方厘米
    ha|公顷
    kg KG Kg|千克
    g|克
    mg|毫克
    t|吨
    lb|磅
    oz|盎司
    l L|升
    ml mL ML|毫升
    h|小时
    min|分钟
    s|秒
    ms|毫秒
    km/h|千米每小时
    m/s|米每秒
    mph|英里每小时
    ft|英尺
    °C ℃ °c|摄氏度
    °F ℉|华氏度
    °|度
    Hz|赫兹
    kHz|千赫
    MHz|兆赫
    GHz|吉赫
    W|瓦
    kW|千瓦
    kWh|千瓦时
    V|伏
    mAh|毫安时
    Pa|帕
    kcal|千卡
    dB|分贝
""").items()
}
# Abbreviations that are written small as well: spelled, so in capitals.
_ACRONYMS: Final = split_words(
    """
    atm nba ceo cfo cto coo mvp iq eq gdp dna vip usb pdf wto cpi gps app api cpu gpu kfc cba hr pk pm2.5 tv dvd cd id
    """
)
# After two of these it is 两, not 二.
_MEASURE_WORDS: Final = "个位只条本张件次种天家岁周层座辆名"
_SIGNS: Final = {"+": "加", "＋": "加", "-": "减", "−": "减", "×": "乘", "*": "乘", "x": "乘", "÷": "除以", "=": "等于"}
_NUMBER: Final = r"(?<![\d.])(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,20})(?![\d])(?:\.\d{1,30})?(?!\.?\d)"
_MINUS: Final = r"(?<![A-Za-z0-9)）\]])[-−－]"
_RANGE: Final = "[-~～–—－〜]{1,2}"
_SCALE: Final = "[十百千]?[万亿]{1,2}|[百千]"
_GAP: Final = "[-  ]?"


def cardinal(number: int) -> str:
    if number == 0:
        return "零"
    groups = []
    rest = number
    while rest:
        rest, part = divmod(rest, 10_000)
        groups.append(part)
    if len(groups) > 4:
        return spell_digits(str(number), _DIGITS).replace(" ", "")
    said = ""
    for place in range(len(groups) - 1, -1, -1):
        part = groups[place]
        if not part:
            continue
        if said and (part < 1000 or not groups[place + 1]) and not (part >= 1000 and groups[place + 1]):
            said += "零"
        if part == 2 and place:
            said += "两"
        else:
            said += _thousands(part, is_tens=10 <= part < 20 and (place > 0 or not said))
        said += ("", "万", "亿", "万亿")[place]
    return said


def _thousands(number: int, *, is_tens: bool) -> str:
    """`is_tens`: 10 is 十, not 一十."""
    said, has_gap = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if not digit:
            has_gap = bool(said)
            continue
        if has_gap:
            said, has_gap = f"{said}零", False
        if size == 1000 and digit == 2:
            said += "两千"
        elif size == 10 and is_tens:
            said += "十"
        else:
            said += _DIGITS[digit] + name
    return said


def _spell(written: str) -> str:
    return spell_digits(written, _DIGITS).replace(" ", "")


def _number(written: str) -> str:
    whole, _, fraction = written.replace(",", "").partition(".")
    said = cardinal(int(whole))
    return f"{said}点{_spell(fraction)}" if fraction else said


def _say_date(match: re.Match[str]) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{_spell(match['y'])}年{cardinal(month)}月{cardinal(day)}日"


def _say_time(match: re.Match[str]) -> str | None:
    hour, minute, second = int(match["h"]), int(match["m"]), match["s"]
    if hour > 24 or minute > 59 or int(second or 0) > 59:
        return None
    said = f"{_hour(hour)}点"
    if minute or second:
        said += f"{cardinal(minute)}分"
    return f"{said}{cardinal(int(second))}秒" if second else said


def _hour(hour: int) -> str:
    return "两" if hour == 2 else cardinal(hour)


def _say_score(match: re.Match[str]) -> str:
    return f"{_number(match['a'])}比{_number(match['b'])}"


def _say_era(match: re.Match[str]) -> str:
    return f"公元{'前' if match['bc'] else ''}{_spell(match['y'])}年"


def _say_years(match: re.Match[str]) -> str:
    return f"{_spell(match['y'])}到{_spell(match['to'])}"


def _say_version(match: re.Match[str]) -> str:
    return "点".join(_spell(part) for part in match[0].split("."))


def _say_phone(match: re.Match[str]) -> str:
    plus = "加" if match[0].startswith("+") else ""
    return plus + spell_digits(match[0], _PHONE_DIGITS).replace(" ", "")


def _say_amount(match: re.Match[str]) -> str:
    """A sign, a number or a range, and a scale."""
    parts = match.groupdict()
    said = "两" if parts["n"] == "2" and (parts.get("scale") or "")[:1] in {"千", "万", "亿"} else _number(parts["n"])
    if parts.get("to"):
        said += f"到{_number(parts['to'])}"
    minus = "负" if parts.get("sign") else ""
    return f"{minus}{said}{parts.get('scale') or ''}"


def _say_percent(match: re.Match[str]) -> str:
    of = {"‰": "千分之"}.get(match["unit"], "百分之")
    minus = "负" if match["sign"] else ""
    said = f"{minus}{of}{_number(match['n'])}"
    if match["to"]:
        said += f"到{of if match['unit1'] else ''}{_number(match['to'])}"
    return said


def _say_money(match: re.Match[str]) -> str:
    minus = "负" if match.groupdict().get("outer") else ""
    return f"{minus}{_say_amount(match)}{_CURRENCIES[match['currency'].upper()]}"


def _say_measure(match: re.Match[str]) -> str:
    return f"{_say_amount(match)}{_UNITS[match['unit']]}"


def _say_fraction(match: re.Match[str]) -> str:
    minus = "负" if match["sign"] else ""
    return f"{minus}{cardinal(int(match['d']))}分之{cardinal(int(match['n']))}"


def _say_calculation(match: re.Match[str]) -> str | None:
    if not re.search(r"[+＋×÷=*]", match[0]):
        return None
    parts = re.split(r"\s?([-+＋−×*x÷=])\s?", match[0])
    return "".join(_SIGNS[part] if number % 2 else _number(part) for number, part in enumerate(parts))


def _say_plain(match: re.Match[str]) -> str:
    number = match["n"]
    is_code = len(number) > 1 and number.isdecimal() and (int(number[0]) == 0 or len(number) > 15)
    if is_code and not match["to"]:
        return _spell(number)
    is_two = int(number) == 2 if number.isdecimal() else False
    if is_two and not match["scale"] and match.string[match.end() : match.end() + 1] in {*_MEASURE_WORDS}:
        return "两"
    return _say_amount(match)


_AMOUNT: Final = rf"(?P<sign>{_MINUS})?(?P<n>{_NUMBER})(?:{_RANGE}(?P<to>{_NUMBER}))?(?P<scale>{_SCALE})?"
_DATE_START: Final = r"(?<![\d/.-])"
_RULES: Final = [
    Rule(
        rf"(?<![A-Za-z])(?:{alternatives(_ACRONYMS)})(?![A-Za-z])",
        lambda match: match[0].upper(),
        re.IGNORECASE,
        of_digits=False,
    ),
    Rule(
        r"(?<![A-Za-z°])[A-Za-z](?: [A-Za-z]){1,5}(?![A-Za-z]| [A-Za-z])",
        lambda match: match[0].replace(" ", "").upper(),
        of_digits=False,
    ),
    Rule(rf"{_DATE_START}(?P<y>\d{{4}}|\d{{2}})([/.-])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}})(?![\d/.-])", _say_date),
    Rule(r"(?<!\d)(?P<y>\d{1,4}) ?(?:(?P<bc>b\.?c\.?(?:e\.?)?)|a\.?d\.?)(?![A-Za-z])", _say_era, re.IGNORECASE),
    Rule(rf"(?<!\d)(?P<y>\d{{4}}){_RANGE}(?P<to>\d{{4}})(?=年)", _say_years),
    Rule(r"(?<![\d.,])(?:\d{4}|0\d|\d{2}(?=年\d{1,2}月))(?=年)", lambda match: _spell(match[0])),
    Rule(r"(?<![\d.,])0(?P<n>\d)(?=[月日号时点分])", lambda match: cardinal(int(match["n"]))),
    Rule(r"(?<![\d:：.])(?P<h>\d{1,2})[:：](?P<m>[0-5]\d)(?:[:：](?P<s>[0-5]\d))?(?![\d:：])", _say_time),
    Rule(r"(?<![\d.,])2(?=点(?:\d|[半钟整一二三四五差]|$))", lambda _match: "两"),
    Rule(r"(?<![\d.:：])(?P<a>\d{1,3})[:：](?P<b>\d{1,3})(?![\d.:：])", _say_score),
    Rule(rf"(?<![\d.])(?:\+?86{_GAP})?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?![\d.])", _say_phone),
    Rule(rf"(?<![\d.])(?:0\d{{2,3}}-\d{{7,8}}|[48]00{_GAP}\d{{3}}{_GAP}\d{{4}})(?![\d.-])", _say_phone),
    Rule(r"(?<![\d.])\+\d{1,3}(?:[- ]\d{2,5}){2,4}(?![\d.-])", _say_phone),
    Rule(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){2,4}(?![\d.])", _say_version),
    Rule(
        rf"(?P<outer>{_MINUS})?(?P<currency>(?<![A-Za-z\d])(?:{alternatives(_CURRENCIES)})) ?{_AMOUNT}(?:元|美元)?",
        _say_money,
        re.IGNORECASE,
    ),
    Rule(rf"{_AMOUNT} ?(?P<currency>(?:{alternatives(_CURRENCIES)}))(?![A-Za-z])", _say_money, re.IGNORECASE),
    Rule(
        rf"(?P<sign>{_MINUS})?(?P<n>{_NUMBER})(?:(?P<unit1>[%％‰])?{_RANGE}(?P<to>{_NUMBER}))? ?(?P<unit>[%％‰])",
        _say_percent,
    ),
    Rule(rf"{_AMOUNT} ?(?P<unit>{alternatives(_UNITS)})(?![A-Za-z²³/])", _say_measure),
    Rule(rf"(?P<sign>{_MINUS})?(?<![\d/.])(?P<n>\d{{1,9}})/(?P<d>\d{{1,9}})(?![\d/.])", _say_fraction),
    Rule(rf"{_NUMBER}(?:\s?[-+＋−×*x÷=]\s?{_NUMBER}){{1,20}}", _say_calculation),
    Rule(_AMOUNT, _say_plain),
    Rule(r"\d+", lambda match: _spell(match[0])),
]


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES, has_spaces=False)
