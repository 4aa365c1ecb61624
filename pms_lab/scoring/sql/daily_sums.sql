-- What does each day add to the bias and to the agreement of each agent on each product?
-- Days, not cells, are independent of one another, so intervals are made from these sums.
SELECT
    location,
    product,
    agent,
    run_date,
    count(*) AS scored,
    sum(difference)::DOUBLE AS difference,
    sum(is_within(difference, manual, $tolerance, $is_percent)::INT)::DOUBLE AS within
FROM dry_runs
WHERE difference IS NOT NULL
GROUP BY ALL
ORDER BY ALL
