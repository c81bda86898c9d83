"""Any SQL database as a source of records and as the place where deliveries are kept, through SQLAlchemy."""
