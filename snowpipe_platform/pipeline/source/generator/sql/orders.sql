-- Products, orders and lines as functions of their numbers. Orders are numbered by the day they are placed on.

CREATE TEMP MACRO category_of(product_number) AS
    getvariable('categories')[(1 + (product_number - 1) % len(getvariable('categories')))::BIGINT];
CREATE TEMP MACRO first_price(product_number) AS
    (between_draw(299, 14999, 'price', product_number, DATE '2000-01-01')::INTEGER * 0.01::DECIMAL(3, 2))
    ::DECIMAL(18, 2);
CREATE TEMP MACRO product_name_of(product_number) AS
    pick(getvariable('product_looks'), 'look', product_number, DATE '2000-01-01') || ' '
    || pick(getvariable('product_makes'), 'make', product_number, DATE '2000-01-01') || ' '
    || category_of(product_number) || ' ' || product_number::VARCHAR;

-- Products known when a day begins are numbered up to here, the delisted ones included.
CREATE TEMP MACRO products_before(day) AS
    getvariable('products') + greatest(days_open(day), 0) * getvariable('new_products_a_day');

CREATE TEMP MACRO history_order_day(order_number) AS
    getvariable('first_day')::DATE + ((order_number - 1) * 365 // getvariable('orders') - 365)::INTEGER;
CREATE TEMP MACRO orders_before(day) AS
    getvariable('orders') + days_open(day) * getvariable('new_orders_a_day');

-- A customer orders until a day drawn within about four years of signing up. A quarter are loyal, the others order
-- less: without that nothing could be learnt about who stays.
CREATE TEMP MACRO lapses_on(customer_number) AS
    customer_created_on(customer_number)
    + between_draw(30, 1530, 'lapse', customer_number, DATE '2000-01-01')::INTEGER;
CREATE TEMP MACRO candidate(turn, order_number, day) AS
    between_draw(1, customers_before(day), 'candidate ' || turn, order_number, day);
CREATE TEMP MACRO would_order(customer_number, turn, order_number, day) AS
    day < lapses_on(customer_number)
    AND (draw('loyal', customer_number, DATE '2000-01-01') % 100 < 25
         OR draw('mood ' || turn, order_number, day) % 100 < 40);

CREATE TEMP MACRO line_count(order_number) AS between_draw(1, 4, 'lines', order_number, DATE '2000-01-01');
CREATE TEMP MACRO first_quantity(order_number, line_number) AS
    pick([1, 1, 1, 1, 1, 2, 2, 3, 4, 6], 'quantity', line_draw_number(order_number, line_number), DATE '2000-01-01');
-- Half of the lines are of the customer's favourite category.
CREATE TEMP MACRO wanted_product(customer_number, order_number, line_number, product_count) AS
    CASE WHEN draw('favourite', line_draw_number(order_number, line_number), DATE '2000-01-01') % 2 = 0
         THEN draw('taste', customer_number, DATE '2000-01-01') % 20
              + 20 * (draw('product', line_draw_number(order_number, line_number), DATE '2000-01-01')
                      % (product_count // 20)::UBIGINT)
         ELSE draw('product', line_draw_number(order_number, line_number), DATE '2000-01-01')
              % product_count::UBIGINT END::BIGINT + 1;
CREATE TEMP MACRO source_quantity(quantity, order_number, line_number, day) AS
    CASE WHEN chance('text_quantity', line_draw_number(order_number, line_number), day)
         THEN pick(['abc', 'n/a', 'two'], 'text quantity', line_draw_number(order_number, line_number), day)
         ELSE quantity::VARCHAR END;

-- The days on which an order leaves 'placed', 'paid' and 'shipped'. All are over within 7 days of placing it.
CREATE TEMP MACRO paid_on(number, ordered_on) AS
    ordered_on + between_draw(1, 2, 'paid', number, DATE '2000-01-01')::INTEGER;
CREATE TEMP MACRO shipped_on(number, ordered_on) AS
    paid_on(number, ordered_on) + between_draw(1, 2, 'shipped', number, DATE '2000-01-01')::INTEGER;
CREATE TEMP MACRO delivered_on(number, ordered_on) AS
    shipped_on(number, ordered_on) + between_draw(1, 3, 'delivered', number, DATE '2000-01-01')::INTEGER;
-- 3% are cancelled instead of being paid, 3% instead of being shipped.
CREATE TEMP MACRO cancelled_instead_of(number) AS
    CASE WHEN draw('cancelled', number, DATE '2000-01-01') % 100 < 3 THEN 'paid'
         WHEN draw('cancelled', number, DATE '2000-01-01') % 100 < 6 THEN 'shipped' END;
CREATE TEMP MACRO status_on(number, ordered_on, day) AS
    CASE WHEN day < paid_on(number, ordered_on) THEN 'placed'
         WHEN cancelled_instead_of(number) = 'paid' THEN 'cancelled'
         WHEN day < shipped_on(number, ordered_on) THEN 'paid'
         WHEN cancelled_instead_of(number) = 'shipped' THEN 'cancelled'
         WHEN day < delivered_on(number, ordered_on) THEN 'shipped'
         ELSE 'delivered' END;
CREATE TEMP MACRO last_moved_on(number, ordered_on, day) AS
    CASE WHEN day < paid_on(number, ordered_on) THEN ordered_on
         WHEN day < shipped_on(number, ordered_on) OR cancelled_instead_of(number) = 'paid'
            THEN paid_on(number, ordered_on)
         WHEN day < delivered_on(number, ordered_on) OR cancelled_instead_of(number) = 'shipped'
            THEN shipped_on(number, ordered_on)
         ELSE delivered_on(number, ordered_on) END;
