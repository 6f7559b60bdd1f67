"""Pure checks: columns in, findings out; the trading calendar and the gaps against it."""
