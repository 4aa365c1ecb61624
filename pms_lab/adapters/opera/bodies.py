"""Our writes into OPERA's bodies. Forms: Oracle's descriptions crm, rsv, csh, rtp and inv, version 25.5.0.0."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from pms_lab.adapters.opera import guest_models as guests
from pms_lab.adapters.opera import models
from pms_lab.adapters.opera.access import OperaCredentials
from pms_lab.adapters.opera.hotel_models import PERSONS
from pms_lab.adapters.opera.nouns import SPECIAL_REQUESTS, emails_of, is_request, name_of, phones_of, theirs
from pms_lab.adapters.opera.rate_runs import RateRun
from pms_lab.adapters.writing import Json
from pms_lab.domain.money import Money
from pms_lab.domain.pms import Preference
from pms_lab.domain.property import Property
from pms_lab.domain.stay import StayDates
from pms_lab.domain.writes import (
    AddNote,
    CancelReservation,
    CreateReservation,
    PostCharge,
    SetAvailability,
    SetSpecialRequests,
    UpdateGuest,
)

Body = dict[str, Json]

WEEK: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def changed_profile(write: UpdateGuest, profile: guests.Profile) -> Body:
    """Return the body of `putProfile`: what has an id there is changed by it, so that nothing is added beside it."""
    details: Body = {}
    customer: Body = {}
    name = name_of(profile.profile_details.customer)
    if write.first_name is not None or write.last_name is not None:
        given = name.given_name if write.first_name is None else write.first_name
        surname = name.surname if write.last_name is None else write.last_name
        customer["personName"] = [{"givenName": given, "surname": surname, "nameType": "Primary"}]
    if write.language is not None:
        customer["language"] = write.language
    if customer:
        details["customer"] = customer
    if write.email is not None:
        email: Body = {"emailAddress": write.email, "primaryInd": True}
        details["emails"] = {"emailInfo": [_with_id([one.id for one in emails_of(profile)], {"email": email})]}
    if write.phone is not None:
        phone: Body = {"phoneNumber": write.phone, "primaryInd": True}
        details["telephones"] = {
            "telephoneInfo": [_with_id([one.id for one in phones_of(profile)], {"telephone": phone})]
        }
    return {"profileDetails": details}


def added_preferences(preferences: tuple[Preference, ...]) -> Body:
    """Return the body of `postPreference`."""
    kinds: dict[str, list[Json]] = {}
    for one in preferences:
        kinds.setdefault(one.kind, []).append({"preferenceValue": one.value})
    return {"preferenceCollections": [{"preferenceType": kind, "preference": ones} for kind, ones in kinds.items()]}


def note(write: AddNote, note_type: str) -> Body:
    """Return the comment of a note, with the business key as its title.

    A comment without an id is added to those that are there, as the example of `putReservation` shows.
    """
    return {"comment": _comment(write.text, write.key, note_type)}


def request(write: SetSpecialRequests, reservation: models.Reservation, note_type: str) -> Body | None:
    """Return the comment of the special requests; None where nothing is to be changed.

    One that is there is changed by its id. A comment without content is deleted, as its description says.
    """
    old = next((one for one in reservation.comments if is_request(one)), None)
    known: Body = {} if old is None or old.id is None else {"id": old.id, "type": "Comment"}
    if not write.text:
        return {**known, "comment": {}} if known else None
    return {**known, "comment": _comment(write.text, SPECIAL_REQUESTS, note_type)}


def changed_reservation(**fields: Json) -> Body:
    """Return the body of `putReservation`: what is left out stays as it is."""
    return {"reservations": [fields]}


def leaving(at: datetime, zone: ZoneInfo) -> Body:
    """Return the part of a stay that says when the guest leaves, by the property's clock."""
    local = at.astimezone(zone)
    return {"expectedTimes": {"reservationExpectedDepartureTime": f"{local:%Y-%m-%d %H:%M:%S}.0"}}


def dates(stay: StayDates) -> Body:
    """Return the part of a stay that says its dates."""
    return {"arrivalDate": stay.check_in.isoformat(), "departureDate": stay.check_out.isoformat()}


def new_reservation(write: CreateReservation, place: Property, credentials: OperaCredentials) -> Body:
    """Return the body of `postReservation`, with the business key as an external reference."""
    reservation: Body = {
        "externalReferences": [{"id": write.key, "idContext": credentials.external_system}],
        "customReference": write.source,
        "roomStay": {
            **dates(write.stay),
            "guestCounts": _counts(write),
            "roomRates": [_room_rate(write, place)],
            "guarantee": {"guaranteeCode": credentials.guarantee},
        },
        "reservationGuests": [{"profileInfo": _booker(write), "primary": True}],
        "reservationPaymentMethods": [{"paymentMethod": credentials.payment_method, "folioView": 1}],
        "hotelId": place.code,
        "reservationStatus": "Reserved",
    }
    return {"reservations": {"reservation": [reservation]}}


def cancelled(write: CancelReservation, hotel: str, code: str) -> Body:
    """Return the body of `postCancelReservation`."""
    reservation: Body = {"reservationIdList": [_reservation_id(theirs(write.reservation))], "hotelId": hotel}
    return {
        "reason": {"code": code, "description": write.reason},
        "reservations": [reservation],
        "verificationOnly": False,
    }


