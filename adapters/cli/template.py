"""The configuration that `init` writes: complete, commented, and valid as it stands."""

TEMPLATE = """\
# A OnceTold adapter. Paths are relative to this file. Then: oncetold-adapter check

[hub]
address = "hub.example.org:7443"
# Three files from the hub operator. The key never leaves this computer: chmod 600.
ca_file = "ca.pem"
certificate_file = "agency.pem"
key_file = "agency.key"
# Only if the address is not the name in the hub's certificate, as behind a tunnel:
# server_name = "hub.example.org"

[state]
# What was published before. Back it up with your own system: without it, records become new revisions.
file = "published.sqlite"
# Rows that were left out, with a reason; written afresh by each run.
quarantine_file = "quarantine.csv"

[clients]
# Registers each client reference before its first record. It gives nothing and says nothing about anybody.
# false: your own system registers them.
register = true

# ---- To publish: where records come from. Remove this part if you only receive.

[source]
kind = "sql"
url = "sqlite:///own-system.sqlite"
# password_file = "database-password"    # then leave the password out of url

# One query, one type of record; repeat [[source.records]] for more.
[[source.records]]
name = "contacts"
record_type = "contact"
query = "SELECT * FROM contacts WHERE changed > :after ORDER BY changed"
# Reads on where the last run ended; leave out with `:after` to read everything each time.
mark_column = "changed"
first_mark = 0
record_id = "id"                   # your own stable id of the row
client_reference = "client_number" # a number or pseudonym, never a name
occurred_time = "seen_at"
time_zone = "Europe/London"        # for times without an offset
service_type = "STREET_OUTREACH"
source_system = "own-system"
# marks = ["NORDSCLCD"]            # handling marks that travel with every record
# withdrawn = "deleted"            # a column that is true when the row was taken back

# Kinds: code, date, number, name, yes_no, text.
[[source.records.columns]]
column = "mode_code"
kind = "code"
field = "mode"
system = "own-system:contact-mode"
# codes = { "1" = "street", "2" = "phone" }    # any other value leaves the row out

# An answer says what it is about; that decides who may see it.
[[source.records.columns]]
column = "drinking_score"
kind = "number"
field = "details"
question = "audit-c"
question_system = "own-system:questions"
category = "SUBSTANCE_USE"

# Words may hold anything about anyone. They go only to free text, and only where the author released them
# in the same row, e.g. "FAMILY, ACCOMMODATION". Otherwise they stay home and are counted.
[[source.records.columns]]
column = "note"
kind = "text"
field = "narrative"
release = "note_released_categories"

# An HMIS CSV export instead:
# [source]
# kind = "hmis"
# folder = "export"
# agency_id = "project-1"

# ---- To check the ledger: its public key, from the hub's operator (`oncetold ledger export` prints it).
# Then what the ledger signed last is kept here, and a ledger that was altered or cut back is noticed.
# [log]
# key = "oncetold.org/ledger/...+...+..."
# witnesses = []                       # public keys of witnesses, and how many of them you ask for
# needed = 0
# state_file = "ledger.checkpoint"

# ---- To be a witness yourself (needs [log] too). Then: oncetold-adapter witness key new --name ...
# [witness]
# folder = "witness"                   # its key and what it signed: one folder, never copied, never restored

# ---- To receive: one feed into one database. Remove this part if you only publish.

[feed]
# From the hub, when the feed was opened for this certificate:
feed_id = "00000000-0000-4000-8000-000000000000"
# The most deliveries in one batch, how long one fetch waits, and how often one delivery is tried.
max_items = 64
wait_seconds = 20
attempts = 3

[sink]
kind = "sql"
url = "sqlite:///deliveries.sqlite"
# Where else your system keeps a row that is deleted: "none" (it has no such place), "cleared" (the row goes
# from there too) or "kept". Signed receipts say so: with "kept" the answer is RESTRICTED, never ERASED.
version_history = "kept"
search_index = "kept"
# With "cleared", a query that counts what is left of one fragment; it is run after each deletion:
# version_history_check = "SELECT count(*) FROM element_history WHERE fragment_id = :fragment_id"
# search_index_check = "SELECT count(*) FROM search_entries WHERE fragment_id = :fragment_id"
# How many days your longest-kept backup lives; 0 if there are no backups.
backups_until_days = 35

# What you must keep on a lawful basis of your own although it was retracted. The receipt says so to the hub.
# [sink.keep_on_own_basis]
# SAFEGUARDING_RISK = "A6_1_C"
"""
