-- The year of orders and two years of customers before the first day. Each statement streams. A table is scanned by
-- every thread where range() is read by one, so numbers come from a table: on disk, where a sequence takes no space.

CREATE TABLE truth.numbers AS SELECT range AS number FROM range(1, getvariable('orders') + 1);

CREATE TEMP VIEW history_customers AS
WITH created AS (
    SELECT number, customer_created_on(number) AS written_on FROM truth.numbers WHERE number <= getvariable('customers')
    UNION ALL
    SELECT range, customer_created_on(range) FROM range(1 - getvariable('history_null_key_rows'), 1)
), dated AS (
    SELECT *, moment('customer created', number, written_on) AS created_at,
        -- Two in five were changed between signing up and the first day.
        CASE WHEN draw('updated before', number, written_on) % 5 < 2 AND written_on < getvariable('first_day') - 1
             THEN between_draw(1, getvariable('first_day') - 1 - written_on, 'updated on', number, written_on)
             ELSE 0 END AS days_until_update
    FROM created
)
SELECT number, written_on, created_at,
    CASE WHEN days_until_update = 0 THEN created_at
         ELSE change_moment('customer', number, written_on + days_until_update::INTEGER) END AS updated_at
FROM dated;

INSERT INTO warehouse.customers
SELECT customer_id_of(number), first_name_of(number), last_name_of(number), source_email(number, written_on),
    source_phone(number, written_on), source_street(number, written_on), source_city(number, written_on),
    source_state(number, written_on), source_zip(number, written_on), created_at, updated_at
FROM history_customers;

INSERT INTO truth.customer_versions
SELECT customer_id_of(number), updated_at, updated_at::DATE, first_name_of(number), last_name_of(number),
    clean_email(number, written_on), clean_phone(number, written_on), clean_street(number, written_on),
    place_of(number, written_on).city, place_of(number, written_on).state, clean_zip(number, written_on), created_at
FROM history_customers WHERE number > 0;

INSERT INTO truth.dirt
SELECT kind, 'customers', customer_id_of(number), updated_at::DATE
FROM (
    SELECT number, updated_at, unnest([
        email_dirt(number, written_on), phone_dirt(number, written_on), state_dirt(number, written_on),
        zip_dirt(number, written_on),
        CASE WHEN chance('duplicate_customer', number, updated_at::DATE) THEN 'duplicate' END]) AS kind
    FROM history_customers)
WHERE kind IS NOT NULL;

INSERT INTO truth.dirt
SELECT 'null_key', 'customers', source_email(number, written_on), updated_at::DATE
FROM history_customers WHERE number < 1;

INSERT INTO warehouse.products
SELECT product_id_of(range), product_name_of(range), category_of(range), first_price(range),
    moment('product created', range,
           getvariable('first_day') - between_draw(400, 800, 'listed', range, DATE '2000-01-01')::INTEGER)
FROM range(1, getvariable('products') + 1);

INSERT INTO truth.product_versions
SELECT product_id, created_at::DATE, product_name, category, list_price, created_at, false FROM warehouse.products;

INSERT INTO truth.order_versions
WITH placed AS (
    SELECT number, history_order_day(number) AS ordered_on FROM truth.numbers
), candidates AS (
    SELECT *, candidate('1', number, ordered_on) AS first, candidate('2', number, ordered_on) AS second,
        candidate('3', number, ordered_on) AS third, candidate('4', number, ordered_on) AS fourth
    FROM placed
), chosen AS (
    SELECT number, ordered_on, moment('ordered', number, ordered_on) AS ordered_at,
        last_moved_on(number, ordered_on, getvariable('first_day') - 1) AS moved_on,
        CASE WHEN would_order(first, '1', number, ordered_on) THEN first
             WHEN would_order(second, '2', number, ordered_on) THEN second
             WHEN would_order(third, '3', number, ordered_on) THEN third
             ELSE fourth END AS customer_number
    FROM candidates
), priced AS (
    SELECT *,
        CASE WHEN moved_on = ordered_on THEN ordered_at ELSE change_moment('order', number, moved_on) END AS changed_at,
        list_sum([
            (first_price(wanted_product(customer_number, number, line, getvariable('products')))
             * first_quantity(number, line))::DECIMAL(18, 2)
            FOR line IN range(1, line_count(number) + 1)]) AS order_total
    FROM chosen
)
SELECT order_id_of(number), changed_at, changed_at::DATE, customer_id_of(customer_number),
    status_on(number, ordered_on, getvariable('first_day') - 1), 'USD', order_total, ordered_at
FROM priced;

INSERT INTO warehouse.orders
SELECT order_id, customer_id, status, currency, order_total, ordered_at, changed_at FROM truth.order_versions;

INSERT INTO truth.order_line_versions
WITH lines AS (
    SELECT *, unnest(range(1, line_count(number) + 1)) AS line
    FROM (SELECT *, number_of(order_id) AS number FROM truth.order_versions)
), filled AS (
    SELECT *, wanted_product(number_of(customer_id), number, line, getvariable('products')) AS product,
        source_quantity(first_quantity(number, line), number, line, ordered_at::DATE) AS source_quantity
    FROM lines
)
SELECT order_id, line, ordered_at, ordered_at::DATE, product_id_of(product), try_cast(source_quantity AS BIGINT),
    source_quantity, first_price(product)
FROM filled;

INSERT INTO warehouse.order_lines
SELECT order_id, line_number, product_id, source_quantity, unit_price, changed_at FROM truth.order_line_versions;

INSERT INTO truth.dirt
SELECT kind, 'order_lines', order_id || '/' || line_number, committed_on
FROM (
    SELECT order_id, line_number, committed_on, unnest([
        CASE WHEN quantity IS NULL THEN 'text_quantity' END,
        CASE WHEN chance('duplicate_line', line_draw_number(number_of(order_id), line_number), committed_on)
             THEN 'duplicate' END]) AS kind
    FROM truth.order_line_versions)
WHERE kind IS NOT NULL;

-- The second copies, once every table is written.
INSERT INTO warehouse.customers
SELECT * FROM warehouse.customers
WHERE chance('duplicate_customer', number_of(customer_id), updated_at::DATE);

INSERT INTO warehouse.order_lines
SELECT * FROM warehouse.order_lines
WHERE chance('duplicate_line', line_draw_number(number_of(order_id), line_number), updated_at::DATE);

DROP TABLE truth.numbers;
