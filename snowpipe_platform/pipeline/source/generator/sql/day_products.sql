-- The catalog that today's orders choose from is yesterday's, so a product is ordered from the day after it appears.

CREATE OR REPLACE TEMP TABLE catalog AS
SELECT row_number() OVER (ORDER BY product_id) - 1 AS place, *, number_of(product_id) AS number
FROM warehouse.products;

CREATE OR REPLACE TEMP TABLE day_products AS
WITH ranked AS (
    SELECT *, row_number() OVER (ORDER BY draw('delisted', number, today()), number) AS rank FROM catalog
), existing AS (
    SELECT *, rank <= getvariable('delisted_products_a_day') AS is_deleted,
        draw('category changed', number, today()) % 5 = 0 AS moves
    FROM ranked
    WHERE rank <= getvariable('delisted_products_a_day') + getvariable('changed_products_a_day')
)
SELECT product_id, product_name, created_at, is_deleted, false AS is_new,
    CASE WHEN moves AND NOT is_deleted
         THEN pick(list_filter(getvariable('categories'), lambda other: other <> category),
                   'new category', number, today())
         ELSE category END AS category,
    CASE WHEN moves OR is_deleted THEN list_price
         ELSE (list_price * pick([0.80, 0.90, 0.95, 1.05, 1.10, 1.25], 'new price', number, today()))::DECIMAL(18, 2)
         END AS list_price
FROM existing;

INSERT INTO day_products BY NAME
SELECT product_id_of(number) AS product_id, product_name_of(number) AS product_name,
    moment('product created', number, today()) AS created_at, false AS is_deleted, true AS is_new,
    category_of(number) AS category, first_price(number) AS list_price
FROM (SELECT products_before(today()) + range AS number FROM range(1, getvariable('new_products_a_day') + 1));
