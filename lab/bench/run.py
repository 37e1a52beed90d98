"""What a benchmark is given: sizes, databases, the server."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev.postgres.server import DATABASE, PrivatePostgres
from lab.bench.sizes import Sizes
from lab.database import Database, copy_database


@dataclass(slots=True)
class Run:
    """
    One run.

    `database` is also Django's default. `second_database` and `third_database` are copies of it, made in the beginning;
    the third keeps a history, once a benchmark has built it. `admin` has nothing in it.
    """

    sizes: Sizes
    server: PrivatePostgres
    database: Database = field(init=False)
    second_database: Database = field(init=False)
    third_database: Database = field(init=False)
    admin: Database = field(init=False)
    history_is_built: bool = False

    def __post_init__(self) -> None:
        self.database = Database(self.server, DATABASE)
        self.admin = Database(self.server, "postgres")

    def copy_databases(self) -> None:
        """Copy the database, with its tables and its backlog. Nobody else may be connected."""
        self.database.close()
        self.second_database, self.third_database = self._copy("second"), self._copy("third")

    def _copy(self, name: str) -> Database:
        copy_database(self.server, self.database.name, name)
        return Database(self.server, name)

    def close(self) -> None:
        for database in (self.database, self.second_database, self.third_database, self.admin):
            database.close()
