"""Normalizes text for speech: numbers, dates, money, units and symbols become words."""
