"""From what is written to what is said: numbers, dates, money, units and signs as words."""