def checked_out(reservation: str, hotel: str, cashier_id: int | None) -> Body:
    """Return the body of `postCheckOut`."""
    fields: Body = {
        "hotelId": hotel,
        "reservationIdList": [_reservation_id(reservation)],
        "eventType": "CheckOut",
        "stopCheckout": False,
    }
    return {"reservation": {**fields, **_cashier(cashier_id)}, "verificationOnly": False}


def charged(write: PostCharge, code: str, hotel: str, cashier_id: int | None) -> Body:
    """Return the body of `postBillingCharges`, with the business key as the posting's reference.

    It names no date: OPERA posts to its own business date.
    """
    charge: Body = {
        "transactionCode": code,
        "price": {"amount": write.amount.amount, "currencyCode": write.amount.currency},
        "postingQuantity": 1,
        "postingReference": write.key,
        "postingRemark": write.description,
    }
    criteria: Body = {
        "hotelId": hotel,
        "charges": [charge],
        "reservationId": {**_reservation_id(theirs(write.reservation)), "idContext": "OPERA"},
    }
    return {"criteria": {**criteria, **_cashier(cashier_id)}}


def daily_rates(hotel: str, run: RateRun) -> Body:
    """Return the body of `setDailyRatePlanScheduleRange`: absolute amounts by the number of adults.

    The range includes its last night. The days of the week are all named, so that none depends on a default.
    """
    last = run.nights.check_out - timedelta(days=1)
    span: Json = {"startDate": run.nights.check_in.isoformat(), "endDate": last.isoformat()}
    return {
        "dailyRateScheduleRange": {
            "hotelId": hotel,
            "ratePlanCode": run.plan,
            "roomTypes": [run.product],
            "dateRange": {"timeSpan": span, **dict.fromkeys(WEEK, True)},
            "incrementFlag": False,
            "rateAmounts": {f"{PERSONS[persons - 1]}PersonRate": amount for persons, amount in run.amounts.items()},
        }
    }


def sell_limits(write: SetAvailability, place: Property) -> Body:
    """Return the body of `changeSellLimitByDate`."""
    limits: list[Json] = [
        {
            "date": night.isoformat(),
            "amount": rooms,
            "flatOrPercentage": "Flat",
            "roomType": place.vendor_product(product),
        }
        for (product, night), rooms in write.rooms.items()
    ]
    return {"sellLimitsByDate": {"hotelId": place.code, "roomTypeSellLimits": limits}}


def _with_id(known: list[str | None], info: Body) -> Body:
    first = next(iter(known), None)
    return info if first is None else {**info, "id": first, "type": "Communication"}


def _comment(text: str, title: str, note_type: str) -> Body:
    return {"text": {"value": text}, "commentTitle": title, "type": note_type, "internal": True}


def _counts(write: CreateReservation) -> Body:
    return {"adults": write.adults, "children": write.children}


def _room_rate(write: CreateReservation, place: Property) -> Body:
    last = write.stay.check_out - timedelta(days=1)
    rate: Body = {
        "roomType": place.vendor_product(write.product),
        "ratePlanCode": write.rate_plan or place.rate_plan,
        "start": write.stay.check_in.isoformat(),
        "end": last.isoformat(),
        "numberOfUnits": 1,
        "guestCounts": _counts(write),
    }
    if write.total is None:
        return rate
    nightly: list[Json] = [
        {"start": night.isoformat(), "end": night.isoformat(), "base": _base(share, write.total.currency)}
        for night, share in _shares(write.total, write.stay)
    ]
    return {**rate, "fixedRate": True, "rates": {"rate": nightly}}


def _base(amount: Decimal, currency: str) -> Body:
    return {"amountBeforeTax": amount, "currencyCode": currency}


def _shares(total: Money, stay: StayDates) -> Iterator[tuple[date, Decimal]]:
    """Split a total over the nights, in units of its own last digit; the last night takes what is left."""
    share = (total.amount / stay.nights).quantize(total.amount, ROUND_DOWN)
    *nights, last = stay
    yield from ((night, share) for night in nights)
    yield last, total.amount - share * len(nights)


def _booker(write: CreateReservation) -> Body:
    if write.guest is not None:
        return {"profileIdList": [{"id": theirs(write.guest), "type": "Profile"}]}
    profile: Body = {
        "customer": {
            "personName": [{"givenName": write.first_name, "surname": write.last_name, "nameType": "Primary"}]
        },
        "emails": {"emailInfo": [{"email": {"emailAddress": write.email, "primaryInd": True}}]},
        "profileType": "Guest",
    }
    if write.phone:
        telephone: Json = {"phoneNumber": write.phone, "primaryInd": True}
        profile["telephones"] = {"telephoneInfo": [{"telephone": telephone}]}
    return {"profile": profile}


def _reservation_id(reservation: str) -> dict[str, Json]:
    return {"id": reservation, "type": "Reservation"}


def _cashier(cashier_id: int | None) -> Body:
    return {} if cashier_id is None else {"cashierId": cashier_id}
