"""The resources of QloApps's web service: their fields, in order, and how XML marks them.

A field's text is its name and marks: ``>orders`` links to a resource, ``!`` is said to be not filterable, ``*`` is
translated, ``-`` is shown only when it is asked for by name.

Source: answers of QloApps 1.6.1.0, recorded; see tests/fixtures/qloapps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource.

    Attributes:
        link: the resource that its value is an id of; empty for none.
        is_filterable: whether XML calls it so. The vendor's own check does not heed it.
        is_hidden: left out of ``display=full``.
    """

    name: str
    link: str = ""
    is_filterable: bool = True
    is_translated: bool = False
    is_hidden: bool = False

    @property
    def is_date_of_record(self) -> bool:
        """Whether it can be filtered by with ``date=1`` only."""
        return self.name in ("date_add", "date_upd")


@dataclass(frozen=True, slots=True)
class Association:
    """A list of other records that a record names.

    Attributes:
        link: where its items are, below the API; ``{id}`` stands for the id of the record that names them.
        is_virtual: shown without the name of an API.
    """

    name: str
    item: str
    link: str
    is_virtual: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: `many` and `one` are the names that its answers use."""

    name: str
    many: str
    one: str
    fields: tuple[Field, ...]
    associations: tuple[Association, ...] = ()

    def filterable(self, *, with_dates: bool) -> list[str]:
        """Return the names of the fields that a list may be filtered and sorted by."""
        return [
            field.name
            for field in self.fields
            if not field.is_translated and not field.is_hidden and (with_dates or not field.is_date_of_record)
        ]


def _field(text: str) -> Field:
    name, _, link = text.rstrip("!*-").partition(">")
    marks = text[len(text.rstrip("!*-")) :]
    return Field(name, link, "!" not in marks, "*" in marks, "-" in marks)


def _resource(
    name: str, one: str, fields: str, *associations: Association, many: str | None = None
) -> tuple[str, Resource]:
    return name, Resource(name, many or name, one, tuple(map(_field, fields.split())), associations)


_PRODUCT = """
    id_shop_default reference supplier_reference location width height depth weight quantity_discount ean13 upc
    cache_is_pack cache_has_attachments is_virtual {kind} on_sale online_only ecotax minimal_quantity
    allow_multiple_quantity max_quantity price_calculation_method price wholesale_price unity unit_price_ratio
    additional_shipping_cost customizable text_fields uploadable_files active redirect_type id_product_redirected
    available_for_order available_date condition auto_add_to_cart price_addition_type show_at_front show_price indexed
    visibility advanced_stock_management date_add date_upd pack_stock_type meta_description* meta_keywords* meta_title*
    link_rewrite* name* description* description_short* available_now* available_later*"""

_CUSTOMER = """
    id id_default_group>groups id_lang>languages newsletter_date_add ip_registration_newsletter last_passwd_gen
    secure_key deleted passwd phone lastname firstname email id_gender birthday newsletter optin website company siret
    ape outstanding_allow_amount show_public_prices id_risk max_payment_days active note is_guest id_shop id_shop_group
    date_add date_upd"""

_ORDER = """
    id id_address_delivery>addresses id_address_invoice>addresses id_address_tax>addresses id_cart>carts
    id_currency>currencies id_lang>languages id_customer>customers current_state>order_states module invoice_number
    invoice_date valid date_add date_upd transaction_id! id_shop_group- id_shop- id_carrier- secure_key payment
    payment_type recyclable- gift- gift_message- mobile_theme- total_discounts total_discounts_tax_incl
    total_discounts_tax_excl total_paid total_paid_tax_incl total_paid_tax_excl total_paid_real total_products
    total_products_wt total_shipping- total_shipping_tax_incl- total_shipping_tax_excl- carrier_tax_rate-
    total_wrapping- total_wrapping_tax_incl- total_wrapping_tax_excl- round_mode- round_type- shipping_number-
    conversion_rate delivery_number- delivery_date- source reference is_advance_payment advance_paid_amount
    with_occupancy"""

_ROOM_BOOKING = """
    id id_product>products id_hotel>hotels id_order>orders id_order_detail id_cart id_room id_customer booking_type
    id_status comment check_in check_out date_from date_to total_price_tax_excl total_price_tax_incl total_paid_amount
    is_refunded is_cancelled is_back_order room_num room_type_name hotel_name city state country zipcode phone email
    check_in_time check_out_time adults children child_ages date_add date_upd"""

_FEATURE_PRICE = """
    id id_product>room_types id_cart id_guest id_room date_from date_to impact_way is_special_days_exists
    date_selection_type special_days impact_type impact_value active date_add date_upd feature_price_name*"""

_HOTEL = """
    id phone address id_country>countries id_state>states city zipcode id_default_image! use_global_max_order_date
    max_order_date use_global_preparation_time preparation_time id_category email rating check_in check_out active
    latitude longitude map_formated_address map_input_text active_refund date_add date_upd policies* hotel_name*
    description* short_description*"""


def _listed(name: str, item: str, link: str = "") -> Association:
    return Association(name, item, link or name)


RESOURCES: Final[Mapping[str, Resource]] = dict(
    [
        _resource(
            "hotels",
            "hotel",
            _HOTEL,
            _listed("room_types", "room_types"),
            _listed("images", "image"),
            _listed("hotel_features", "hotel_feature"),
            _listed("hotel_refund_rules", "hotel_refund_rule"),
        ),
        _resource(
            "room_types",
            "room_type",
            """id id_hotel>hotels! adults! children! id_manufacturer id_supplier id_category_default>categories new
            cache_default_attribute id_default_image>images/room_types/{id}! id_tax_rules_group>tax_rule_groups
            position_in_category! type!"""
            + _PRODUCT.format(kind=""),
            _listed("advance_payments", "advance_payment"),
            _listed("categories", "category"),
            _listed("images", "image", "images/room_types/{id}"),
            _listed("room_type_features", "room_type_feature"),
            _listed("tags", "tag"),
            _listed("hotel_rooms", "hotel_room"),
            _listed("feature_prices", "feature_price"),
            _listed("extra_demands", "extra_demand"),
            _listed("services", "service"),
        ),
        _resource(
            "services",
            "service",
            """id id_manufacturer id_supplier id_category_default>categories new cache_default_attribute
            id_default_image>images/services/{id}! id_tax_rules_group>tax_rule_groups position_in_category! quantity!
            type!"""
            + _PRODUCT.format(kind="service_product_type"),
            _listed("categories", "category"),
            _listed("images", "image", "images/services/{id}"),
            _listed("feature_prices", "feature_price"),
        ),
        _resource(
            "hotel_room_types",
            "hotel_room_type",
            """id id_product>room_types id_hotel>hotels adults children max_adults max_children max_guests min_los
            max_los date_add date_upd""",
            _listed("hotel_rooms", "hotel_room"),
        ),
        _resource(
            "hotel_rooms",
            "room",
            "id id_product>products id_hotel>hotels room_num id_status floor comment date_add date_upd",
            many="rooms",
        ),
        _resource(
            "order_states",
            "order_state",
            """id unremovable delivery hidden send_email module_name invoice color logable shipped paid pdf_delivery
            pdf_invoice deleted name* template*""",
        ),
        _resource(
            "currencies",
            "currency",
            "id name iso_code iso_code_num blank sign format decimals conversion_rate deleted active",
        ),
        _resource(
            "languages",
            "language",
            "id name iso_code language_code active is_rtl date_format_lite date_format_full",
        ),
        _resource("groups", "group", "id reduction price_display_method show_prices date_add date_upd name*"),
        _resource("configurations", "configuration", "id value name id_shop_group id_shop date_add date_upd"),
        _resource("customers", "customer", _CUSTOMER, _listed("groups", "group")),
        _resource("orders", "order", _ORDER, Association("bookings", "booking", "bookings", is_virtual=True)),
        _resource(
            "room_bookings",
            "booking",
            _ROOM_BOOKING,
            _listed("booking_extra_demands", "extra_demand"),
            many="bookings",
        ),
        _resource("bookings", "booking", "id"),
        _resource(
            "order_histories",
            "order_history",
            "id id_employee id_order_state>order_states id_order>orders date_add",
        ),
        _resource("feature_prices", "feature_price", _FEATURE_PRICE, _listed("groups", "group")),
        _resource(
            "customer_threads",
            "customer_thread",
            """id id_lang>languages id_shop>shops id_customer>customers id_order>orders id_product id_contact email
            token status date_add date_upd""",
            _listed("customer_messages", "customer_message"),
        ),
        _resource(
            "customer_messages",
            "customer_message",
            """id id_employee id_customer_thread>customer_threads ip_address message file_name user_agent private
            date_add date_upd read""",
        ),
    ]
)
"""The resources that the face answers for, but `hotel_ari`, which is no list of records."""

_NAMES = """
    addresses advance_payments booking_extra_demands bookings carriers cart_bookings cart_rules carts categories
    combinations configurations contacts content_management_system countries currencies customer_messages
    customer_threads customers customizations deliveries demand_advance_options employees extra_demands extra_services
    feature_prices groups guests hotel_ari hotel_features hotel_refund_rules hotel_room_types hotel_rooms hotels
    image_types images languages manufacturers order_carriers order_details order_discounts order_histories
    order_invoices order_payments order_slip order_states orders price_ranges product_customization_fields
    product_suppliers qlo room_bookings room_type_feature_values room_type_features room_type_option_values
    room_type_options room_types search services shop_groups shop_urls shops specific_price_rules specific_prices
    states stock_availables stock_movement_reasons stock_movements stocks stores suppliers supply_order_details
    supply_order_histories supply_order_receipt_histories supply_order_states supply_orders tags tax_rule_groups
    tax_rules taxes translated_configurations warehouse_product_locations warehouses weight_ranges zones"""

ALL_NAMES: Final = tuple(_NAMES.split())
"""Every resource that QloApps 1.6.1 has."""


def closest(name: str, names: Iterable[str]) -> str:
    """Return the name that takes the fewest edits, the last of equals, as the vendor's messages suggest it."""
    return min(reversed(list(names)), key=lambda other: _edits(name, other))


def _edits(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row[0] = row[0], at
        for to, against in enumerate(other, 1):
            before, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, before + (letter != against))
    return row[-1]
