-- How often do two people's own rates for the same cell agree? No agent can be asked to agree with people more.
SELECT
    location,
    count(*) AS pairs,
    avg(is_within(rate_a - rate_b, rate_b, $tolerance, $is_percent)::INT) AS within,
    count(*) FILTER (NOT exact_duplicate) AS pairs_without_duplicates,
    avg(is_within(rate_a - rate_b, rate_b, $tolerance, $is_percent)::INT) FILTER (NOT exact_duplicate) AS within_without_duplicates
FROM read_parquet($files)
WHERE location = $location AND run_date <= $last
GROUP BY ALL
