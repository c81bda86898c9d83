"""The invented person whose words are planted, each where its kind of thing is kept."""

from uuid import UUID

REFERENCES = {
    "outreach": "outr-quokka-7731",
    "clinic": "clin-numbat-0042",
    "hostel": "host-echidna-9",
}
OTHER_REFERENCE = "outr-narwhal-88"
"""Somebody else of the outreach team's, named in one of the records."""

GIVEN, FAMILY = "Zoëphyrine", "Quillfeather"
BIRTH_DATE = "1931-07-29"
FORMER, FORMER_NUMBER, REFUGE = "Thistlewood", "4857773457", "Petrichor House"
"""Told to the hub alone: no agency is ever given them."""
NHS_NUMBER = "9434765919"
ADDRESS, POSTCODE = "17 Marmalade Snicket", "ZZ97 3QQ"
NOTE = "She sleeps beside the nyctophobic wombat and fears the ferryman."
STATEMENT = "I never said bandersnatch to anybody."
UNRELEASED = "Words that galumphing kept to itself."
WORKER, PHONE = "Cornelius Wigglesworth", "07700 900 461"
STAFF_REFERENCE = "staff-ocelot-4417"
CODE = "axolotl-positive"
MEDICINES = "Pangolinium drops, twice a day"
RECORD_ID = "rec-capybara-{}"
REQUEST_ID = str(UUID("5ca1ab1e-0ddb-4a11-8bad-c0ffee15dead"))

WORDS: dict[str, str] = {
    "given name": GIVEN,
    "family name": FAMILY,
    "former family name": FORMER,
    "NHS number before a change of sex marker": FORMER_NUMBER,
    "refuge": "Petrichor",
    "birth date": BIRTH_DATE,
    "NHS number": NHS_NUMBER,
    "address": "Marmalade",
    "address, second word": "Snicket",
    "postcode": POSTCODE,
    "note": "nyctophobic wombat",
    "note, last word": "ferryman",
    "statement": "bandersnatch",
    "unreleased words": "galumphing",
    "worker": "Wigglesworth",
    "phone": PHONE,
    "staff reference": "ocelot",
    "coded answer": "axolotl",
    "emergency card": "Pangolinium",
    "record id": "capybara",
    "outreach's reference": "quokka",
    "clinic's reference": "numbat",
    "hostel's reference": "echidna",
    "other person's reference": "narwhal",
}
"""What is looked for, by what it is."""
