SELECT
    (SELECT count(*) FROM day_customers WHERE is_new AND customer_id IS NOT NULL) AS new_customers,
    (SELECT count(*) FROM day_customers WHERE NOT is_new) AS changed_customers,
    (SELECT count(*) FROM day_orders WHERE is_new) AS new_orders,
    (SELECT count(*) FROM day_orders WHERE NOT is_new) AS changed_orders,
    (SELECT count(*) FROM day_lines WHERE is_new) AS new_order_lines,
    (SELECT count(*) FROM day_lines WHERE NOT is_new) AS changed_order_lines,
    (SELECT count(*) FROM day_products WHERE is_new) AS new_products,
    (SELECT count(*) FROM day_products WHERE NOT is_new AND NOT is_deleted) AS changed_products,
    (SELECT count(*) FROM day_products WHERE is_deleted) AS deleted_products;
