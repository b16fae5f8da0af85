"""The kinds of lists of students that platforms export: by which columns each is known, and what they are here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What columns are called elsewhere; compared in small letters without spaces and punctuation.
ALIASES: Mapping[str, Sequence[str]] = {
    "First name": ("firstname", "vorname", "prénom", "nombre", "givenname"),
    "Last name": ("lastname", "surname", "nachname", "nom", "nomdefamille", "apellidos", "familyname"),
    "Full name": ("fullname", "vollständigername", "nomcomplet", "nombrecompleto", "firstnamelastname"),
    "ID number": ("idnumber", "idnummer", "numérodidentification", "númerodeid"),
    "Email address": ("emailaddress", "email", "emailadresse", "adressedecourriel", "direccióndecorreo"),
    "Username": ("username", "anmeldename", "nomdutilisateur", "nombredeusuario"),
    "Identifier": ("identifier", "id", "participant", "identifiant", "identificador"),
    "Groups": ("groups", "group", "gruppen", "groupes", "grupos"),
    "Role": ("role", "roles", "rolle", "rollen", "rôle", "rôles", "rol", "roles"),
}


@dataclass(frozen=True)
class Form:
    """One kind of list: by which columns it is known, and what its columns are in the roster.

    Names of columns are written small, without spaces and punctuation. `ids` are those that can be a student's id, the
    likeliest first; `kept` stay in the roster, under the platform's own names.
    """

    title: str
    platform: str
    needs: tuple[frozenset[str], ...]
    number: str
    names: tuple[str, ...]
    ids: tuple[str, ...]
    kept: Mapping[str, str]
    roles: tuple[str, ...] = ("role", "roles")


def _any(*names: str) -> frozenset[str]:
    return frozenset(names)


def _moodle(column: str) -> tuple[str, ...]:
    return tuple(ALIASES[column])


SIS = {
    "sisuserid": "SIS User ID",
    "sisloginid": "SIS Login ID",
    "section": "Section",
    "integrationid": "Integration ID",
}
SIS |= {"rootaccount": "Root Account"}
LOGIN = _any("sisloginid", "sisuserid", "section")
MOODLE_KEPT = {alias: name for name in ("Username", "ID number", "Email address", "Groups") for alias in ALIASES[name]}
MOODLE_IDS = (*_moodle("Username"), *_moodle("ID number"), *_moodle("Email address"))
FORMS = (
    Form(
        "Canvas's gradebook", "canvas", (_any("id"), _any("student"), LOGIN), "id", ("student",),
        ("sisloginid", "sisuserid", "id"), SIS,
    ),
    Form(
        "Canvas's gradebook", "canvas", (_any("id"), _any("lastname"), _any("firstname"), LOGIN), "id",
        ("lastname", "firstname"), ("sisloginid", "sisuserid", "id"), SIS,
    ),
    Form(
        "Canvas's class roster", "canvas", (_any("studentname"), _any("studentid"), _any("studentsisid", "email")),
        "studentid", ("studentname",), ("email", "studentsisid"),
        {"studentsisid": "SIS User ID", "email": "Email address", "sectionname": "Section"},
    ),
    Form(
        "Canvas's report of users", "canvas", (_any("canvasuserid"), _any("loginid")), "canvasuserid",
        ("sortablename", "fullname", "shortname"), ("loginid", "userid"),
        {"userid": "SIS User ID", "loginid": "SIS Login ID", "email": "Email address"},
    ),
    Form(
        "Canvas's people", "canvas", (_any("name"), _any("loginid", "sisid"), _any("role", "section")), "id", ("name",),
        ("loginid", "sisid"), {"sisid": "SIS User ID", "loginid": "SIS Login ID", "section": "Section"},
    ),
    Form(
        "a grading worksheet of Moodle", "moodle",
        (_any(*_moodle("Identifier")), _any(*_moodle("Full name")), _any(*MOODLE_IDS)), "*",
        _moodle("Full name"), MOODLE_IDS, MOODLE_KEPT, _moodle("Role"),
    ),
    Form(
        "a list of one's own", "", (_any("student"),), "number", ("name", "fullname"), ("student",), SIS | MOODLE_KEPT,
    ),
    Form(
        "a list of one's own", "", (_any("name"), _any("username", "login")), "number", ("name",),
        ("username", "login"), SIS | MOODLE_KEPT,
    ),
    Form(
        "nbgrader's list of students", "", (_any("id"), _any("firstname"), _any("lastname")), "",
        ("firstname", "lastname"), ("id",), {"email": "Email address"},
    ),
    Form(
        "Moodle's participants or grades", "moodle",
        (_any(*_moodle("First name")), _any(*_moodle("Last name")), _any(*MOODLE_IDS)), "", (), MOODLE_IDS, MOODLE_KEPT,
        _moodle("Role"),
    ),
    Form(
        "a list of Moodle", "moodle", (_any(*_moodle("Full name"), *_moodle("Username")), _any(*MOODLE_IDS)), "",
        _moodle("Full name"), MOODLE_IDS, MOODLE_KEPT, _moodle("Role"),
    ),
)  # fmt: skip


def key_of(name: str) -> str:
    """A column's name as the forms write it: `SIS Login ID` is sisloginid, `E-Mail-Adresse` emailadresse."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())
