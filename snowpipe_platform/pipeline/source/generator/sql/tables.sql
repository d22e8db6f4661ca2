-- The warehouse: current state only. Instants are UTC without a zone, amounts are USD.

-- One customer, some rows twice; a handful have no key.
CREATE TABLE warehouse.customers (
    customer_id VARCHAR, first_name VARCHAR, last_name VARCHAR, email VARCHAR, phone VARCHAR, address VARCHAR,
    city VARCHAR, state VARCHAR, zip_code VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP);
-- One order. order_total counts the true quantity of every line once, also where the line's text is not a number.
CREATE TABLE warehouse.orders (
    order_id VARCHAR, customer_id VARCHAR, status VARCHAR, currency VARCHAR, order_total DECIMAL(18, 2),
    ordered_at TIMESTAMP, updated_at TIMESTAMP);
-- One line of an order, some rows twice. unit_price is the product's price on the day of the order.
CREATE TABLE warehouse.order_lines (
    order_id VARCHAR, line_number INTEGER, product_id VARCHAR, quantity VARCHAR, unit_price DECIMAL(18, 2),
    updated_at TIMESTAMP);
-- One product on sale; a delisted one has no row.
CREATE TABLE warehouse.products (
    product_id VARCHAR, product_name VARCHAR, category VARCHAR, list_price DECIMAL(18, 2), created_at TIMESTAMP);
-- One row: the midnight that ends the current day.
CREATE TABLE warehouse.source_clock (now_at TIMESTAMP);

-- The truth: clean values and every state that was visible at the end of some day. changed_at is the source's
-- updated_at, committed_on the day on whose evening the state was first visible: one day later where it came late, and
-- for the history the day of changed_at. Two versions that follow one another can be equal but for changed_at.

-- (customer_id, changed_at). A value is NULL where the source's is missing or cannot be understood.
CREATE TABLE truth.customer_versions (
    customer_id VARCHAR, changed_at TIMESTAMP, committed_on DATE, first_name VARCHAR, last_name VARCHAR,
    email VARCHAR, phone VARCHAR, street VARCHAR, city VARCHAR, state VARCHAR, zip_code VARCHAR,
    created_at TIMESTAMP);
-- (order_id, changed_at).
CREATE TABLE truth.order_versions (
    order_id VARCHAR, changed_at TIMESTAMP, committed_on DATE, customer_id VARCHAR, status VARCHAR,
    currency VARCHAR, order_total DECIMAL(18, 2), ordered_at TIMESTAMP);
-- (order_id, line_number, changed_at). quantity is NULL where source_quantity is not a number.
CREATE TABLE truth.order_line_versions (
    order_id VARCHAR, line_number INTEGER, changed_at TIMESTAMP, committed_on DATE, product_id VARCHAR,
    quantity BIGINT, source_quantity VARCHAR, unit_price DECIMAL(18, 2));
-- (product_id, seen_on), a row for each day that changed it.
CREATE TABLE truth.product_versions (
    product_id VARCHAR, seen_on DATE, product_name VARCHAR, category VARCHAR, list_price DECIMAL(18, 2),
    created_at TIMESTAMP, is_deleted BOOLEAN);
-- One piece of dirt. It stays in the source until the same field of the key is written again. key is the table's own,
-- order_id/line_number for lines, and the row's email where the key is what is missing.
CREATE TABLE truth.dirt (kind VARCHAR, table_name VARCHAR, key VARCHAR, committed_on DATE);
-- One row: the last committed day; the first day is number 1.
CREATE TABLE truth.current_day (day DATE, day_number INTEGER);
-- One row: what every value was drawn from.
CREATE TABLE truth.generator (seed BIGINT, customers BIGINT, first_day DATE);

INSERT INTO warehouse.source_clock SELECT getvariable('first_day')::DATE::TIMESTAMP;
INSERT INTO truth.current_day SELECT getvariable('first_day')::DATE - 1, 0;
INSERT INTO truth.generator SELECT getvariable('seed'), getvariable('customers'), getvariable('first_day');
