"""Rules for Markdown: marks that are clearly formatting are not read.

Marks that could mean something else are kept: `5 * 3`, `**kwargs`, `snake_case`, `C#`, `#1`.
"""

import re
from typing import Final

from speech.text.scan import Rule
from speech.text.spans import Replacement

_LINE = r"(?:(?<=\n)|(?<![\s\S]))"  # the start of a line
_END = r"(?=[ \t]{0,8}(?:\n|$))"
_FENCE: Final = re.compile(rf"{_LINE}[ ]{{0,3}}(?P<said>(?:`{{3,}}|~{{3,}})[^\n`]{{0,40}}(?:\n|$))")
_BREAK: Final = re.compile(
    rf"{_LINE}[ ]{{0,3}}(?P<said>(?:-[ ]?){{3,80}}|(?:\*[ ]?){{3,80}}|(?:_[ ]?){{3,80}}|={{3,80}}){_END}"
)
_TABLE_LINE: Final = re.compile(
    rf"{_LINE}(?P<said>[ ]{{0,3}}\|?[ ]{{0,8}}:?-{{2,40}}:?[ ]{{0,8}}"
    rf"(?:\|[ ]{{0,8}}:?-{{2,40}}:?[ ]{{0,8}}){{1,20}}\|?[ ]{{0,8}}(?:\n|$))"
)
_TABLE_ROW: Final = re.compile(rf"{_LINE}[ ]{{0,3}}(?P<row>\|(?![-:| ]{{1,600}}(?:\n|$))[^\n]{{1,600}}\|){_END}")
_HEADING: Final = re.compile(rf"{_LINE}[ ]{{0,3}}(?P<said>\#{{1,6}}[ \t]{{1,8}})(?=\S)")
_HEADING_END: Final = re.compile(rf"(?<=[^\s#])(?P<said>[ \t]\#{{2,6}}){_END}")
_QUOTE: Final = re.compile(rf"{_LINE}[ ]{{0,3}}(?P<said>(?:>[ ]?){{1,8}})(?=[^\s=\d])")
_BULLET: Final = re.compile(
    rf"{_LINE}[ \t]{{0,16}}(?P<said>(?:[*+•◦▪‣·–-][ \t]{{1,4}}(?:\[[ xX]\][ \t]{{1,4}})?))(?=[^\s\d])"
)
_LINK: Final = re.compile(
    r"(?<!\\)(?P<open>!?\[)(?P<inner>[^\[\]\n]{1,300})"
    r"(?P<close>\]\((?:https?:|/|\#|\.|mailto:|[\w\-]{1,60}\.[\w]{1,10})[^()\s\"]{0,500}(?:[ ]\"[^\"\n]{0,100}\")?\))"
)
_STRONG: Final = re.compile(
    r"(?<![\w*\\])(?P<open>\*{2,3}|__)(?=[^\s*_])(?P<inner>[^\n]{1,400}?)(?<=\S)(?P<close>(?P=open))(?![\w*])"
)
_STRUCK: Final = re.compile(r"(?<![\w~\\])(?P<open>~~)(?=[^\s~])(?P<inner>[^\n~]{1,400})(?<=\S)(?P<close>~~)(?![\w~])")
_EMPHASIS: Final = re.compile(
    r"(?<![\w*\\)])(?P<open>\*)(?=[^\s*\d=])(?P<inner>[^\n*]{1,300})(?<=[^\s(,])(?P<close>\*)(?![\w*(])"
)
_UNDERLINED: Final = re.compile(r"(?<![\w\\])(?P<open>_)(?=[^\s_])(?P<inner>[^\n_]{1,300})(?<=\S)(?P<close>_)(?!\w)")
_CODE: Final = re.compile(r"(?<![`\\])(?P<open>`{1,2})(?=[^\s`])(?P<inner>[^\n`]{1,300})(?P<close>(?P=open))(?!`)")
# Bold text that starts or ends in another sentence.
_OPENED: Final = re.compile(r"(?:(?<=\s)|(?<![\s\S]))(?P<said>\*\*)(?=[A-Z¡¿\"“][^*\n]{1,400}$)")
_CLOSED: Final = re.compile(r"(?<=[\w.!?:,\"”)])(?P<said>\*\*)(?=\s|$|[.,;:!?])")
_ESCAPED: Final = re.compile(r"(?P<said>\\)(?=[*_`#~\[\]>|])")


def _leave_out(match: re.Match[str]) -> str:
    return ""


def _leave_out_marks(match: re.Match[str]) -> list[Replacement]:
    return [Replacement(*match.span(name), "") for name in ("open", "close")]


def _say_row(match: re.Match[str]) -> list[Replacement]:
    """Reads the cells of a table row, with pauses between them."""
    start, end = match.span("row")
    return [
        Replacement(
            start + bar.start(), start + bar.end(), "" if bar.start() == 0 or start + bar.end() == end else ", "
        )
        for bar in re.finditer(r"[ ]{0,16}\|[ ]{0,16}", match["row"])
    ]


RULES: Final = (
    *(Rule(pattern, _leave_out) for pattern in (_FENCE, _BREAK)),
    Rule(_TABLE_ROW, _say_row),
    Rule(_TABLE_LINE, _leave_out),
    *(Rule(pattern, _leave_out) for pattern in (_HEADING, _HEADING_END, _QUOTE, _BULLET)),
    *(Rule(pattern, _leave_out_marks) for pattern in (_CODE, _LINK, _STRONG, _STRUCK, _EMPHASIS, _UNDERLINED)),
    *(Rule(pattern, _leave_out) for pattern in (_OPENED, _CLOSED, _ESCAPED)),
)
