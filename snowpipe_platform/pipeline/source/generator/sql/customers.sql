-- What the source holds (source_*) and what it legitimately means (clean_*) of a customer, each field as a function
-- of the customer's number and the day on which the field was last written.

CREATE TEMP MACRO customer_created_on(number) AS
    getvariable('first_day')::DATE + (CASE
        WHEN number < 1 THEN -1
        WHEN number <= getvariable('customers')
            THEN (number - 1) * 730 // getvariable('customers') - 730
        ELSE (number - 1 - getvariable('customers')) // getvariable('new_customers_a_day') END)::INTEGER;

-- Customers created before the day, which are the ones that can order or change on it.
CREATE TEMP MACRO customers_before(day) AS
    CASE WHEN days_open(day) < 0 THEN getvariable('customers') * (730 + days_open(day)) // 730
         ELSE getvariable('customers') + days_open(day) * getvariable('new_customers_a_day') END;

CREATE TEMP MACRO first_name_of(number) AS pick(getvariable('first_names'), 'first name', number, DATE '2000-01-01');
CREATE TEMP MACRO last_name_of(number) AS pick(getvariable('last_names'), 'last name', number, DATE '2000-01-01');

CREATE TEMP MACRO written_email(number, day) AS
    lower(strip_accents(first_name_of(number)) || '.' || replace(strip_accents(last_name_of(number)), '''', ''))
    || number::VARCHAR || '.' || (draw('email', number, day) % 100)::VARCHAR
    || '@' || pick(getvariable('email_domains'), 'email domain', number, day);
CREATE TEMP MACRO email_dirt(number, day) AS
    CASE WHEN chance('bad_email', number, day) THEN 'bad_email'
         WHEN chance('mixed_case_email', number, day) THEN 'mixed_case_email' END;
CREATE TEMP MACRO source_email(number, day) AS
    CASE email_dirt(number, day)
        WHEN 'bad_email' THEN replace(written_email(number, day), '@',
                                      pick([' at ', '', '@@'], 'bad email', number, day))
        WHEN 'mixed_case_email' THEN '  ' || upper(substr(written_email(number, day), 1, 4))
                                     || substr(written_email(number, day), 5) || ' '
        ELSE written_email(number, day) END;
CREATE TEMP MACRO clean_email(number, day) AS
    CASE WHEN NOT chance('bad_email', number, day) THEN written_email(number, day) END;

-- A North American number: area and exchange codes start with 2 to 9.
CREATE TEMP MACRO phone_area(number, day) AS between_draw(201, 989, 'area code', number, day)::VARCHAR;
CREATE TEMP MACRO phone_exchange(number, day) AS between_draw(200, 999, 'exchange', number, day)::VARCHAR;
CREATE TEMP MACRO phone_line(number, day) AS
    lpad(between_draw(0, 9999, 'phone line', number, day)::VARCHAR, 4, '0');
CREATE TEMP MACRO phone_dirt(number, day) AS
    CASE WHEN chance('missing_phone', number, day) THEN 'missing_phone'
         WHEN chance('bad_phone', number, day) THEN 'bad_phone' END;
CREATE TEMP MACRO formatted_phone(area, exchange, line, style) AS
    CASE style
        WHEN 1 THEN '(' || area || ') ' || exchange || '-' || line
        WHEN 2 THEN area || '.' || exchange || '.' || line
        WHEN 3 THEN '+1 ' || area || ' ' || exchange || ' ' || line
        ELSE '1-' || area || '-' || exchange || '-' || line END;
CREATE TEMP MACRO source_phone(number, day) AS
    CASE phone_dirt(number, day)
        WHEN 'missing_phone' THEN NULL
        WHEN 'bad_phone' THEN phone_exchange(number, day) || '-' || phone_line(number, day)
        ELSE formatted_phone(phone_area(number, day), phone_exchange(number, day), phone_line(number, day),
                             between_draw(1, 4, 'phone style', number, day)) END;
CREATE TEMP MACRO clean_phone(number, day) AS
    CASE WHEN phone_dirt(number, day) IS NULL
         THEN '+1' || phone_area(number, day) || phone_exchange(number, day) || phone_line(number, day) END;

CREATE TEMP MACRO place_of(number, day) AS pick(getvariable('places'), 'place', number, day);
CREATE TEMP MACRO house_number(number, day) AS between_draw(1, 9899, 'house', number, day)::VARCHAR;
CREATE TEMP MACRO street_name(number, day) AS
    pick(getvariable('street_names'), 'street', number, day) || ' '
    || pick(getvariable('street_kinds'), 'street kind', number, day);
CREATE TEMP MACRO clean_street(number, day) AS house_number(number, day) || ' ' || street_name(number, day);
CREATE TEMP MACRO source_street(number, day) AS
    CASE WHEN chance('untidy_address', number, day)
         THEN ' ' || house_number(number, day) || '  ' || street_name(number, day) || ' '
         ELSE clean_street(number, day) END;
CREATE TEMP MACRO source_city(number, day) AS
    CASE WHEN chance('untidy_address', number, day) THEN place_of(number, day).city || ' '
         ELSE place_of(number, day).city END;
CREATE TEMP MACRO state_dirt(number, day) AS
    CASE WHEN chance('mixed_case_state', number, day) THEN 'mixed_case_state' END;
CREATE TEMP MACRO source_state(number, day) AS
    CASE WHEN NOT chance('mixed_case_state', number, day) THEN place_of(number, day).state
         WHEN between_draw(1, 2, 'state style', number, day) = 1 THEN lower(place_of(number, day).state)
         ELSE ' ' || place_of(number, day).state || ' ' END;
CREATE TEMP MACRO five_digit_zip(number, day) AS
    place_of(number, day).zip3 || lpad(between_draw(0, 99, 'zip', number, day)::VARCHAR, 2, '0');
CREATE TEMP MACRO zip_dirt(number, day) AS CASE WHEN chance('bad_zip', number, day) THEN 'bad_zip' END;
CREATE TEMP MACRO source_zip(number, day) AS
    CASE WHEN chance('bad_zip', number, day) THEN pick(['ABCDE', '123'], 'bad zip', number, day)
         WHEN chance('zip_plus_four', number, day)
            THEN five_digit_zip(number, day) || '-'
                 || lpad(between_draw(0, 9999, 'zip plus four', number, day)::VARCHAR, 4, '0')
         ELSE five_digit_zip(number, day) END;
CREATE TEMP MACRO clean_zip(number, day) AS
    CASE WHEN NOT chance('bad_zip', number, day) THEN five_digit_zip(number, day) END;
