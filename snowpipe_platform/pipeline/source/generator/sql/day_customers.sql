-- The customers rows that today commits, worked out from the state at the end of yesterday.
-- Truth is read up to yesterday only, so the result is the same when truth already holds today.

CREATE OR REPLACE TEMP TABLE day_customers AS
WITH picked AS (
    SELECT range AS number, customer_id_of(range) AS customer_id,
        pick(['email', 'phone', 'address'], 'changed field', range, today()) AS field
    FROM range(1, customers_before(today()) + 1)
    WHERE chance('customer_change', range, today())
), yesterday AS (
    SELECT DISTINCT c.* FROM warehouse.customers AS c SEMI JOIN picked USING (customer_id)
), meaning AS (
    SELECT customer_id, arg_max(v, changed_at) AS clean
    FROM truth.customer_versions AS v SEMI JOIN picked USING (customer_id)
    WHERE committed_on < today()
    GROUP BY customer_id
), timed AS (
    SELECT picked.number, picked.field, meaning.clean, yesterday.*,
        chance('late_customer', picked.number, today())
            AND late_moment('customer', picked.number, today()) > yesterday.updated_at AS is_late
    FROM picked JOIN yesterday USING (customer_id) JOIN meaning USING (customer_id)
)
SELECT number, customer_id, false AS is_new, is_late, field, first_name, last_name, created_at,
    CASE WHEN is_late THEN late_moment('customer', number, today())
         ELSE change_moment('customer', number, today()) END AS updated_at,
    CASE field WHEN 'email' THEN source_email(number, today()) ELSE email END AS email,
    CASE field WHEN 'phone' THEN source_phone(number, today()) ELSE phone END AS phone,
    CASE field WHEN 'address' THEN source_street(number, today()) ELSE address END AS address,
    CASE field WHEN 'address' THEN source_city(number, today()) ELSE city END AS city,
    CASE field WHEN 'address' THEN source_state(number, today()) ELSE state END AS state,
    CASE field WHEN 'address' THEN source_zip(number, today()) ELSE zip_code END AS zip_code,
    CASE field WHEN 'email' THEN clean_email(number, today()) ELSE clean.email END AS clean_email,
    CASE field WHEN 'phone' THEN clean_phone(number, today()) ELSE clean.phone END AS clean_phone,
    CASE field WHEN 'address' THEN clean_street(number, today()) ELSE clean.street END AS clean_street,
    CASE field WHEN 'address' THEN place_of(number, today()).city ELSE clean.city END AS clean_city,
    CASE field WHEN 'address' THEN place_of(number, today()).state ELSE clean.state END AS clean_state,
    CASE field WHEN 'address' THEN clean_zip(number, today()) ELSE clean.zip_code END AS clean_zip
FROM timed;

INSERT INTO day_customers
WITH signed_up AS (
    SELECT customers_before(today()) + range AS number FROM range(1, getvariable('new_customers_a_day') + 1)
    UNION ALL
    -- Below the numbers that the initial history took.
    SELECT -100 - days_open(today()) WHERE chance('null_key', days_open(today()) + 1, today())
)
SELECT number, customer_id_of(number), true, false, 'all', first_name_of(number), last_name_of(number),
    moment('customer created', number, today()), moment('customer created', number, today()),
    source_email(number, today()), source_phone(number, today()), source_street(number, today()),
    source_city(number, today()), source_state(number, today()), source_zip(number, today()),
    clean_email(number, today()), clean_phone(number, today()), clean_street(number, today()),
    place_of(number, today()).city, place_of(number, today()).state, clean_zip(number, today())
FROM signed_up;
