"""How dates are written where no format is given: in one way, in UTC."""
