"""The Chinese words for numbers, money and units."""

from typing import Final

from speech.text.rules import read_table, spell_digits, split_words

DIGITS: Final = tuple("零一二三四五六七八九")
PHONE_DIGITS: Final = tuple("零幺二三四五六七八九")
CURRENCIES: Final = {
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
UNITS: Final = {
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
ACRONYMS: Final = split_words(
    """
    atm nba ceo cfo cto coo mvp iq eq gdp dna vip usb pdf wto cpi gps app api cpu gpu kfc cba hr pk pm2.5 tv dvd cd id
    """
)


def cardinal(number: int) -> str:
    if number == 0:
        return "零"
    groups = []
    rest = number
    while rest:
        rest, part = divmod(rest, 10_000)
        groups.append(part)
    if len(groups) > 4:
        return spell_digits(str(number), DIGITS).replace(" ", "")
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
            said += DIGITS[digit] + name
    return said


def spell(written: str) -> str:
    return spell_digits(written, DIGITS).replace(" ", "")
