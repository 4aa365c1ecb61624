"""Operations on profiles."""

from __future__ import annotations

from typing import Any

from pms_lab.domain.pms import Preference
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.opera import forms
from pms_lab.sim.pms.faces.opera.desk import Desk, parts
from pms_lab.sim.pms.faces.opera.wire import Asked, answer, bare
from pms_lab.sim.pms.records import Person
from pms_lab.sim.pms.state import Rejected


class Profiles:
    """The operations of the module crm, named as Oracle does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_profiles(self, asked: Asked) -> HttpResponse:
        """Search by the beginning of a name, a whole e-mail address, and the digits of a number."""
        found = [one for one in self._desk.pms.guests.values(asked.as_of) if _matches(asked, one)]
        shown = self._desk.shown(asked.as_of)
        return self._desk.paged(asked, "profileSummaries", "profileInfo", [shown.profile_row(one) for one in found])

    def get_profile(self, asked: Asked) -> HttpResponse:
        """Show a profile; 204 where there is none."""
        person = self._desk.pms.guests.get(asked.path[0], asked.as_of)
        return (
            bare(204)
            if person is None
            else answer(self._desk.shown(asked.as_of).profile(person, parts(asked, "Profile")))
        )

    def put_profile(self, asked: Asked) -> HttpResponse:
        """Change what is given; what names no id is added, for which the simulated hotel has one place."""
        person = self._desk.pms.guest(asked.path[0])
        details = asked.read(forms.PutProfile).profile_details
        fields: dict[str, Any] = {}
        for name in details.customer.person_name:
            fields |= {"first_name": name.given_name, "last_name": name.surname}
        if details.customer.language is not None:
            fields["language"] = details.customer.language
        for email in details.emails.email_info:
            _check_place(email.id, f"E{person.id}", person.email)
            fields["email"] = email.email.email_address or None
        for phone in details.telephones.telephone_info:
            _check_place(phone.id, f"P{person.id}", person.phone)
            fields["phone"] = phone.telephone.phone_number or None
        changed = self._desk.pms.change_guest(person.id, asked.at, **fields)
        return answer(self._desk.shown(asked.at).profile(changed, ["Profile", "Communication"]))

    def post_preference(self, asked: Asked) -> HttpResponse:
        """Add preferences; one that is there already is refused."""
        person = self._desk.pms.guest(asked.path[0])
        added = tuple(
            Preference(kind.preference_type, one.preference_value)
            for kind in asked.read(forms.PostPreference).preference_collections
            for one in kind.preference
        )
        if set(added) & set(person.preferences):
            raise Rejected("invalid", "a preference is there already")
        self._desk.pms.change_guest(person.id, asked.at, preferences=person.preferences + added)
        return answer({}, 201)


def _matches(asked: Asked, person: Person) -> bool:
    name, given_name = asked.text("profileName") or "", asked.text("givenName") or ""
    email, phone = asked.text("email"), asked.text("phone")
    return (
        person.last_name.casefold().startswith(name.casefold())
        and person.first_name.casefold().startswith(given_name.casefold())
        and (email is None or (person.email or "").casefold() == email.casefold())
        and (phone is None or _digits(person.phone or "") == _digits(phone))
    )


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _check_place(named: str | None, own: str, present: str | None) -> None:
    if named is None and present:
        raise Rejected("invalid", "the simulated hotel keeps one address and one number of each guest")
    if named is not None and (named != own or not present):
        raise Rejected("invalid", f"no communication {named}")
