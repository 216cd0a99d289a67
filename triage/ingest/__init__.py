"""From Panther's alert lists to decided alerts in the store: windows, selection, decisions, and a preview of them."""
