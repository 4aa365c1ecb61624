-- What was recommended for each cell, beside the current and the manual rate?
SELECT
    location, run_date, product, stay_date, rate_plan, occupancy, tax_basis, currency, rate, confidence, current, manual, manual_seen,
    difference,
    difference = 0 AS exact,
    is_within(difference, manual, $tolerance, $is_percent) AS within
FROM dry_runs
WHERE agent = 'consensus'
ORDER BY run_date, product, stay_date, rate_plan, occupancy, tax_basis
