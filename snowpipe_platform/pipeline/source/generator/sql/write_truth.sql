BEGIN TRANSACTION;

INSERT INTO truth.customer_versions
SELECT customer_id, updated_at, today(), first_name, last_name, clean_email, clean_phone, clean_street, clean_city,
    clean_state, clean_zip, created_at
FROM day_customers WHERE customer_id IS NOT NULL ORDER BY customer_id;

INSERT INTO truth.order_versions
SELECT order_id, updated_at, today(), customer_id, status, currency, order_total, ordered_at
FROM day_orders ORDER BY order_id;

INSERT INTO truth.order_line_versions
SELECT order_id, line_number, updated_at, today(), product_id, try_cast(source_quantity AS BIGINT), source_quantity,
    unit_price
FROM day_lines ORDER BY order_id, line_number;

INSERT INTO truth.product_versions
SELECT product_id, today(), product_name, category, list_price, created_at, is_deleted
FROM day_products ORDER BY product_id;

INSERT INTO truth.dirt SELECT kind, table_name, key, today() FROM day_dirt ORDER BY ALL;

UPDATE truth.current_day SET day = today(), day_number = days_open(today()) + 1;

COMMIT;
