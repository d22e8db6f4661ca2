-- The orders and lines that today commits, worked out from the state at the end of yesterday.

CREATE OR REPLACE TEMP TABLE open_orders AS
SELECT *, number_of(order_id) AS number, status_on(number_of(order_id), ordered_at::DATE, today()) AS status_today
FROM warehouse.orders
-- Every order is delivered or cancelled within 7 days; the bound lets the scan skip what is older.
WHERE status IN ('placed', 'paid', 'shipped') AND ordered_at >= today() - 8;

CREATE OR REPLACE TEMP TABLE placed_orders AS
WITH placed AS (
    SELECT orders_before(today()) + range AS number FROM range(1, getvariable('new_orders_a_day') + 1)
), candidates AS (
    SELECT *, candidate('1', number, today()) AS first, candidate('2', number, today()) AS second,
        candidate('3', number, today()) AS third, candidate('4', number, today()) AS fourth
    FROM placed
)
SELECT number, moment('ordered', number, today()) AS ordered_at,
    CASE WHEN would_order(first, '1', number, today()) THEN first
         WHEN would_order(second, '2', number, today()) THEN second
         WHEN would_order(third, '3', number, today()) THEN third
         ELSE fourth END AS customer_number
FROM candidates;

-- One row a line, without its second copy. true_quantity is what the order's total counts, also where the text is not
-- a number.
CREATE OR REPLACE TEMP TABLE day_lines AS
WITH wanted AS (
    SELECT number, ordered_at, line::INTEGER AS line_number, first_quantity(number, line) AS true_quantity,
        wanted_product(customer_number, number, line, products_before(today())) AS product,
        draw('instead', line_draw_number(number, line), today()) % (SELECT count(*) FROM catalog) AS instead
    FROM (SELECT *, unnest(range(1, line_count(number) + 1)) AS line FROM placed_orders)
)
SELECT order_id_of(wanted.number) AS order_id, wanted.number, line_number, true AS is_new,
    coalesce(exact.product_id, other.product_id) AS product_id, true_quantity,
    source_quantity(true_quantity, wanted.number, line_number, today()) AS source_quantity,
    coalesce(exact.list_price, other.list_price) AS unit_price,
    0::BIGINT AS quantity_added, ordered_at AS updated_at
FROM wanted
LEFT JOIN catalog AS exact ON exact.number = wanted.product
-- A delisted product is not found by its number: another one is taken instead.
JOIN catalog AS other ON other.place = wanted.instead;

INSERT INTO day_lines
WITH lines AS (
    SELECT DISTINCT l.*, o.number, try_cast(l.quantity AS BIGINT) AS old_quantity
    FROM warehouse.order_lines AS l JOIN open_orders AS o USING (order_id)
    WHERE o.status IN ('placed', 'paid') AND try_cast(l.quantity AS BIGINT) IS NOT NULL
), changed AS (
    -- 1 to 5, and never the old one: the remainder would have to be one less.
    SELECT *,
        1 + (old_quantity + between_draw(0, 3, 'quantity now', line_draw_number(number, line_number), today())) % 5
            AS new_quantity
    FROM lines
    WHERE chance('quantity_change', line_draw_number(number, line_number), today())
)
SELECT order_id, number, line_number, false, product_id, new_quantity, new_quantity::VARCHAR, unit_price,
    new_quantity - old_quantity, change_moment('order', number, today())
FROM changed;

-- About half of the texts are mended on a day within two weeks of being written, or of the first day.
INSERT INTO day_lines
WITH texts AS (
    SELECT split_part(key, '/', 1) AS order_id, split_part(key, '/', 2)::INTEGER AS line_number,
        greatest(committed_on, getvariable('first_day') - 1) AS known_on,
        line_draw_number(number_of(split_part(key, '/', 1)), split_part(key, '/', 2)::INTEGER) AS line_key
    FROM truth.dirt WHERE kind = 'text_quantity' AND committed_on < today()
), mended AS (
    SELECT order_id, line_number, line_key FROM texts
    WHERE chance('text_quantity_mended', line_key, DATE '2000-01-01')
        AND known_on + between_draw(1, 14, 'mended on', line_key, DATE '2000-01-01')::INTEGER = today()
)
SELECT DISTINCT l.order_id, number_of(l.order_id), l.line_number, false, l.product_id,
    first_quantity(number_of(l.order_id), l.line_number)::BIGINT,
    first_quantity(number_of(l.order_id), l.line_number)::VARCHAR, l.unit_price, 0::BIGINT,
    change_moment('line', line_key, today())
FROM warehouse.order_lines AS l JOIN mended USING (order_id, line_number);

CREATE OR REPLACE TEMP TABLE day_orders AS
WITH added AS (
    SELECT order_id, sum(quantity_added * unit_price)::DECIMAL(18, 2) AS amount
    FROM day_lines WHERE quantity_added <> 0 GROUP BY order_id
), changed AS (
    SELECT o.*, coalesce(added.amount, 0) AS amount,
        -- A change of a line carries its order's instant, so only orders whose lines stay can be late.
        added.order_id IS NULL AND chance('late_order', number, today())
            AND late_moment('order', number, today()) > o.updated_at AS is_late
    FROM open_orders AS o LEFT JOIN added USING (order_id)
    WHERE o.status <> o.status_today OR added.order_id IS NOT NULL
)
SELECT order_id, customer_id, status_today AS status, currency, (order_total + amount)::DECIMAL(18, 2) AS order_total,
    ordered_at, false AS is_new, is_late,
    CASE WHEN is_late THEN late_moment('order', number, today())
         ELSE change_moment('order', number, today()) END AS updated_at
FROM changed;

INSERT INTO day_orders
WITH totals AS (
    SELECT number, sum(true_quantity * unit_price)::DECIMAL(18, 2) AS order_total
    FROM day_lines WHERE is_new GROUP BY number
)
SELECT order_id_of(number), customer_id_of(customer_number), 'placed', 'USD', order_total, ordered_at, true, false,
    ordered_at
FROM placed_orders JOIN totals USING (number);
