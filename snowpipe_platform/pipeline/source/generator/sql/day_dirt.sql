-- One row for each piece of dirt that today's rows carry for the first time.

CREATE OR REPLACE TEMP TABLE day_dirt AS
SELECT kind, 'customers' AS table_name, customer_id AS key
FROM (
    SELECT customer_id, unnest([
        CASE WHEN field IN ('email', 'all') THEN email_dirt(number, today()) END,
        CASE WHEN field IN ('phone', 'all') THEN phone_dirt(number, today()) END,
        CASE WHEN field IN ('address', 'all') THEN state_dirt(number, today()) END,
        CASE WHEN field IN ('address', 'all') THEN zip_dirt(number, today()) END,
        CASE WHEN chance('duplicate_customer', number, today()) THEN 'duplicate' END,
        CASE WHEN is_late THEN 'late_change' END]) AS kind
    FROM day_customers)
WHERE kind IS NOT NULL
UNION ALL
SELECT 'null_key', 'customers', email FROM day_customers WHERE customer_id IS NULL
UNION ALL
SELECT 'late_change', 'orders', order_id FROM day_orders WHERE is_late
UNION ALL
SELECT kind, 'order_lines', order_id || '/' || line_number
FROM (
    SELECT order_id, line_number, unnest([
        CASE WHEN try_cast(source_quantity AS BIGINT) IS NULL THEN 'text_quantity' END,
        CASE WHEN chance('duplicate_line', line_draw_number(number, line_number), today())
             THEN 'duplicate' END]) AS kind
    FROM day_lines)
WHERE kind IS NOT NULL
UNION ALL
SELECT 'delete', 'products', product_id FROM day_products WHERE is_deleted;
