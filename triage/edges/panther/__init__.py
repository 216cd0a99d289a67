"""The Panther client. `client.connect` opens it; its parts implement the ports."""
