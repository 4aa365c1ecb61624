"""OPERA's answers about guests, as far as we read them.

Names are OPERA's. Source: its description crm, version 25.5.0.0.
"""

from __future__ import annotations

from pms_lab.adapters.opera.models import Answer, CommentInfo, Customer, Id, Page, Time


class Email(Answer):
    """An e-mail address."""

    email_address: str = ""
    primary_ind: bool = False


class EmailInfo(Answer):
    """An e-mail address with its id."""

    id: str | None = None
    email: Email = Email()


class Telephone(Answer):
    """A telephone number."""

    phone_number: str = ""
    primary_ind: bool = False


class TelephoneInfo(Answer):
    """A telephone number with its id."""

    id: str | None = None
    telephone: Telephone = Telephone()


class Emails(Answer):
    """E-mail addresses."""

    email_info: tuple[EmailInfo, ...] = ()


class Telephones(Answer):
    """Telephone numbers."""

    telephone_info: tuple[TelephoneInfo, ...] = ()


class Comments(Answer):
    """Notes about a person."""

    comment_info: tuple[CommentInfo, ...] = ()


class Membership(Answer):
    """A membership of a loyalty programme."""

    membership_id: str | None = None
    primary_membership: bool = False


class Memberships(Answer):
    """All memberships."""

    profile_membership: tuple[Membership, ...] = ()


class PreferenceOfType(Answer):
    """One preference."""

    preference_value: str = ""


class PreferenceType(Answer):
    """The preferences of one type."""

    preference_type: str
    preference: tuple[PreferenceOfType, ...] = ()


class PreferenceCollection(Answer):
    """All preferences."""

    preference_type: tuple[PreferenceType, ...] = ()


class ProfileDetails(Answer):
    """What is known of a person."""

    customer: Customer
    emails: Emails = Emails()
    telephones: Telephones = Telephones()
    comments: Comments = Comments()
    profile_memberships: Memberships = Memberships()
    preference_collection: PreferenceCollection = PreferenceCollection()
    last_modify_date_time: Time | None = None


class Profile(Answer):
    """The answer to `getProfile`."""

    profile_id_list: tuple[Id, ...]
    profile_details: ProfileDetails


class FormerName(Answer):
    """The name in a list of profiles: `name` is the family name."""

    name: str = ""
    given_name: str = ""
    language: str | None = None


class ProfileSummary(Answer):
    """A person in a list: the first address and number only."""

    former_name: FormerName = FormerName()
    email_info: EmailInfo = EmailInfo()
    telephone_info: TelephoneInfo = TelephoneInfo()
    last_modify_date_time: Time | None = None


class ProfileInfo(Answer):
    """A person in a list, with ids."""

    profile_id_list: tuple[Id, ...]
    profile: ProfileSummary


class ProfilePage(Page):
    """A page of profiles."""

    profile_info: tuple[ProfileInfo, ...] = ()


class ProfileList(Answer):
    """The answer to `getProfiles`."""

    profile_summaries: ProfilePage
