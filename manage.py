#!/usr/bin/env python
"""Command line of the product: `python manage.py help` lists what it can do."""

import sys

from qhse.env import choose_settings
from qhse.terminal import forgiving_streams, readable_arguments

if __name__ == "__main__":
    choose_settings()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    with forgiving_streams():
        try:
            execute_from_command_line(readable_arguments(sys.argv))
        except ImproperlyConfigured as error:
            # A wrong setting is the operator's to mend: the message names it, a traceback would only hide that.
            sys.exit(f"qhse: {error}")
        except Error as error:
            if "--traceback" in sys.argv:
                raise
            sys.exit(
                f"qhse: the database could not be used: {str(error).strip()}\n"
                "See whether DATABASE_URL is right and answers, takes writes, and whether `manage.py migrate` has run; "
                "--traceback says more."
            )
