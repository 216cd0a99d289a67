"""What makes parts of the project; not part of the wheel."""
