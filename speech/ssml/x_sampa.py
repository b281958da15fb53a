"""Converts X-SAMPA to IPA: J. C. Wells, "Computer-coding the IPA: a proposed extension of SAMPA" (1995)."""

import re
from typing import Final

_WRITTEN: Final = (
    "b_<=ɓ d`=ɖ d_<=ɗ g_<=ɠ h\\=ɦ j\\=ʝ l`=ɭ l\\=ɺ n`=ɳ p\\=ɸ r`=ɽ r\\=ɹ r\\`=ɻ s`=ʂ s\\=ɕ t`=ʈ v\\=ʋ x\\=ɧ "
    "z`=ʐ z\\=ʑ "
    "A=ɑ B=β B\\=ʙ C=ç D=ð E=ɛ F=ɱ G=ɣ G\\=ɢ G\\_<=ʛ H=ɥ H\\=ʜ I=ɪ I\\=ᵻ J=ɲ J\\=ɟ J\\_<=ʄ K=ɬ K\\=ɮ L=ʎ L\\=ʟ M=ɯ "
    "M\\=ɰ N=ŋ N\\=ɴ O=ɔ O\\=ʘ P=ʋ Q=ɒ R=ʁ R\\=ʀ S=ʃ T=θ U=ʊ U\\=ᵿ V=ʌ W=ʍ X=χ X\\=ħ Y=ʏ Z=ʒ g=ɡ "
    "\"=ˈ %=ˌ '=ʲ :=ː :\\=ˑ @=ə @\\=ɘ @`=ɚ {=æ }=ʉ 1=ɨ 2=ø 3=ɜ 3\\=ɞ 3`=ɝ 4=ɾ 5=ɫ 6=ɐ 7=ɤ 8=ɵ 9=œ &=ɶ ?=ʔ ?\\=ʕ "
    "<\\=ʢ >\\=ʡ ^=ꜛ !=ꜜ !\\=ǃ |=| |\\=ǀ ||=‖ |\\|\\=ǁ =\\=ǂ -\\=‿ ,=, .=. "
    '_"=\u0308 _+=\u031f _-=\u0320 _/=\u030c _0=\u0325 _>=ʼ _?\\=ˤ _\\=\u0302 _^=\u032f _}=\u031a `=˞ '
    "_~=\u0303 ~=\u0303 _A=\u0318 _a=\u033a _B=\u030f _c=\u031c _d=\u032a _e=\u0334 _F=\u0302 _G=ˠ _H=\u0301 _h=ʰ "
    "_j=ʲ _k=\u0330 _L=\u0300 _l=ˡ _M=\u0304 _m=\u033b _N=\u033c _n=ⁿ _O=\u0339 _o=\u031e _q=\u0319 _R=\u030c "
    "_r=\u031d _T=\u030b _t=\u0324 _v=\u032c _w=ʷ _X=\u0306 _x=\u033d"
)
_SYMBOLS: Final = dict(pair.rsplit("=", 1) for pair in _WRITTEN.split())
_SYLLABIC: Final = {"=": "\u0329", "_=": "\u0329"}
_IPA: Final = _SYMBOLS | _SYLLABIC
_LONGEST_FIRST: Final = re.compile("|".join(re.escape(symbol) for symbol in sorted(_IPA, key=len, reverse=True)))


def to_ipa(x_sampa: str) -> str:
    """Returns IPA. What is not a symbol of X-SAMPA stays as it is: most letters mean the same in both."""
    return _LONGEST_FIRST.sub(lambda symbol: _IPA[symbol[0]], x_sampa)
