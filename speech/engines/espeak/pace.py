"""Splits a speed of the public API into eSpeak's own rate and the factor of the time-stretcher.

All numbers are measured with the library of espeakng-loader 0.2.4 (eSpeak NG 1.52) at its default of 175 words a
minute, as duration at 1.0 ÷ duration at the rate, over seven English texts and five languages, from a few long
sentences to a series of one-word ones.

- Speech itself follows the rate well. Pauses do not: above the window below they disappear first (one-word sentences at
  350 wpm are 87 % too fast, short sentences 20 %), below it they grow too long (16 % too slow at 90).
- Below 80 wpm the rate has no effect; 0.25 would come out as 0.48. From 450 wpm, the library stretches time too.
- Between 150 and 200 wpm a series of one-word sentences was off by 8 % at most, usual texts by less than 5 %.

So eSpeak's own rate, which keeps consonants crisp, is used where it is accurate, and stretching does the rest.
"""

from speech.engines.base import MAX_SPEED, MIN_SPEED, PermanentEngineError

NORMAL_RATE_WPM = 175
MIN_TRUE_RATE_WPM = 150
MAX_TRUE_RATE_WPM = 200


def split_speed(speed: float) -> tuple[int, float]:
    """Returns the rate in words a minute and the tempo of the stretch after it, whose effects multiply to `speed`.

    The tempo is exactly 1.0 inside the window. Raises PermanentEngineError outside the range of the public API.
    """
    if not MIN_SPEED <= speed <= MAX_SPEED:  # also rejects NaN
        raise PermanentEngineError(f"The speed must be between {MIN_SPEED} and {MAX_SPEED}.")
    wanted_wpm = NORMAL_RATE_WPM * speed
    rate_wpm = round(min(max(wanted_wpm, MIN_TRUE_RATE_WPM), MAX_TRUE_RATE_WPM))
    if MIN_TRUE_RATE_WPM <= wanted_wpm <= MAX_TRUE_RATE_WPM:
        return rate_wpm, 1.0
    return rate_wpm, wanted_wpm / rate_wpm
