"""Normalizes Mandarin: writes numbers as characters, which the dictionaries of Chinese read correctly."""

import re
from math import gcd
from typing import Final

from speech.text.chinese.words import ACRONYMS, CURRENCIES, PHONE_DIGITS, UNITS, cardinal, spell
from speech.text.rules import TAKEN, Rule, alternatives, apply_rules, spell_digits
from speech.text.spans import Replacement

# After two of these it is 两, not 二.
_MEASURE: Final = re.compile(
    r"对(?!\d)|[个位只条本张件种天家岁周层座辆名块斤米元倍杯瓶双台部支头匹遍场套份句秒口颗]|分(?!之)|次(?!方|元)|公[里斤顷]|小时|年(?![级代月])"
)
_SIGNS: Final = {"+": "加", "＋": "加", "-": "减", "−": "减", "×": "乘", "*": "乘", "x": "乘", "÷": "除以", "=": "等于"}
_NUMBER: Final = r"(?<![\d.])(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,20})(?![\d])(?:\.\d{1,30})?(?!\.?\d)"
_MINUS: Final = r"(?<![A-Za-z0-9)）\]])[-−－]"
_RANGE: Final = "[-~～–—－〜]{1,2}"
_SCALE: Final = "[十百千]?[万亿]{1,2}|[百千]"
_GAP: Final = "[-  ]?"


def _number(written: str) -> str:
    whole, _, fraction = written.replace(",", "").partition(".")
    said = cardinal(int(whole))
    return f"{said}点{spell(fraction)}" if fraction else said


