"""GIFT: Moodle's questions as text, which others read too."""
