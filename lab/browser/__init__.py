"""Every page of the admin site in a real Chromium: what axe-core finds, what a keyboard reaches, what fits a phone."""