def _say_date(match: re.Match[str]) -> str | None:
    month, day = int(match["m"]), int(match["d"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{spell(match['y'])}年{cardinal(month)}月{cardinal(day)}日"


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
    return f"公元{'前' if match['bc'] else ''}{spell(match['y'])}年"


def _say_years(match: re.Match[str]) -> str:
    return f"{spell(match['y'])}到{spell(match['to'])}"


def _say_short_date(match: re.Match[str]) -> str | None:
    """Of a month and a day: 12/24 would be no fraction."""
    month, day = int(match["m"]), int(match["d"])
    is_date = 1 <= month <= 12 and 1 <= day <= 31 and (month > day or (day > 12 and gcd(month, day) > 1))
    return f"{cardinal(month)}月{cardinal(day)}日" if is_date else None


def _spell_phone(match: re.Match[str]) -> str:
    return spell_digits(match[0], PHONE_DIGITS).replace(" ", "")


def _say_version(match: re.Match[str]) -> str:
    return "点".join(spell(part) for part in match[0].split("."))


def _say_phone(match: re.Match[str]) -> str:
    plus = "加" if match[0].startswith("+") else ""
    return plus + spell_digits(match[0], PHONE_DIGITS).replace(" ", "")


def _say_amount(match: re.Match[str]) -> str:
    """Reads a sign, a number or a range, and a scale."""
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
    return f"{minus}{_say_amount(match)}{CURRENCIES[match['currency'].upper()]}"


def _say_measure(match: re.Match[str]) -> str:
    return f"{_say_amount(match)}{UNITS[match['unit']]}"


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
        return spell(number)
    last = match["to"] or number
    said = _say_amount(match)
    if match["to"] and number.isdecimal() and last.isdecimal() and not match["scale"] and int(number) >= int(last):
        return f"{_number(number)}比{_number(last)}"  # a score
    is_ordinal = match.string[: match.start()].endswith(("第", "初", "周", "星期"))
    if last == "2" and not match["scale"] and not is_ordinal and _MEASURE.match(match.string, match.end()):
        return f"{said[:-1]}两"
    return said


_AMOUNT: Final = rf"(?P<sign>{_MINUS})?(?P<n>{_NUMBER})(?:{_RANGE}(?P<to>{_NUMBER}))?(?P<scale>{_SCALE})?"
_DATE_START: Final = r"(?<![\d/.-])"
_RULES: Final = [
    Rule(
        rf"(?<![A-Za-z])(?:{alternatives(ACRONYMS)})(?![A-Za-z])",
        lambda match: match[0].upper(),
        re.IGNORECASE,
        of_digits=False,
    ),
    Rule(
        r"(?<![A-Za-z°])[A-Za-z](?: [A-Za-z]){1,5}(?![A-Za-z]| [A-Za-z])",
        lambda match: match[0].replace(" ", "").upper(),
        of_digits=False,
    ),
    # 3月-5月, 100元-200元: no minus
    Rule(
        r"(?:(?<=\d[年月日号点时分秒元人个天周岁米克吨万亿千百度℃])|(?<=\d(?:公里|公斤|小时|分钟|美元)))[-–—－~～](?=\d)",
        lambda _match: "到",
    ),
    Rule(
        r"(?P<what>(?:邮编|邮政编码|验证码|密码|编号|账号|卡号|学号|工号)[是为:：]? ?)(?P<n>\d{3,20})(?![\d.])",
        lambda match: match["what"] + spell(match["n"]),
    ),
    Rule(r"(?<=[打拨])\d{3,6}(?!\d|[.,]\d|[折分万亿个元次份])|(?<![\d.])\d{5}(?=热线|网站)", _spell_phone),
    Rule(r"(?<=[A-Z])(?<![\d.])\d{3,5}(?=次|航班|列车|号)|(?<=航班[A-Z]{2})\d{3,5}(?!\d)", _spell_phone),
    Rule(r"(?<![\d.,])\d{3,4}(?=房|室|号房|教室)", lambda match: spell(match[0])),
    Rule(r"(?<![\d.])\d{1,2}\.\d{1,2}(?=事件|晚会|假期|地震|放假)", lambda match: spell(match[0])),
    Rule(r"(?<![\d/.-])(?P<m>\d{1,2})/(?P<d>\d{1,2})(?![\d/.拍])", _say_short_date),
    Rule(
        r"(?<![\d/.])(?P<ones>\d{1,4}) (?P<n>\d{1,3})/(?P<d>\d{1,3})(?![\d/.])",
        lambda match: f"{cardinal(int(match['ones']))}又{cardinal(int(match['d']))}分之{cardinal(int(match['n']))}",
    ),
    Rule(rf"{_DATE_START}(?P<y>\d{{4}}|\d{{2}})([/.-])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}})(?![\d/.-])", _say_date),
    Rule(r"(?<!\d)(?P<y>\d{1,4}) ?(?:(?P<bc>b\.?c\.?(?:e\.?)?)|a\.?d\.?)(?![A-Za-z])", _say_era, re.IGNORECASE),
    Rule(rf"(?<!\d)(?P<y>\d{{4}}){_RANGE}(?P<to>\d{{4}})(?=年|赛季|学年|财年)", _say_years),
    Rule(r"(?<![\d.,])(?:\d{4}|0\d|\d{2}(?=年\d{1,2}月))(?=年)", lambda match: spell(match[0])),
    Rule(r"(?<![\d.,])0(?P<n>\d)(?=[月日号时点分])", lambda match: cardinal(int(match["n"]))),
    Rule(r"(?<![\d:：.])(?P<h>\d{1,2})[:：](?P<m>[0-5]\d)(?:[:：](?P<s>[0-5]\d)|分(?!钟))?(?![\d:：])", _say_time),
    Rule(r"(?<![\d.,第])2(?=点)", lambda _match: "两"),
    Rule(r"(?<![\d.:：])(?P<a>\d{1,3})[:：](?P<b>\d{1,3})(?![\d.:：])", _say_score),
    Rule(rf"(?<![\d.])(?:\+?86{_GAP})?1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}(?![\d.])", _say_phone),
    Rule(rf"(?<![\d.])(?:0\d{{2,3}}-\d{{7,8}}|[48]00{_GAP}\d{{3}}{_GAP}\d{{4}})(?![\d.-])", _say_phone),
    Rule(r"(?<![\d.])\+\d{1,3}(?:[- ]\d{2,5}){2,4}(?![\d.-])", _say_phone),
    Rule(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){2,4}(?![\d.])", _say_version),
    Rule(
        rf"(?P<outer>{_MINUS})?(?P<currency>(?<![A-Za-z\d])(?:{alternatives(CURRENCIES)})) ?{_AMOUNT}(?:元|美元)?",
        _say_money,
        re.IGNORECASE,
    ),
    Rule(rf"{_AMOUNT} ?(?P<currency>(?:{alternatives(CURRENCIES)}))(?![A-Za-z])", _say_money, re.IGNORECASE),
    Rule(
        rf"(?P<sign>{_MINUS})?(?P<n>{_NUMBER})(?:(?P<unit1>[%％‰])?{_RANGE}(?P<to>{_NUMBER}))? ?(?P<unit>[%％‰])",
        _say_percent,
    ),
    Rule(rf"{_AMOUNT} ?(?P<unit>{alternatives(UNITS)})(?![A-Za-z²³/])", _say_measure),
    Rule(rf"(?P<sign>{_MINUS})?(?<![\d/.])(?P<n>\d{{1,9}})/(?P<d>\d{{1,9}})(?![\d/.])", _say_fraction),
    Rule(rf"{_NUMBER}(?:\s?[-+＋−×*x÷=]\s?{_NUMBER}){{1,20}}", _say_calculation),
    Rule(_AMOUNT, _say_plain),
    Rule(r"\d+", lambda match: spell(match[0])),
    Rule(rf"(?<={TAKEN})[-–—](?={TAKEN})", lambda _match: "到"),
]


def find_replacements(text: str) -> list[Replacement]:
    return apply_rules(text, _RULES, has_spaces=False)
