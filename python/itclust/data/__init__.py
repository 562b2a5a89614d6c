"""The user's data, once, at the gate: ``dataset`` AnnData in, arrays out; ``expression`` their values; ``check`` every error."""
