-- Every value is drawn from a hash of (seed, what is drawn, number of the row, day): never from a random state,
-- so neither the order of rows nor the number of threads can change it.
CREATE TEMP MACRO draw(what, number, day) AS
    hash(getvariable('seed')::BIGINT, what, number::BIGINT, day::DATE);

-- Numbers below 1 are the customers without a key, which carry no other dirt.
CREATE TEMP MACRO chance(what, number, day) AS
    number > 0 AND draw(what, number, day) % 1000000 < getvariable('per_million')[what]::UBIGINT;

CREATE TEMP MACRO pick(choices, what, number, day) AS
    choices[(1 + draw(what, number, day) % len(choices)::UBIGINT)::BIGINT];

CREATE TEMP MACRO between_draw(low, high, what, number, day) AS
    low + (draw(what, number, day) % (high - low + 1)::UBIGINT)::BIGINT;

-- Instants are UTC with microsecond digits, inside the day.
CREATE TEMP MACRO moment(what, number, day) AS
    day::TIMESTAMP + to_microseconds((draw(what, number, day) % 86400000000)::BIGINT);

-- The nightly job between 02:00 and 03:00: everything it changes shares one instant.
CREATE TEMP MACRO nightly_job_at(what, day) AS
    day::TIMESTAMP + INTERVAL 2 HOUR + to_microseconds((draw(what, 1, day) % 3600000000)::BIGINT);

CREATE TEMP MACRO change_moment(what, number, day) AS
    CASE WHEN draw(what || ' in batch', number, day) % 1000000 < getvariable('per_million')['batch_job']::UBIGINT
         THEN nightly_job_at(what, day)
         ELSE moment(what, number, day) END;

-- In the 20 hours before the midnight at which the day before was complete.
CREATE TEMP MACRO late_moment(what, number, day) AS
    day::TIMESTAMP - to_microseconds((1 + draw(what || ' late by', number, day) % 72000000000)::BIGINT);

CREATE TEMP MACRO today() AS getvariable('today')::DATE;
CREATE TEMP MACRO days_open(day) AS (day::DATE - getvariable('first_day')::DATE)::BIGINT;

CREATE TEMP MACRO customer_id_of(number) AS
    CASE WHEN number > 0 THEN 'C' || lpad(number::VARCHAR, 9, '0') END;
CREATE TEMP MACRO order_id_of(number) AS 'O' || lpad(number::VARCHAR, 10, '0');
CREATE TEMP MACRO product_id_of(number) AS 'P' || lpad(number::VARCHAR, 6, '0');
CREATE TEMP MACRO number_of(id) AS substr(id, 2)::BIGINT;
CREATE TEMP MACRO line_draw_number(order_number, line_number) AS order_number * 10 + line_number;
