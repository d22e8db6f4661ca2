-- A changed row replaces every copy of the one before; whether it has a second copy is drawn anew.
BEGIN TRANSACTION;

DELETE FROM warehouse.customers WHERE customer_id IN (SELECT customer_id FROM day_customers WHERE NOT is_new);
INSERT INTO warehouse.customers
SELECT customer_id, first_name, last_name, email, phone, address, city, state, zip_code, created_at, updated_at
FROM (
    SELECT *, unnest(CASE WHEN chance('duplicate_customer', number, today()) THEN [1, 2] ELSE [1] END) AS copy
    FROM day_customers)
ORDER BY updated_at, customer_id;

UPDATE warehouse.orders AS o SET status = d.status, order_total = d.order_total, updated_at = d.updated_at
FROM day_orders AS d WHERE o.order_id = d.order_id AND NOT d.is_new;
INSERT INTO warehouse.orders
SELECT order_id, customer_id, status, currency, order_total, ordered_at, updated_at
FROM day_orders WHERE is_new ORDER BY order_id;

DELETE FROM warehouse.order_lines
WHERE (order_id, line_number) IN (SELECT (order_id, line_number) FROM day_lines WHERE NOT is_new);
INSERT INTO warehouse.order_lines
SELECT order_id, line_number, product_id, source_quantity, unit_price, updated_at
FROM (
    SELECT *,
        unnest(CASE WHEN chance('duplicate_line', line_draw_number(number, line_number), today()) THEN [1, 2]
                    ELSE [1] END) AS copy
    FROM day_lines)
ORDER BY order_id, line_number;

DELETE FROM warehouse.products WHERE product_id IN (SELECT product_id FROM day_products WHERE NOT is_new);
INSERT INTO warehouse.products
SELECT product_id, product_name, category, list_price, created_at
FROM day_products WHERE NOT is_deleted ORDER BY product_id;

UPDATE warehouse.source_clock SET now_at = (today() + 1)::TIMESTAMP;

COMMIT;
