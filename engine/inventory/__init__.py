"""The inventory: what this installation knows, in one SQL database.

SQLite in the user's state directory by default, PostgreSQL for fleets; the same SQLAlchemy
Core statements serve both. Nothing is imported here: SQLAlchemy is heavy, and light code
imports this package.
"""
